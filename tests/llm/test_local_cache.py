"""The cache of the packaged model: several processes, killed ones, other people, no home."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest
from opro_cli.llm.local import cache, compact, model_file
from opro_cli.llm.local.provider import PROVIDER

NAME = f"gemma-3-270m-compact-{compact.RECIPE}.gguf"

packaged = pytest.mark.skipif(not model_file.installed(), reason="no packaged model")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty cache folder."""
    path = tmp_path / "cache"
    path.mkdir()
    monkeypatch.setenv("OPRO_CACHE_DIR", str(path))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {cache.LOCK}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def building(folder: Path) -> subprocess.Popen[str]:
    code = "from opro_cli.llm.local.model_file import model_file; print(*model_file('local'))"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "OPRO_CACHE_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@packaged
def test_two_processes_make_it_together(folder):
    for process in [building(folder) for _ in range(2)]:
        out, err = process.communicate(timeout=300)
        assert (out.split(), err) == ([str(folder / NAME), "gemma-3-270m"], "")
    assert names(folder) == {NAME}
    assert sha256(folder / NAME) == compact.SHA256


@packaged
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_what_killed_processes_leave_is_removed(folder):
    for seconds in (0.4, 0.8, 1.2, 1.6):
        process = building(folder)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        assert len(names(folder)) <= 1
        (folder / NAME).unlink(missing_ok=True)
    (folder / f".{NAME}-0123{cache.PARTIAL}").write_bytes(b"cut")
    assert model_file.model_file("local")[0] == folder / NAME
    assert names(folder) == {NAME}


@packaged
@pytest.mark.parametrize("planted", ["another file", "a link", "damage"])
def test_what_has_another_hash_is_replaced(folder, planted):
    target = folder / NAME
    victim = folder.parent / "precious"
    victim.write_text("precious")
    if planted == "another file":
        target.write_bytes(b"GGUF another model")
    elif planted == "a link":
        target.symlink_to(victim)
    else:
        model_file.model_file("local")
        with target.open("r+b") as file:
            file.seek(1000)
            file.write(b"damage")
    model_file.model_file("local")
    assert not target.is_symlink()
    assert sha256(target) == compact.SHA256
    assert victim.read_text() == "precious"


@packaged
def test_a_file_that_vouches_for_itself_is_refused(folder):
    (folder / NAME).write_bytes(b"GGUF another model")
    (folder / f"{NAME}.sha256").write_text(sha256(folder / NAME))
    with pytest.raises(ModelUnavailable, match="somebody has replaced it") as caught:
        model_file.model_file("local")
    assert "OPRO_CACHE_DIR" in caught.value.hint


@packaged
def test_another_packaged_file_is_refused_before_it_is_read(folder, monkeypatch):
    """Its publisher is unknown: only the hash says what it is."""
    monkeypatch.setattr(model_file, "GEMMA", replace(model_file.GEMMA, sha256="0" * 64))
    monkeypatch.setattr(compact, "read", lambda source: pytest.fail("read"))
    with pytest.raises(ModelUnavailable, match="not the known one"):
        model_file.model_file("local")
    assert names(folder) == set()


def test_a_new_file_is_never_written_through_a_link(tmp_path, monkeypatch):
    victim = tmp_path / "precious"
    victim.write_text("precious")
    monkeypatch.setattr(cache.secrets, "token_hex", lambda n: "known")
    partial = tmp_path / f".model-known{cache.PARTIAL}"
    partial.symlink_to(victim)
    with pytest.raises(FileExistsError), cache.replacing(tmp_path / "model") as file:
        file.write(b"new")
    assert victim.read_text() == "precious"


def test_the_names_of_new_files_differ(tmp_path):
    seen = set()
    for _ in range(20):
        with cache.replacing(tmp_path / "model") as file:
            seen |= {path.name for path in tmp_path.iterdir()} - {"model"}
            file.write(b"new")
    assert len(seen) == 20
    assert all(name.startswith(".model-") and len(name) > 22 for name in seen)
    assert (tmp_path / "model").read_bytes() == b"new"


def test_a_folder_that_cannot_be_locked_is_used_all_the_same(tmp_path):
    """Files of others may be in the making there: only old ones are removed."""
    (tmp_path / cache.LOCK).symlink_to(tmp_path / "elsewhere")
    for name, age in (("new", 60), ("old", 2 * cache.DAY)):
        path = tmp_path / f".{name}{cache.PARTIAL}"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    with cache.alone(tmp_path):
        assert not (tmp_path / "elsewhere").exists()
    assert names(tmp_path) == {f".new{cache.PARTIAL}"}


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, value, expected in (
        ("OPRO_CACHE_DIR", "~/mine", tmp_path / "mine"),
        ("OPRO_CACHE_DIR", "", tmp_path / ".cache" / "opro"),
        ("XDG_CACHE_HOME", str(tmp_path / "xdg"), tmp_path / "xdg" / "opro"),
        ("XDG_CACHE_HOME", "relative", tmp_path / ".cache" / "opro"),
    ):
        with monkeypatch.context() as patch:
            patch.delenv("OPRO_CACHE_DIR")
            patch.delenv("XDG_CACHE_HOME", raising=False)
            patch.setenv(variable, value)
            assert cache.cache_folder() == expected, (variable, value)
    monkeypatch.setenv("OPRO_CACHE_DIR", "~nobody-here/cache")
    with pytest.raises(ModelUnavailable, match="OPRO_CACHE_DIR=~nobody-here/cache"):
        cache.cache_folder()


@pytest.fixture
def homeless(tmp_path, monkeypatch):
    """No home, and a folder for temporary files."""
    monkeypatch.delenv("OPRO_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "home", home)
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no user ids")
def test_without_a_home_it_is_a_folder_that_only_the_user_can_enter(homeless):
    found = cache.cache_folder()
    assert found == cache.cache_folder()
    assert found.parent == homeless
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no user ids")
@pytest.mark.parametrize("planted", ["open", "a link", "a file"])
def test_without_a_home_somebody_elses_folder_is_not_used(homeless, planted):
    mine = homeless / f"opro-cache-{os.getuid()}"
    if planted == "open":
        mine.mkdir()
        mine.chmod(0o777)
    elif planted == "a link":
        (homeless / "elsewhere").mkdir()
        mine.symlink_to(homeless / "elsewhere")
    else:
        mine.touch()
    with pytest.raises(ModelUnavailable, match="There is no home folder") as caught:
        cache.cache_folder()
    assert "OPRO_CACHE_DIR" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("~nobody-here/x.gguf", "no such home folder"),
        ("missing.gguf", "no model file missing.gguf"),
        ("x" * 5000, "model file xxx"),
        (".", "no model file"),
    ],
)
def test_a_path_that_is_no_file_is_one_sentence(name, words):
    pytest.importorskip("xllamacpp")
    with pytest.raises(ModelUnavailable, match=words) as caught:
        PROVIDER.check(ModelRequest(f"local:{name}"), {})
    assert len(caught.value.message) < 400
