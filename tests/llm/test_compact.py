"""The embedded model with a smaller vocabulary: what stays is the same, and it says the same."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Request
from opro_cli.llm.local import compact, gguf, model_file, parts
from opro_cli.llm.local.model import LocalModel
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.problems.regression.linear import LinearSettings

SETTINGS = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEM = SETTINGS.build(SETTINGS.targets[0], 0)
PAIRS = [
    ((20, 14), 1074396.89),
    ((12, -10), 417121.01),
    ((14, 14), 42747.81),
    ((16, 13), 12824.0),
]

WORDS = ["<pad>", "<eos>", "<bos>", "<unk>", "ab", "▁a", "été", "<later>", "a", "▁", "é", "<0x41>"]
KINDS = [3, 3, 3, 2, 1, 1, 1, 4, 1, 1, 1, 6]
FIRST = 6
STAY = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11]
EOT = 7


def tiny(**changes) -> gguf.Gguf:
    """A model of twelve tokens and three tensors."""
    rng = np.random.default_rng(0)

    def tensor(kind: int, *shape: int) -> gguf.Tensor:
        values, size = gguf.BLOCKS[kind]
        rows = rng.integers(0, 256, (shape[1] if shape[1:] else 1, shape[0] // values * size))
        return gguf.Tensor(shape, kind, rows.astype(np.uint8))

    values = {
        "general.architecture": (gguf.STRING, b"gemma3"),
        "gemma3.vocab_size": (4, len(WORDS)),
        "gemma3.rope.freq_base": (6, 1e6),
        compact.TOKENS: (gguf.ARRAY, gguf.Array(gguf.STRING, [w.encode() for w in WORDS])),
        compact.SCORES: (gguf.ARRAY, gguf.Array(6, -np.arange(12, dtype=np.float32))),
        compact.TYPES: (gguf.ARRAY, gguf.Array(5, np.array(KINDS, np.int32))),
        "tokenizer.ggml.bos_token_id": (4, 2),
        "tokenizer.ggml.eot_token_id": (4, EOT),
        "tokenizer.ggml.add_bos_token": (7, True),
    } | changes
    tensors = {
        "output_norm.weight": tensor(0, 65),  # 260 bytes, to be padded
        compact.ROWS: tensor(gguf.Q8_0, 64, len(WORDS)),
        "blk.0.attn_q.weight": tensor(gguf.Q5_0, 64, 3),
    }
    return gguf.Gguf(values, tensors)


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(compact, "FIRST", FIRST)
    path = tmp_path / "whole.gguf"
    gguf.write(tiny(), path)
    return path


@pytest.fixture
def built(source, tmp_path):
    compact.build(source, tmp_path / "cache" / "few.gguf")
    return tmp_path / "cache" / "few.gguf"


def numbers(tensor: gguf.Tensor) -> np.ndarray:
    """The values of a Q5_0 or Q8_0 tensor without their scales, one by one as ggml's C does it."""
    found = []
    for row in tensor.rows:
        size = gguf.BLOCKS[tensor.kind][1]
        for block in row.reshape(-1, size):
            if tensor.kind == gguf.Q8_0:
                found.append(block[2:].view(np.int8).tolist())
                continue
            high = int.from_bytes(block[2:6].tobytes(), "little")
            low = [int(b) & 15 for b in block[6:]] + [int(b) >> 4 for b in block[6:]]
            found.append([(x | (high >> i & 1) << 4) - 16 for i, x in enumerate(low)])
    return np.array(found)


def test_a_file_is_read_and_written_to_the_same_bytes(source, tmp_path):
    gguf.write(gguf.read(source), tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == source.read_bytes()


def test_first_tokens_letters_and_what_is_no_text_stay_with_their_rows(built):
    old, new = tiny(), gguf.read(built)
    assert new.values[compact.TOKENS][1].items == [WORDS[i].encode() for i in STAY]
    assert new.values[compact.SCORES][1].items.tolist() == [-i for i in STAY]
    assert new.values[compact.TYPES][1].items.tolist() == [KINDS[i] for i in STAY]
    assert new.tensors[compact.ROWS].shape == (64, len(STAY))
    assert np.array_equal(new.tensors[compact.ROWS].rows, old.tensors[compact.ROWS].rows[STAY])


def test_ids_and_the_size_follow_and_the_rest_is_as_it_was(built):
    old, new = tiny().values, gguf.read(built).values
    changed = {key for key in old if key.startswith(("general", "gemma3.rope", "tokenizer.ggml.a"))}
    assert {key: new[key] for key in changed} == {key: old[key] for key in changed}
    assert new["gemma3.vocab_size"] == (4, len(STAY))
    assert new["tokenizer.ggml.bos_token_id"] == (4, 2)
    assert new["tokenizer.ggml.eot_token_id"] == (4, STAY.index(EOT))


def test_eight_bits_hold_what_five_did(built):
    old, new = (m.tensors["blk.0.attn_q.weight"] for m in (tiny(), gguf.read(built)))
    assert (new.kind, new.shape) == (gguf.Q8_0, old.shape)
    assert np.array_equal(numbers(new), numbers(old))
    scales = old.rows.reshape(-1, 22)[:, :2]
    assert np.array_equal(new.rows.reshape(-1, 34)[:, :2], scales)


def test_the_same_source_gives_the_same_bytes(source, built, tmp_path):
    compact.build(source, tmp_path / "other.gguf")
    assert (tmp_path / "other.gguf").read_bytes() == built.read_bytes()


def known(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "a folder"])
def test_damage_is_seen_and_mended(source, built, damage):
    whole, expected = built.read_bytes(), known(built)
    assert parts.intact(built, expected)
    if damage == "changed":
        built.write_bytes(whole[:-40] + b"!" + whole[-39:])
    elif damage == "cut":
        built.write_bytes(whole[:-1])
    else:
        built.unlink()
    if damage == "a folder":
        built.mkdir()
    assert not parts.intact(built, expected)
    if damage == "a folder":
        built.rmdir()
    compact.build(source, built, expected)
    assert parts.intact(built, expected)
    assert built.read_bytes() == whole


