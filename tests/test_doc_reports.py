"""The page on reports: its glossary has every column and field."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opro_cli.report.summary import summarize
from opro_cli.report.tables import tables
from opro_cli.runs.store import RunStore

PAGE = (Path(__file__).parent.parent / "docs" / "reports.md").read_text()
SMALL = ("--max-steps", "2", "--max-time", "60", "--display", "none")


@pytest.fixture
def made(opro):
    """Runs with and without a goal, small ones."""
    Path("mine.py").write_text("def loss(x):\n    return x\n")
    Path("mine.yaml").write_text(
        "problem: {kind: custom, objective: mine.py:loss, parameters: {x: {low: 0, high: 1}}}\n"
        "reps: 2\nmax_steps: 2\n"
    )
    names = ("-O", "random", "-O", "local-search")
    assert opro("run-baseline", "mine.yaml", *names, *SMALL).exit_code == 0
    assert opro("run-baseline", "functions", *names, *SMALL).exit_code == 0


def test_the_glossary_has_every_column_and_field(opro, made):
    summary = summarize(*RunStore(Path("runs")).all(), baseline="random", histories=True)
    pages = " ".join(re.findall(r"^\| .*?\|", PAGE, re.MULTILINE))
    for table in tables(summary):
        for column in table.columns:
            known = re.sub(r"value\b", "VALUE", column)
            known = re.sub(r"after [\d,]+ evaluations?", "after N evaluations", known)
            assert known in pages, column
    for row in json.loads(opro("report", "--baseline", "random", "--format", "json").stdout):
        for field in row:
            assert f"`{field}`" in pages, field
