"""The course of a run: recomputed from its log, event by event."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from opro_cli.core.events import Evaluation, Replied, Reply, Started, Stepped, Stopped, Usage
from opro_cli.report.figures.histories import Moment
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests.recording import SPEC, STARTS, add

VALUES = [1200.0, 900.0, 950.0, 300.0, 300.0, 64.3]


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def events(values=VALUES, reason="converged", price=0.25):
    yield STARTS
    for step, value in enumerate(values, start=1):
        yield Replied(step, 0, Reply("15, b=14", "stop", "gemma", Usage(100, 8), cost=price))
        yield Stepped(step, (Evaluation((step, 1), value),), (), 1)
    yield Stopped(len(values), reason)


def history(runs: RunStore, *given, **options):
    path = add(runs, SPEC, *given)
    return summarize(*runs.all(), histories=True, **options).histories[path.name]


def changes(found) -> list[Moment]:
    """The moments without the end, which is one of its own where it was written later."""
    *before, end = found.moments
    again = bool(before) and end._replace(seconds=before[-1].seconds) == before[-1]
    return before if again else [*before, end]


def test_a_moment_is_kept_where_the_best_value_changes_and_at_the_end(runs):
    found = history(runs, *events())
    assert [(m.step, m.best) for m in changes(found)] == [
        (0, 1000.0),
        (2, 900.0),
        (4, 300.0),
        (6, 64.3),
    ]
    assert [m.evaluations for m in changes(found)] == [5, 7, 9, 11]
    assert [m.calls for m in changes(found)] == [0, 2, 4, 6]
    assert [m.cost for m in changes(found)] == [0, 0.5, 1.0, 1.5]
    assert all(a.seconds <= b.seconds for a, b in pairwise(found.moments))
    assert found.start == ((0, 14), 1000.0)


def test_the_last_moment_has_the_totals_of_the_report(runs):
    path = add(runs, SPEC, *events([1200.0, 900.0, 950.0], "max_steps"))
    summary = summarize(*runs.all(), histories=True)
    totals = summary.rows[0].runs[0].totals
    assert summary.histories[path.name].moments[-1] == Moment(
        totals.step,
        totals.evaluations,
        totals.calls,
        totals.total_cost,
        totals.seconds,
        totals.best[1],
    )


def test_an_unknown_price_stays_unknown(runs):
    found = history(runs, *events([10.0], price=None))
    assert [m.cost for m in changes(found)] == [0, None]


def test_points_of_random_search_can_be_left_out(runs):
    given = list(events())
    given[4] = replace(given[4], pairs=(Evaluation((2, 1), 900.0, "perturbed"),))
    assert 900.0 in [m.best for m in history(runs, *given).moments]
    assert 900.0 not in [m.best for m in history(runs, *given, model_only=True).moments]


def test_a_run_without_a_value_has_no_moments(runs):
    empty = Started((Evaluation((0, 14), float("nan"), "start", why="it failed"),))
    assert history(runs, empty).moments == []


def test_no_histories_are_kept_unless_asked_for(runs):
    add(runs, SPEC, *events())
    assert summarize(*runs.all()).histories == {}
