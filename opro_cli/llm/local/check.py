"""Checks a GGUF file before the engine reads it, which ends the process where a file is wrong.

The check reads the head of the file: sizes and counts, the keys that the engine divides by or
allocates from, ids of tokens, and the places of the tensors. What it cannot see,
:mod:`opro_cli.llm.local.probe` finds out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opro_cli.core.model import Ability
from opro_cli.llm.local.gguf import STRING, Array, Head, read_head

ARCHITECTURE = "general.architecture"

TOKENS = "tokenizer.ggml.tokens"

CHAT = "tokenizer.chat_template"
"""How a model that follows instructions wants its messages written."""

SIZES = {
    "block_count": 10_000,
    "context_length": 2**30,
    "embedding_length": 2**20,
    "attention.head_count": 2**16,
}
"""Keys that every model has, under the name of its architecture, with the largest value."""

OPTIONAL_SIZES = {
    "attention.head_count_kv": 2**16,
    "attention.key_length": 2**16,
    "attention.value_length": 2**16,
    "feed_forward_length": 2**24,
    "vocab_size": 2**24,
}
"""Keys that a model may have. A list has one number for each block."""

MAY_BE_ZERO = ("attention.head_count_kv", "feed_forward_length")
"""Keys whose lists may hold 0: some blocks of some models have none."""

EMBEDDING = "token_embd.weight"


def check_model(path: Path) -> Ability:
    """What the model can do: one with a chat template follows instructions.

    Raises ValueError, which says what is wrong, or OSError.
    """
    head = read_head(path)
    kind, architecture = head.values.get(ARCHITECTURE, (0, b""))
    if kind != STRING or not architecture:
        raise ValueError(f"it does not name its {ARCHITECTURE}")
    if not head.tensors:
        raise ValueError("it has no tensors")
    for tensor in head.tensors:
        if tensor.start + (tensor.size or 0) > head.length:
            raise ValueError(f"the file ends before its tensor {tensor.name[:60]!r} does")
    prefix = architecture.decode("utf-8", "replace")
    _check_sizes(head.values, prefix)
    _check_vocabulary(head, prefix)
    kind, template = head.values.get(CHAT, (0, b""))
    return "instruct" if kind == STRING and template.strip() else "continue"


def _check_sizes(values: dict[str, tuple[int, Any]], prefix: str) -> None:
    for name, most in SIZES.items():
        if f"{prefix}.{name}" not in values:
            raise ValueError(f"it does not say its {prefix[:40]}.{name}")
        _check_size(values, prefix, name, most)
    for name, most in OPTIONAL_SIZES.items():
        _check_size(values, prefix, name, most)


def _check_size(values: dict[str, tuple[int, Any]], prefix: str, name: str, most: int) -> None:
    key = f"{prefix}.{name}"
    _, value = values.get(key, (0, None))
    if value is None:
        return
    listed = value.items if isinstance(value, Array) else [value]
    numbers = [n for n in listed if isinstance(n, int) or hasattr(n, "is_integer")]
    least = 0 if name in MAY_BE_ZERO else 1
    if (
        len(numbers) != len(listed)
        or not numbers
        or not least <= min(numbers)
        or max(numbers) > most
    ):
        raise ValueError(f"its {key[:60]} is {_shown(value)}")


def _check_vocabulary(head: Head, prefix: str) -> None:
    """The ids of special tokens are in the vocabulary, and the embedding has a row for each."""
    _, tokens = head.values.get(TOKENS, (0, None))
    count = len(tokens.items) if isinstance(tokens, Array) else None
    for tensor in head.tensors:
        if tensor.name != EMBEDDING:
            continue
        _, width = head.values[f"{prefix}.embedding_length"]
        if tensor.shape[0] != width:
            raise ValueError(f"its embedding has {tensor.shape[0]:,} columns, not {width:,}")
        count = min(count or tensor.shape[-1], tensor.shape[-1])
    for key, (_, value) in head.values.items():
        if not (key.startswith("tokenizer.ggml.") and key.endswith("_token_id")):
            continue
        if not isinstance(value, int) or (count is not None and not 0 <= value < count):
            raise ValueError(f"its {key[:60]} is {_shown(value)}, which is no token of it")


def _shown(value: Any) -> str:
    return "a list" if isinstance(value, Array) else str(value)[:30]
