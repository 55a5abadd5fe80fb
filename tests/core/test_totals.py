"""The totals of a run: what they keep of its events."""

from __future__ import annotations

import math

from opro_cli.core.events import Evaluation, ParsedSolution, Started, Stepped
from opro_cli.core.totals import MOST_CAUSES, RunTotals


def test_few_causes_are_kept_and_the_frequent_ones_are_among_them():
    totals = RunTotals()
    for step in range(1, 2001):
        unread = ParsedSolution(0, "unparsable", None, f"no number in {step!r}")
        outside = (ParsedSolution(1, "out_of_range", None, "x is too large"),) * (step % 10 == 0)
        failed = Evaluation((step,), math.nan, why=f"timeout in {step}")
        totals.add(Stepped(step, (failed,), (unread, *outside), 1))
    assert len(totals.causes) <= MOST_CAUSES
    assert totals.causes.most_common(1) == [("x is too large", 200)]
    assert totals.without_value == 2000
    assert totals.statuses.total() == 2200


def test_a_point_known_to_have_no_value_is_counted_once():
    totals = RunTotals()
    failed = Evaluation((1,), math.nan, "start", why="ZeroDivisionError")
    totals.add(Started((failed,)))
    totals.add(
        Stepped(1, (Evaluation((1,), math.nan, known=True, why="ZeroDivisionError"),), (), 0)
    )
    assert (totals.without_value, totals.causes) == (1, {"ZeroDivisionError": 1})
