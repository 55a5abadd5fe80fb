"""The page on presets has every preset and setting."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.pages import blocks, write_files

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


def test_the_preset_on_the_page_on_objectives_is_what_init_writes(opro):
    page = DOCS / "custom-objective.md"
    write_files(page)
    assert opro("init", "my.py:loss").exit_code == 0
    shown = next(block for block in blocks(page) if block.text.startswith("# Written"))
    assert shown.text == Path("my.yaml").read_text()
    done = opro("check", "my.yaml", "--run", "--model", "local")
    assert done.exit_code == 0 and "loss(lr=0.001" in done.stdout, done.output
