"""The page on figures: its commands draw what they say, and its snippet runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "pictures.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("opro plot")
]


@pytest.fixture
def runs(opro):
    """Short runs of the preset on the page."""
    done = opro("run-baseline", "--preset", "exp3", "-O", "random", "-O", "cma-es",
                "--max-steps", "2")  # fmt: skip
    assert done.exit_code == 0


def test_every_command_draws(runs, opro):
    for command in dict.fromkeys(COMMANDS):
        done = opro(*shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.stderr)
    for made in ("curves.svg", "landscape.svg"):
        assert ElementTree.parse(made).getroot().tag.endswith("svg")
    assert Path("curves.csv").read_text().startswith("optimizer,")


def test_the_snippet_draws(runs):
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(snippet, "pictures.md", "exec"), {})
    assert ElementTree.parse("curves.svg").getroot().get("width") == "89.00mm"


def test_the_picture_on_the_page_is_a_figure_of_ours():
    root = ElementTree.parse(DOCS / "curves.svg").getroot()
    assert root.get("width") == "160.00mm"
    assert "--width 160" in PAGE
    assert {e.get("data-line") for e in root.iter() if e.get("data-line")} >= {"0", "1", "2", "3"}
    assert (DOCS / "curves.svg").stat().st_size < 40_000
