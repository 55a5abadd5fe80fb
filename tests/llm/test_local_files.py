"""Model files that are damaged or hostile: a sentence, never the end of the process."""

from __future__ import annotations

import asyncio
import random
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable
from opro_cli.core.model import ModelRequest, Request
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.local import check, gguf, model_file, probe
from opro_cli.llm.local import model as local
from opro_cli.llm.local.provider import PROVIDER

ENGINE = "engine 1"


def number(value: int) -> tuple[int, int]:
    return 4, value


def tiny(without: str = "", **changes) -> gguf.Gguf:
    """The head of a model of one block and four tokens; ``changes`` have ``_`` for a dot."""
    tokens = [b"<unk>", b"<s>", b"</s>", b"a"]
    values = {
        "general.architecture": (gguf.STRING, b"llama"),
        "llama.block_count": number(1),
        "llama.context_length": number(64),
        "llama.embedding_length": number(32),
        "llama.feed_forward_length": number(64),
        "llama.attention.head_count": number(2),
        "tokenizer.ggml.model": (gguf.STRING, b"llama"),
        "tokenizer.ggml.tokens": (gguf.ARRAY, gguf.Array(gguf.STRING, tokens)),
        "tokenizer.ggml.bos_token_id": number(1),
    }
    names = {key.replace(".", "_"): key for key in values}
    values |= {names.get(name, name): value for name, value in changes.items()}
    values.pop(without, None)
    embedding = gguf.Tensor((32, 4), 0, np.zeros((4, 128), np.uint8))
    return gguf.Gguf(values, {"token_embd.weight": embedding})


def written(folder: Path, model: gguf.Gguf) -> Path:
    path = folder / "model.gguf"
    gguf.write(model, path)
    return path


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def head(tensors: int, values: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, values)


def tensor(*shape: int, kind: int = 0, offset: int = 0) -> bytes:
    form = f"<I{len(shape)}QIQ"
    return head(1, 0) + string(b"x") + struct.pack(form, len(shape), *shape, kind, offset)


BYTES = {
    "empty": b"",
    "only the magic": b"GGUF",
    "something else": b"PK\3\4" * 50,
    "an old version": head(0, 0, 1),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "no end of tensors": head(2**62, 0),
    "no end of values": head(0, 2**62),
    "a long name": head(0, 1) + struct.pack("<Q", 2**63),
    "a long array": head(0, 1) + string(b"a") + struct.pack("<IIQ", 9, 10, 2**60),
    "a long list": head(0, 1) + string(b"a") + struct.pack("<IIQ", 9, 8, 2**60),
    "an array of arrays": head(0, 1) + string(b"a") + struct.pack("<IIQ", 9, 9, 1) * 300,
    "an unknown type": head(0, 1) + string(b"a") + struct.pack("<IQ", 77, 0),
    "a name of noise": head(0, 1) + string(b"\xff\xfe") + struct.pack("<II", 4, 0),
    "one key twice": head(0, 2) + (string(b"a") + struct.pack("<II", 4, 0)) * 2,
    "many dimensions": tensor(*[1] * 60),
    "no dimensions": tensor(),
    "a dimension of nothing": tensor(0, 4),
    "a negative dimension": tensor(2**64 - 32),
    "dimensions that overflow": tensor(2**33, 2**33),
    "a large type": tensor(32, kind=2**31),
    "half a block": tensor(33, kind=gguf.Q8_0),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_model_are_refused(tmp_path, name):
    path = tmp_path / "model.gguf"
    path.write_bytes(BYTES[name])
    with pytest.raises(ModelUnavailable, match="is no model file that can be used: ") as caught:
        model_file.digest(path)
    assert len(caught.value.message) < 400


CHANGES = {
    "no architecture": {"without": "general.architecture"},
    "no name of one": {"general_architecture": (gguf.STRING, b"")},
    "a number for one": {"general_architecture": number(5)},
    "no block count": {"without": "llama.block_count"},
    "no blocks": {"llama_block_count": number(0)},
    "a million blocks": {"llama_block_count": number(10**6)},
    "no heads": {"llama_attention_head_count": number(0)},
    "heads in words": {"llama_attention_head_count": (gguf.STRING, b"two")},
    "a list with no heads": {
        "llama_attention_head_count": (gguf.ARRAY, gguf.Array(4, np.array([2, 0], np.uint32)))
    },
    "no context": {"llama_context_length": number(0)},
    "another width": {"llama_embedding_length": number(7)},
    "a token that is none": {"tokenizer_ggml_bos_token_id": number(4)},
    "a negative token": {"tokenizer_ggml_bos_token_id": (5, -3)},
    "an odd alignment": {"general.alignment": number(33)},
    "an alignment of nothing": {"general.alignment": number(0)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_head_with_a_wrong_value_is_refused(tmp_path, name):
    path = written(tmp_path, tiny(**CHANGES[name]))
    with pytest.raises(ValueError, match=r"it|its|file"):
        check.check_model(path)


def test_a_right_head_passes(tmp_path):
    check.check_model(written(tmp_path, tiny()))
    listed = (gguf.ARRAY, gguf.Array(4, np.array([2, 2], np.uint32)))
    check.check_model(written(tmp_path, tiny(llama_attention_head_count=listed)))


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = written(tmp_path, tiny())
    whole = path.read_bytes()
    for size in range(0, len(whole) - 32, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"it|file"):
            check.check_model(path)


def test_noise_in_a_head_is_a_value_error_or_passes(tmp_path):
    path = written(tmp_path, tiny())
    whole, rng = path.read_bytes(), random.Random(3)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 9)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            check.check_model(path)
        except ValueError as error:
            assert str(error)


# What the engine does with a file shows in a process of its own.


@pytest.fixture
def behave(tmp_path, monkeypatch):
    """A stand-in for the process that tries a file: ``behave("code")``."""
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "cache"))
    real = probe.subprocess.run
    tried: list[str] = []

    def start(code: str) -> list[str]:
        def run(command, **options):
            tried.append(command[-2])
            return real([sys.executable, "-c", code], **options)

        monkeypatch.setattr(probe.subprocess, "run", run)
        return tried

    return start


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.abort()", "crashes with .*model.gguf .SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os; os._exit(3)", "crashes with .*exit code 3"),
        (f"raise SystemExit({probe.REFUSED})", "The engine refuses"),
        ("import time; time.sleep(60)", "has not loaded .* in 1 seconds"),
    ],
)
def test_a_file_that_the_engine_does_not_survive_is_one_sentence(
    tmp_path, behave, monkeypatch, code, words
):
    monkeypatch.setattr(probe, "PATIENCE", 1.0)
    path = written(tmp_path, tiny())
    behave(code)
    with pytest.raises(ModelUnavailable, match=words) as caught:
        probe.probe(path, "ab" * 32, ENGINE)
    assert "again" in caught.value.hint


