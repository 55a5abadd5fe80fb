"""Files that are no files: nothing hangs, nothing takes all memory, and a sentence says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.presets.environment import Environment
from opro_cli.presets.files import load_file
from opro_cli.presets.reading import read_bytes

KINDS = {
    "a pipe": (os.mkfifo, "is not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is not a file"),
    "a circle": (lambda path: path.symlink_to(path), "links"),
    "a folder": (Path.mkdir, "is a directory"),
    "a large file": (lambda path: path.write_bytes(b"a" * 1_000_001), "is larger than 1,000,000"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_file_is_read(kind):
    make, why = KINDS[kind]
    make(Path(".env"))
    with pytest.raises(UsageError, match=why) as refused:
        Environment()
    assert refused.value.hint
    make(Path("mine.yaml"))
    with pytest.raises(PresetError, match=why):
        load_file(Path("mine.yaml"))


def test_a_link_to_a_file_is_a_file_and_one_to_nothing_is_nothing():
    Path("there").write_text("MODEL_NAME=local\n")
    Path(".env").symlink_to("there")
    assert Environment()["MODEL_NAME"] == "local"
    assert read_bytes(Path(".env"), 20) == b"MODEL_NAME=local\n"
    Path("there").unlink()
    assert "MODEL_NAME" not in Environment()
