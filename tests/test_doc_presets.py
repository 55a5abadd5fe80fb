"""The page on presets has every preset and setting, and its commands work."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from tests.test_docs import write_files

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "presets.md").read_text()


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_presets", DOCS / "write_presets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_settings_classes(writer):
    _, marker, written = PAGE.partition(writer.MARKER)
    assert marker and written == writer.tables(), "run: python docs/write_presets.py"


def test_every_setting_says_what_it_means():
    rows = re.findall(r"^\| `([^`]+)` \| .*? \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
    assert len(rows) > 200
    assert not [name for name, meaning in rows if not meaning]


def commands(page: str) -> list[str]:
    text = (DOCS / page).read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_commands_on_the_page_of_presets_work(opro):
    Path("berlin.csv").write_text("name,x,y\nA,0,0\nB,3,4\nC,6,1\nD,2,9\nE,7,7\n")
    write_files("presets.md")
    for command in [*commands("presets.md"), "opro sweep sweep.yaml --model local --dry-run"]:
        program, *words = shlex.split(command)
        model = ("--model", "local") if words[0] == "check" and "--model" not in words else ()
        done = opro(*words, *model)
        assert program == "opro" and done.exit_code == 0, (command, done.output)


def test_the_beginning_of_the_page_on_objectives_works(opro):
    write_files("custom-objective.md")
    first, check, run, *_ = commands("custom-objective.md")
    assert opro(*shlex.split(first)[1:]).exit_code == 0
    shown = re.search(
        r"```yaml\n(# Written.*?)```", (DOCS / "custom-objective.md").read_text(), re.DOTALL
    )
    assert shown is not None and shown[1] == Path("my.yaml").read_text()
    done = opro(*shlex.split(check)[1:], "--model", "local")
    assert done.exit_code == 0 and "loss(lr=0.001" in done.stdout, done.output
    assert opro(*shlex.split(run)[1:], "--model", "local", "--dry-run").exit_code == 0
