"""A contest for a paper: the same columns whatever was run, and what qualifies a number."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from opro_cli import report
from opro_cli.core.events import Evaluation, ParsedSolution, Started, Stepped, Stopped
from opro_cli.report.summary import summarize
from opro_cli.report.table import same_digits
from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.test_side_by_side import LINE, OWN, RANDOM, found, solved

NAN = float("nan")


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def by_search(runs: RunStore, repetition: int, value: float) -> None:
    """A run of a model whose replies were of no use: random search found its value."""
    start = Started((Evaluation((0.5, 5), 3.0, "start"),))
    solutions = tuple(ParsedSolution(n, "unparsable", ()) for n in range(12))
    pairs = (
        Evaluation((0.25, 3), value, "perturbed"),
        Evaluation((0.125, 3), NAN, "perturbed", why="ValueError: diverged"),
    )
    spec = replace(OWN, repetition=repetition)
    add(runs, spec, start, Stepped(1, pairs, solutions, 2), Stopped(1, "max_steps"), model="gemma")


def contest(runs: RunStore, pairs: int) -> None:
    for r in range(pairs):
        found(runs, replace(RANDOM, repetition=r), 0.5 + r / 7, None)
        by_search(runs, r, 0.52 + r / 6.5)


def latex(runs: RunStore, *, side_by_side: bool = True) -> str:
    """What is printed: comments are left out."""
    summary = summarize(*runs.all(), side_by_side=side_by_side)
    text = report.render(summary, "latex", detail="main")
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


def cells(text: str) -> list[list[str]]:
    body = text.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    return [[cell.strip() for cell in line[:-2].split(" & ")] for line in lines]


@pytest.mark.parametrize("pairs", [1, 3, 6])
def test_the_columns_are_the_same_for_any_number_of_pairs(runs, pairs):
    contest(runs, pairs)
    head, first, second = cells(latex(runs))
    assert head == ["", r"loss, mean$\pm$sd", "better by", r"95\% CI", "p", "W/L/T"]
    assert first[2:] == ["---"] * 4
    assert (second[3] == "---") == (pairs < 6)
    assert second[5] == f"0/{pairs}/0"
    assert second[2].startswith("$-$0.0")
    assert ("no CI with fewer than 6 pairs" in latex(runs)) == (pairs < 6)


def test_the_numbers_of_a_column_have_the_same_decimals_and_a_minus_sign(runs):
    contest(runs, 6)
    for r in range(6):
        other = OWN.with_optimizer(model="local:b")
        found(runs, replace(other, repetition=r), 0.31 + r / 3, "other")
    _, *rows = cells(latex(runs))
    for column in (1, 2, 3):
        decimals = {len(d) for row in rows for d in re.findall(r"\d\.(\d+)", row[column])}
        assert len(decimals) == 1
        assert not any(re.search(r"(?<!\$)-\d", row[column]) for row in rows)


def test_what_qualifies_a_result_is_printed_with_a_mark_at_its_name(runs):
    contest(runs, 3)
    text = latex(runs)
    _, first, second = cells(text)
    assert (first[0], second[0]) == ("random", r"opro\dag{}")
    (said,) = [line for line in text.splitlines() if r"{\scriptsize \dag{} opro:" in line]
    for qualifies in (
        r"random search, and not the model, proposed 100\% of its points",
        "0 of 36 replies could be used: its result says little of the model",
        "3 of 9 points had no value: ValueError: diverged",
    ):
        assert qualifies in said
    marked = report.render(summarize(*runs.all(), side_by_side=True), "markdown")
    assert "| random search |" in marked
    assert "0 of 36 replies of gemma could be used" in marked


def test_how_a_difference_is_computed_is_said_in_every_format(runs):
    contest(runs, 6)
    summary = summarize(*runs.all(), side_by_side=True)
    for form in ("table", "markdown", "latex"):
        said = re.sub(r"\s+", " ", report.render(summary, form).replace("--", "–"))
        assert "Hodges–Lehmann estimate of the paired differences in loss" in said


def test_with_a_goal_solved_runs_and_ratios_have_columns(runs):
    for r in range(3):
        solved(runs, replace(LINE, repetition=r), 40 + r, "first")
        spec = replace(LINE.with_optimizer(model="local:b"), repetition=r)
        solved(runs, spec, 10 + r, "second")
    text = latex(runs)
    head, first, second = cells(text)
    assert head[1:4] == ["solved", r"evaluations, mean$\pm$sd", "times"]
    assert (first[1], second[1]) == ("3/3", "3/3")
    assert float(second[3]) < 1
    assert "paired ratios of evaluations" in text


def test_the_notes_of_other_tables_are_printed_too(runs):
    contest(runs, 6)
    text = latex(runs, side_by_side=False)
    assert "0 of 72 replies of gemma could be used" in text
    assert r"Points that random search proposed, and no model: 100\% (opro (gemma))." in text
    assert text.count("had no value") == 1
    narrow = report.render(summarize(*runs.all()), "table", 60, detail="main")
    assert "Points that random search proposed" in narrow
    wide = report.render(summarize(*runs.all()), "table", 300, detail="main")
    assert "Points that random search proposed" not in wide


@pytest.mark.parametrize(
    ("values", "spreads", "shown"),
    [
        ([0.124, 0.2], [0.0351, 0.075], ["0.124", "0.200"]),
        ([123.0, 5.0], [10.0, 0.001], ["123.00", "5.00"]),
        ([-0.0021, 0.0859], [], ["-0.0021", "0.0859"]),
        ([-0.00001, 5.0], [0.5], ["0.00", "5.00"]),
        ([3e7, 5e-9], [1e6], ["3e+07", "5e-09"]),
        ([], [], []),
    ],
)
def test_numbers_of_a_column_are_written_alike(values, spreads, shown):
    assert list(map(same_digits(values, spreads), values)) == shown
