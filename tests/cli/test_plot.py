"""``opro plot``: from stored runs to a terminal or a file."""

from __future__ import annotations

import csv
import json
import struct
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.figures.comparing import OPRO, add_failed, events, store_all


@pytest.fixture
def runs() -> RunStore:
    store = RunStore(Path("runs"))
    store_all(store)
    return store


def test_without_a_file_the_curves_are_shown_here(runs, opro):
    shown = opro("plot", "--preset", "lines")
    assert shown.exit_code == 0
    assert "solved" in shown.stdout
    assert "random  0 of 3 solved" in shown.stdout


def test_ascii_is_ascii(runs, opro):
    assert opro("plot", "--preset", "lines", "--ascii").stdout.isascii()


def test_json_has_every_drawn_number(runs, opro):
    (line,) = opro("plot", "--preset", "lines", "--json", "--kind", "ecdf").stdout.splitlines()
    figure = json.loads(line)
    assert figure["columns"] == ["optimizer", "evaluations", "share of targets"]
    assert {row[0] for row in figure["rows"]} == {"opro (gemma)", "random"}


@pytest.mark.parametrize("kind", ["curves", "ecdf", "landscape"])
def test_a_file_for_a_paper(runs, opro, kind):
    done = opro("plot", "--preset", "lines", "--kind", kind, "-o", "fig.svg", "--width", "120")
    assert done.exit_code == 0
    assert ElementTree.parse("fig.svg").getroot().get("width") == "120.00mm"


def test_numbers_as_csv(runs, opro):
    opro("plot", "--preset", "lines", "-o", "fig.csv")
    rows = list(csv.reader(Path("fig.csv").read_text().splitlines()))
    assert rows[0] == ["optimizer", "evaluations", "first quartile", "median", "third quartile"]
    assert rows[1][:2] == ["opro (gemma)", "5.0"]


def test_png_and_pdf_have_the_size_that_was_asked_for(runs, opro):
    pytest.importorskip("vl_convert", reason="the extra plot is not installed")
    assert opro("plot", "--preset", "lines", "-o", "fig.png").exit_code == 0
    wide, _ = struct.unpack(">II", Path("fig.png").read_bytes()[16:24])
    assert wide == pytest.approx(89 / 25.4 * 300, abs=1)
    assert opro("plot", "--preset", "lines", "-o", "fig.pdf").exit_code == 0
    assert b"MediaBox [0 0 252.28" in Path("fig.pdf").read_bytes()


def test_without_the_extra_a_sentence_says_what_to_install(runs, opro, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    done = opro("plot", "--preset", "lines", "-o", "fig.png")
    assert done.exit_code == 2
    assert "opro-cli[plot]" in done.stderr
    assert not Path("fig.png").exists()


def test_failed_runs_are_named(runs, opro):
    add_failed(runs, 3)
    assert "1 failed, not drawn" in opro("plot", "--preset", "lines").stderr


def test_one_run_is_shown_as_its_landscape(runs, opro):
    run = next(run.id for run in runs.all()[0] if "-opro-" in run.id or "-random-" not in run.id)
    assert opro("plot", run, "-o", "fig.svg").exit_code == 0
    assert "contours" in Path("fig.svg").read_text()
    refused = opro("plot", run, "--kind", "landscape")
    assert refused.exit_code == 2
    assert "-o figure.svg" in refused.stderr


def test_a_file_holds_one_figure(runs, opro):
    add(runs, replace(OPRO, preset="other"), *events([5.0]), model="gemma")
    refused = opro("plot", "--preset", "lines", "--preset", "other", "-o", "fig.svg")
    assert refused.exit_code == 2
    assert "make 2" in refused.stderr
    assert opro("plot", "--preset", "other", "-o", "fig.svg").exit_code == 0


def test_a_target_can_be_chosen(runs, opro):
    both = OPRO.problem.model_copy(update={"targets": ({"w": 2, "b": 30},)})
    add(runs, replace(OPRO, problem=both), *events([5.0]), model="gemma")
    given = ("plot", "--preset", "lines", "--kind", "landscape", "-o", "fig.svg")
    assert opro(*given).exit_code == 2
    assert opro(*given, "--target", "w=2,b=30").exit_code == 0
    assert "w=2 b=30" in Path("fig.svg").read_text()


def test_without_a_run_those_of_the_last_command_are_shown(opro):
    for preset in ("exp1", "exp3"):
        done = opro("run-baseline", "--preset", preset, "-O", "random", "--max-steps", "2")
        assert done.exit_code == 0
    shown = opro("plot", "--json")
    assert json.loads(shown.stdout)["title"].startswith("exp3")
    more = opro("run-baseline", "--preset", "exp3", "-O", "cma-es", "--max-steps", "2")
    assert more.exit_code == 0
    assert "opro plot --preset exp3" in opro("plot").stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--kind", "pie"], "there is no kind of figure 'pie'"),
        (["--axis", "time"], "--axis time: no such axis"),
        (["-o", "fig.gif"], "there is no form for .gif"),
        (["-o", "fig.svg", "--width", "5"], "millimetres from 20 to 500"),
        (["--kind", "tour"], "nothing to draw as tour"),
        (["--target", "w=1,b=1"], "no run has this target"),
        (["--axis", "cost", "--preset", "mine"], "no run of a preset 'mine'"),
    ],
)
def test_what_cannot_be_drawn_is_said(runs, opro, given, said):
    done = opro("plot", "--preset", "lines", *given)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hint:" in done.stderr


def test_without_runs_a_way_to_some_is_said(opro):
    done = opro("plot")
    assert done.exit_code == 2
    assert "opro run-opro" in done.stderr
