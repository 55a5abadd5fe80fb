"""CSV for spreadsheets: no cell and no heading is a formula, whatever the names and choices."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from opro_cli.report.formats.sheets import _cell
from tests.chains import only_run

PRESET = """\
problem:
  kind: custom
  objective: loss.py:loss
  num_starts: 1
  parameters: {x: {low: -9, high: -1}, kind: {choices: ["+A1", "-B2", "-C3"]}}
"""


def test_no_cell_of_a_list_and_no_name_is_a_formula(opro):
    Path("mine.yaml").write_text(PRESET)
    Path("loss.py").write_text("def loss(x, kind):\n    return x\n")
    opro("run-baseline", "-O", "random", "-p", "./mine.yaml", "--max-evaluations", "3")
    only_run().rename(Path("runs", "=1+1"))
    done = opro("report", "--format", "csv")
    headings, *rows = csv.reader(io.StringIO(done.stdout))
    assert len(rows) == 1
    for cell in [*headings, *rows[0]]:
        assert cell[:1] not in ("=", "+", "@", "\t")
        assert cell[:1] != "-" or float(cell) < 0
    assert "'=1+1" in rows[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1", "'=1"),
        (" @x", "' @x"),
        ("\t=1", "\\t=1"),
        ("-1 2", "'-1 2"),
        (-1.5, -1.5),
        (True, True),
        (None, None),
        ("a=1", "a=1"),
    ],
)
def test_a_cell(value, shown):
    assert _cell(value) == shown


def test_the_curve_of_a_run_without_a_target_has_no_row_twice(opro):
    Path("mine.yaml").write_text(PRESET)
    Path("loss.py").write_text("def loss(x, kind):\n    return x\n")
    opro("run-baseline", "-O", "random", "-p", "./mine.yaml", "--max-evaluations", "3")
    rows = list(csv.DictReader(io.StringIO(opro("report", "-f", "csv", "--curves").stdout)))
    assert rows and {row["target"] for row in rows} == {""}
    assert len({(row["evaluations"], row["best"]) for row in rows}) == len(rows)