def test_a_file_that_passed_is_not_tried_again(tmp_path, behave):
    path = written(tmp_path, tiny())
    tried = behave("")
    for sha256, engine in (("a", ENGINE), ("a", ENGINE), ("b", ENGINE), ("a", "engine 2")):
        probe.probe(path, sha256, engine)
    assert tried == [str(path)] * 3


def test_a_process_that_says_nothing_of_the_file_decides_nothing(tmp_path, behave):
    path = written(tmp_path, tiny())
    tried = behave("import nothing_like_this")
    probe.probe(path, "a", ENGINE)
    probe.probe(path, "a", ENGINE)
    assert len(tried) == 2


class Pool:
    """What a provider opens a model with."""

    budget = Budget(BudgetSettings())

    @staticmethod
    def client(kind, server, make):
        return make()


def opened(path: Path):
    return PROVIDER.open(PROVIDER.check(ModelRequest(f"local:{path}"), {}), Pool())


@pytest.fixture
def whole() -> gguf.Gguf:
    if not model_file.installed():
        pytest.skip("the packaged model is not installed")
    return gguf.read(model_file.model_file("local")[0])


@pytest.mark.model
@pytest.mark.parametrize(
    "change",
    [
        {"general.architecture": (gguf.STRING, b"nonesuch")},
        {"tokenizer.ggml.model": (gguf.STRING, b"%s%s%n")},
        {"tokenizer.ggml.token_type": (gguf.ARRAY, gguf.Array(5, np.ones(3, np.int32)))},
        {"gemma3.attention.key_length": (4, 64)},
    ],
    ids=["architecture", "tokenizer", "few types", "other heads"],
)
def test_a_whole_file_that_the_engine_cannot_use_is_one_sentence(
    tmp_path, monkeypatch, whole, change
):
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "cache"))
    values = {("gemma3." + k if k.startswith(".") else k): v for k, v in change.items()}
    if "general.architecture" in change:
        values |= {
            key.replace("gemma3.", "nonesuch."): value
            for key, value in whole.values.items()
            if key.startswith("gemma3.")
        }
    path = written(tmp_path, gguf.Gguf(whole.values | values, whole.tensors))
    with pytest.raises(ModelUnavailable, match=r"The engine (refuses|crashes)"):
        opened(path)


@pytest.mark.model
def test_a_good_file_is_tried_once_and_says_what_it_is(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPRO_THREADS", "1")
    path = written(tmp_path, whole)
    model = opened(path)
    details = model.info.details
    assert details["sha256"] == model_file.sha256(path)
    assert details["threads"] == "1"
    assert details["engine"].startswith("xllamacpp 20")
    assert "processor" in details
    assert len(list((tmp_path / "cache" / "probed").iterdir())) == 1
    asyncio.run(model.close())


@pytest.mark.model
def test_a_file_that_changes_meanwhile_is_not_loaded_again(tmp_path, whole):
    """Samples of two models must not come into one run."""
    path = written(tmp_path, whole)
    model = local.LocalModel(path, "model", 1)
    with path.open("r+b") as file:
        file.truncate(1000)
    (reply,) = asyncio.run(model.sample(Request("1, 2, 3,", 1, 1, max_tokens=2)))  # it is in memory
    assert reply.usage.output
    with pytest.raises(LLMError, match="has changed since the run began"):
        asyncio.run(model.sample(Request("1, 2, 3,", 2, 1, max_tokens=2)))
    asyncio.run(model.close())
