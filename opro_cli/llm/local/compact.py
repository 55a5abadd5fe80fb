"""The packaged model with a smaller vocabulary: the same weights, without those of rare tokens.

Gemma 3 270M has 262,144 tokens, and on two cores most of the time of a reply is spent on scoring
them. Lists of numbers and common words need a few thousand. So the compact model keeps the tokens
that were merged first, every ASCII character, and every token that is not text. Their rows of the
embedding, which is the output head too, are copied unchanged. Text that needs a removed token is
written in smaller tokens, down to single bytes. The parts of a token have smaller ids than the
token, so every token that is kept can still be composed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from opro_cli.llm.local.cache import replacing
from opro_cli.llm.local.gguf import Q5_0, Q8_0, STRING, Array, Gguf, Tensor, read, write

RECIPE = 1
"""The version of the compact model: raise it when the same source gives another file."""

SHA256 = "5f043a4f7f00b2630a1c674f94d09603fb6323eafe8ca6cd1efde762d1a5bbfd"
"""The hash of the compact model that this recipe makes of it."""

FIRST = 20_000
"""Tokens with a smaller id are kept."""

ROWS = "token_embd.weight"

TOKENS, SCORES, TYPES = (f"tokenizer.ggml.{name}" for name in ("tokens", "scores", "token_type"))

NORMAL, UNUSED = 1, 5
"""Types of token; the others are unknown 2, control 3, user-defined 4 and byte 6."""

LETTERS = {*map(chr, range(128)), "\N{LOWER ONE EIGHTH BLOCK}"}
"""ASCII, and the character that stands for a space in the vocabulary."""


def build(source: Path | IO[bytes], target: Path, sha256: str = "") -> None:
    """Write the compact model. It appears complete or not at all; a link is replaced.

    The same source gives the same bytes.

    Args:
        source: a GGUF model with a SentencePiece vocabulary, such as the packaged one.
        target: the file to create or to replace.
        sha256: the hash that it must have; empty where it is not known.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: ``source`` is not such a model, or gives another file.
    """
    model = compacted(read(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as file:
        write(model, file)
        file.flush()
        file.seek(0)
        if sha256 and _hash(file) != sha256:
            raise ValueError("it came out with another hash than the known one")


def compacted(model: Gguf) -> Gguf:
    """The model with fewer tokens, and its Q5_0 tensors as Q8_0.

    Raises ValueError where it has no vocabulary, an embedding of another size, or a special id
    that names no token that is kept.
    """
    if ROWS not in model.tensors or not {TOKENS, SCORES, TYPES} <= model.values.keys():
        raise ValueError("a model without a vocabulary and its scores")
    embedding = model.tensors[ROWS]
    tokens, types = model.values[TOKENS][1].items, model.values[TYPES][1].items
    if len(tokens) != len(embedding.rows):
        raise ValueError("a vocabulary and an embedding of different sizes")
    keep = kept(tokens, types)
    few = Tensor((embedding.shape[0], len(keep)), embedding.kind, embedding.rows[keep])
    tensors = {**model.tensors, ROWS: few}
    return Gguf(
        _values(model.values, keep),
        {name: eight_bits(t) if t.kind == Q5_0 else t for name, t in tensors.items()},
    )


def kept(tokens: list[bytes], types: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The ids of the tokens to keep, ascending.

    Args:
        tokens: the UTF-8 text of each.
        types: (tokens,) the type of each.
    """
    letters = {letter.encode() for letter in LETTERS}
    keep = ~np.isin(types, (NORMAL, UNUSED))
    keep |= np.fromiter((token in letters for token in tokens), bool, len(tokens))
    keep[:FIRST] = True
    return np.flatnonzero(keep)


def eight_bits(tensor: Tensor) -> Tensor:
    """A Q5_0 tensor as Q8_0: larger by half, with exactly the same values, and faster.

    A block of Q5_0 (``block_q5_0`` of ggml) holds 32 values: a scale in 2 bytes; the fifth bits in
    4 bytes; and the other four bits in 16 bytes, values 0 to 15 in the lower halves and 16 to 31
    in the upper halves. 16 means zero. In Q8_0, 32 signed bytes follow the scale.
    """
    blocks = tensor.rows.reshape(-1, 22)
    wide = np.empty((len(blocks), 34), np.uint8)
    wide[:, :2] = blocks[:, :2]
    wide[:, 2:18] = blocks[:, 6:] & 15
    wide[:, 18:] = blocks[:, 6:] >> 4
    wide[:, 2:] |= np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little") << 4
    wide[:, 2:] -= 16  # unsigned bytes wrap round to the bits of negative signed ones
    return Tensor(tensor.shape, Q8_0, wide.reshape(len(tensor.rows), -1))


def _values(
    values: dict[str, tuple[int, Any]], keep: npt.NDArray[np.int64]
) -> dict[str, tuple[int, Any]]:
    """The model's metadata for the tokens kept, under their new ids. Raises ValueError."""
    place = {int(old): new for new, old in enumerate(keep)}
    made = {}
    for key, (kind, value) in values.items():
        now = value
        if key in (TOKENS, SCORES, TYPES):
            items = value.items
            now = Array(value.of, [items[i] for i in keep] if value.of == STRING else items[keep])
        elif key.startswith("tokenizer.ggml.") and key.endswith("_token_id"):
            if value not in place:
                raise ValueError(f"{key} names no token that stays")
            now = place[value]
        elif key.endswith(".vocab_size"):
            now = len(keep)
        made[key] = (kind, now)
    return made


def _hash(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
