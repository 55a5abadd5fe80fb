"""Convergence curves and runtime distributions: the drawn numbers, recomputed from the gaps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.report.figures.comparisons import comparisons
from opro_cli.report.figures.curves import curves, quantiles
from opro_cli.report.figures.drawing import terminal
from opro_cli.report.figures.ecdf import PRECISIONS, ecdf
from opro_cli.report.figures.figure import paper
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.figures.comparing import GAPS, OPRO, add_failed, events, store_all
from tests.report.figures.drawn import Drawn

STEPS = range(4)


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def compared(runs):
    (one,) = comparisons(store_all(runs))
    return one


def best_by(gaps: list[float], step: int) -> float:
    """The best gap after so many steps, minus infinity once it is 0."""
    best = min([1000.0, *gaps[:step]])
    return -math.inf if best == 0 else best


def middle(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def test_the_drawn_medians_are_those_of_the_runs(compared):
    figure = curves(compared)
    drawn = Drawn(figure.file())
    for number, name in enumerate(GAPS):
        for step in STEPS:
            expected = middle([best_by(gaps, step) for gaps in GAPS[name]])
            assert drawn.at(number, 5 + step) == pytest.approx(expected, rel=0.01)
    first = [row for row in figure.data.rows if row[0].startswith("opro")]
    assert [x for _, x, *_ in first] == [5, 6, 7, 8]
    assert [median for _, _, _, median, _ in first] == pytest.approx([1000, 900, 500, 40])
    assert first[-1][2:] == ("solved", pytest.approx(40), pytest.approx(930))


def test_solved_runs_have_a_row_of_their_own(runs):
    solving = {"opro": [[500.0, 0.0], [400.0, 0.0], [1.0, 0.5]]}
    (one,) = comparisons(store_all(runs, solving))
    drawn = Drawn(curves(one).file())
    assert drawn.at(0, 6) == pytest.approx(400, rel=0.01)
    assert drawn.at(0, 7) == -math.inf
    assert curves(one).table.rows[0][1:3] == (3, 2)
    assert "2 of 3 solved" in curves(one).description


@pytest.mark.parametrize(("axis", "last"), [("calls", 3), ("cost", 1.5)])
def test_other_axes_leave_out_who_took_none_of_it(compared, axis, last):
    figure = curves(compared, axis)
    assert {row[0] for row in figure.data.rows} == {"opro (gemma)"}
    assert max(row[1] for row in figure.data.rows) == last
    assert any("random" in note for note in figure.notes)


def test_no_figure_where_nobody_took_any_of_it(runs):
    (one,) = comparisons(store_all(runs, {"random": GAPS["random"]}))
    assert curves(one, "calls") is None


def test_failed_and_unfinished_runs_are_named_and_not_drawn(runs):
    add_failed(runs, 3)
    add(runs, replace(OPRO, repetition=4), *events([0.002], None), model="gemma")
    (one,) = comparisons(store_all(runs))
    figure = curves(one)
    assert "opro (gemma): 1 failed and 1 unfinished, not drawn." in figure.notes
    assert [len(series.runs) for series in one.series] == [3, 3]
    assert min(v for _, _, a, b, c in figure.data.rows for v in (a, b, c) if v != "solved") > 4.9


def test_only_instances_that_all_ran_are_compared(runs):
    store_all(runs)
    better = replace(OPRO, repetition=7)
    add(runs, better, *events([0.003]), model="gemma")
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    assert [len(series.runs) for series in one.series] == [3, 3]
    assert any("1 run not drawn" in note for note in one.notes)


def test_who_ran_nothing_in_common_is_left_out_by_name(runs):
    store_all(runs, {"random": GAPS["random"]})
    add(runs, replace(OPRO, repetition=9), *events([3.0]), model="gemma")
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    assert [series.name for series in one.series] == ["random"]
    assert any(note.startswith("opro (gemma): not drawn") for note in one.notes)


def test_a_quantile_is_what_so_many_runs_reach():
    losses = np.array([[4.0], [1.0], [-math.inf], [3.0]])
    assert quantiles(losses, (0.25, 0.5, 0.75, 1.0))[:, 0].tolist() == [-math.inf, 1, 3, 4]


def test_the_share_of_targets_is_counted_from_the_runs(compared):
    figure = ecdf(compared)
    drawn = Drawn(figure.file())
    for number, name in enumerate(GAPS):
        for step in STEPS:
            reached = sum(
                best_by(gaps, step) <= precision * 1000
                for gaps in GAPS[name]
                for precision in PRECISIONS
            )
            share = reached / (3 * len(PRECISIONS))
            assert drawn.at(number, 5 + step) == pytest.approx(share, abs=0.01)
    assert figure.notes[0].startswith("3 instances, which all of the optimizers ran")


def test_without_an_optimum_the_best_value_found_is_the_end(runs):
    (one,) = comparisons(store_all(runs))
    unknown = replace(
        one,
        series=tuple(
            replace(s, runs={i: replace(r, optimum=None) for i, r in s.runs.items()})
            for s in one.series
        ),
    )
    assert "best value" in curves(unknown).title
    figure = ecdf(unknown)
    assert "the best value that any run found" in figure.description
    assert max(row[2] for row in figure.data.rows) > 0.3


def test_each_target_can_have_a_figure_of_its_own(runs):
    store_all(runs)
    other = replace(OPRO, problem=OPRO.problem.model_copy(update={"targets": ({"w": 2, "b": 30},)}))
    add(runs, other, *events([3.0]), model="gemma")
    one = next(iter(comparisons(summarize(*runs.all(), histories=True))))
    assert [part.title for part in one.by_target()] == ["lines w=15 b=14"]


def test_a_file_for_a_paper_says_its_size_and_font(compared):
    text = curves(compared, layout=paper(89)).file(89)
    assert 'width="89.00mm"' in text
    assert 'font-size="7"' in text


def test_a_hostile_name_stays_text(runs):
    bad = '"><script>alert(1)</script>\u202e'
    spec = replace(OPRO, preset=bad)
    add(runs, spec, *events([3.0]), model=bad)
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    text = curves(one).file()
    Drawn(text)
    assert "<script" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("plain", [False, True])
def test_a_terminal_shows_the_same_lines(compared, plain):
    text = terminal.draw(curves(compared).chart, 72, 12, ascii_only=plain)
    rows = text.splitlines()
    assert len(rows) == 1 + 12 + 3 + 2
    assert max(map(len, rows)) <= 72 + 2
    assert text.isascii() == plain
    assert "solved" in text
    assert "1 of 3 solved" in text
    if plain:  # the line of opro ends lower than that of random search
        heights = {sign: max(i for i, row in enumerate(rows[1:13]) if sign in row.split("|")[1])
                   for sign in "ox"}  # fmt: skip
        assert heights["o"] > heights["x"]


def test_of_more_optimizers_than_colours_the_best_are_drawn(runs):
    for i in range(10):
        warm = OPRO.with_optimizer(temperature=1 + i / 10)
        add(runs, warm, *events([100.0 - i]), model="gemma")
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    assert len(one.series) == 8
    assert not any("temperature=1.0" in s.name or "temperature=1.1" in s.name for s in one.series)
    assert any("2 more are not drawn" in note for note in one.notes)


def test_a_run_that_stands_for_every_repetition_counts_once_and_it_is_said(tmp_path):
    runs = RunStore(tmp_path / "runs")
    fixed = LinearSettings(targets=[{"w": 15, "b": 14}])
    for repetition in range(3):
        spec = replace(OPRO, problem=fixed, repetition=repetition)
        add(runs, spec, *events([900.0, 0.0], "converged"), model="gemma")
    descent = replace(OPRO, problem=fixed, optimizer=GradientDescentSettings())
    add(runs, descent, *events([90.0, 0.05], "converged", asks=False), model=None)
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    figure = curves(one)
    assert "opro (gemma): 3 of 3 solved; sgd: 1 of 1 solved" in figure.description
    assert [row[:3] for row in figure.table.rows] == [("opro (gemma)", 3, 3), ("sgd", 1, 1)]
    assert "sgd: 1 run, the same in each repetition." in figure.notes