def test_a_build_that_comes_out_otherwise_is_refused(source, tmp_path):
    target = tmp_path / "cache" / "few.gguf"
    with pytest.raises(ValueError, match="another hash"):
        compact.build(source, target, "0" * 64)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("where", ["write", "_hash"])
def test_a_build_cut_short_leaves_nothing(source, tmp_path, monkeypatch, error, where):
    real = getattr(compact, where)

    def cut(*args):
        real(*args)
        raise error

    monkeypatch.setattr(compact, where, cut)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        compact.build(source, tmp_path / "cache" / "few.gguf", "0" * 64)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_source_that_is_no_model_is_refused(source, tmp_path):
    whole = source.read_bytes()
    for content in (b"", b"GGUF", b"\x07" * 500, whole[:300], whole[:-200]):
        source.write_bytes(content)
        with pytest.raises(ValueError, match=r"file|tensor|GGUF"):
            compact.build(source, tmp_path / "few.gguf")
    gguf.write(tiny(**{"tokenizer.ggml.eot_token_id": (4, 10)}), source)  # é, which goes
    with pytest.raises(ValueError, match="eot_token_id"):
        compact.build(source, tmp_path / "few.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["whole.gguf"]


def test_two_processes_build_at_once(source, tmp_path):
    code = (
        "import sys, pathlib; from opro_cli.llm.local import compact; compact.FIRST = 6\n"
        "for _ in range(50): compact.build(*map(pathlib.Path, sys.argv[1:]))"
    )
    target = tmp_path / "cache" / "few.gguf"
    command = [sys.executable, "-c", code, source, target]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in both] == ["", ""]
    compact.build(source, tmp_path / "alone.gguf")
    assert target.read_bytes() == (tmp_path / "alone.gguf").read_bytes()
    assert list(target.parent.iterdir()) == [target]


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("xllamacpp")
    (tmp_path / "file").touch()
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ModelUnavailable, match="cannot be put together") as caught:
        model_file.model_file("local")
    assert "OPRO_CACHE_DIR" in caught.value.hint


# With the model itself.


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The packaged model whole, and as it is used."""
    if not model_file.installed():
        pytest.skip("the packaged model is not installed")
    whole = tmp_path_factory.mktemp("whole") / "whole.gguf"
    with whole.open("w+b") as file:
        model_file.join(file)
    yield whole, model_file.model_file("local")[0]
    whole.unlink()


def prompts() -> list[tuple[str, str]]:
    found = []
    for count, aim in ((2, 400000.0), (3, 12824.0), (4, 3000.0)):
        prompt = FORMS["list"].write(PROBLEM, PAIRS[:count], aim)
        found.append((prompt.text, prompt.grammar or ""))
    return found


def tokens(values, text: str) -> list[bytes]:
    """A line as a SentencePiece vocabulary has it: the neighbours of the best score are joined."""
    words, scores = values[compact.TOKENS][1].items, values[compact.SCORES][1].items
    score = dict(zip(words, scores.tolist(), strict=True))
    parts = [letter.encode() for letter in text.replace(" ", "▁")]
    while True:
        joined = [a + b for a, b in itertools.pairwise(parts)]
        known = [(-score[word], i) for i, word in enumerate(joined) if word in score]
        if not known:
            return parts
        _, i = min(known)
        parts[i : i + 2] = [joined[i]]


def test_the_packaged_model_gives_the_file_with_the_known_hash(files, tmp_path):
    compact.build(files[0], tmp_path / "few.gguf")
    assert known(tmp_path / "few.gguf") == compact.SHA256 == known(files[1])


@pytest.mark.model
def test_our_lists_are_the_same_tokens_in_both_vocabularies(files):
    whole, few = (gguf.read(path).values for path in files)
    text = prompts()[-1][0] + "\n" + FORMS["rows"].write(PROBLEM, PAIRS, 3000.0).text
    lines = [line for line in text.split("\n") if line]
    assert "value 12824: w=16, b=13" in lines
    for line in lines:
        parts = tokens(few, line)
        assert parts == tokens(whole, line)
        assert set(parts) <= set(few[compact.TOKENS][1].items)


@pytest.mark.model
def test_every_token_that_stays_can_still_be_put_together(files):
    values = gguf.read(files[1]).values
    words, kinds = (values[key][1].items for key in (compact.TOKENS, compact.TYPES))
    there = {word.decode() for word in words}

    def part(text: str) -> bool:
        return len(text) == 1 or text in there

    for word, kind in zip(words, kinds, strict=True):
        text = word.decode()
        if kind == compact.NORMAL and len(text) > 1:
            assert any(part(text[:i]) and part(text[i:]) for i in range(1, len(text))), text


@pytest.mark.model
def test_both_give_the_same_replies_at_temperature_zero(files, monkeypatch):
    monkeypatch.setenv("OPRO_THREADS", "1")  # two wait for each other where the machine is busy
    said = []
    for path in files:  # one after the other: never two in memory
        model = LocalModel(path, "gemma-3-270m", 1)
        asked = [
            Request(text, 1, 1, temperature=0.0, max_tokens=12, grammar=grammar, stop=("\n",))
            for text, grammar in prompts()
        ]
        replies = [asyncio.run(model.sample(request))[0] for request in asked]
        said.append([(reply.text, reply.usage.input, reply.usage.output) for reply in replies])
        asyncio.run(model.close())
    assert said[0] == said[1]
