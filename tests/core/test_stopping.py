"""The rules that stop a run, one by one, and which comes first."""

from __future__ import annotations

import math

import pytest

from opro_cli.core.events import Evaluation, ParsedSolution
from opro_cli.core.optimizer import Limits
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.stopping import StopRule
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import Box


class Line(Problem):
    """Whole numbers; 3 solves it."""

    optimum = None

    def __init__(self, direction="minimize") -> None:
        self.space = Box([Range("x", 0, 9)])
        self.text = ProblemText("a function of x", "x", direction=direction)

    def starts(self, rng):
        return [(0,)]

    def evaluate(self, point):
        return float(point[0])

    def solved(self, point, value):
        return point == (3,)


def make_rule(direction="minimize", *, reports_every_point=True, **limits) -> StopRule:
    return StopRule(
        Line(direction),
        Limits(**{"max_steps": 100, **limits}),
        reports_every_point=reports_every_point,
    )


def pair(x: float) -> Evaluation:
    return Evaluation((x,), float(x))


def test_a_run_without_limits_continues():
    rule = make_rule()
    rule.set_budget(5)
    assert rule.room(10**6) is None
    assert rule.spent(10**6) is None
    assert rule.reason([pair(1)], step=99, evaluations=10**6) is None


def test_the_target_stops_a_run():
    assert make_rule().reason([pair(1), pair(3)], 1, 2) == "converged"
    assert make_rule().reason([], 1, 0) is None


def test_a_point_between_those_of_the_space_counts_as_the_nearest_of_them():
    assert make_rule().solved([pair(3.2)])
    assert make_rule().solved([pair(2.8)])
    assert not make_rule().solved([pair(3.6)])


def test_an_optimizer_that_reports_some_iterates_must_find_the_target_exactly():
    rule = make_rule(reports_every_point=False)
    assert not rule.solved([pair(3.2)])
    assert rule.solved([pair(3)])


def test_the_last_step_stops_a_run():
    rule = make_rule(max_steps=7)
    assert rule.reason([pair(1)], 6, 6) is None
    assert rule.reason([pair(1)], 7, 7) == "max_steps"
    assert rule.reason([pair(1)], 8, 8) == "max_steps"


def test_patience_counts_steps_since_the_best_value():
    rule = make_rule(patience=3)
    rule.note(5.0, step=2, evaluations=10)
    rule.note(5.0, step=4, evaluations=20)  # no better
    assert rule.reason([pair(1)], 4, 20) is None
    assert rule.reason([pair(1)], 5, 21) == "patience"


def test_patience_counts_from_the_start_where_no_value_is_finite():
    rule = make_rule(patience=3)
    for value in (math.nan, math.inf, -math.inf):
        rule.note(value, step=2, evaluations=2)
    assert rule.reason([pair(1)], 2, 2) is None
    assert rule.reason([pair(1)], 3, 3) == "patience"


@pytest.mark.parametrize(
    ("direction", "values", "reason"),
    [
        ("minimize", (5.0, 4.0), None),
        ("minimize", (5.0, 6.0), "patience"),
        ("maximize", (5.0, 6.0), None),
        ("maximize", (5.0, 4.0), "patience"),
    ],
)
def test_a_better_value_is_one_in_the_direction_of_the_problem(direction, values, reason):
    rule = make_rule(direction, patience=3)
    for step, value in enumerate(values):
        rule.note(value, step, step)
    assert rule.reason([pair(1)], 3, 3) == reason


def test_patience_can_count_evaluations():
    rule = make_rule(patience=3, counts="evaluations")
    rule.note(5.0, step=1, evaluations=10)
    assert rule.reason([pair(1)], 50, 12) is None
    assert rule.reason([pair(1)], 50, 13) == "patience"


def test_evaluations_are_limited_with_the_starting_points_included():
    rule = make_rule(max_evaluations=8)
    rule.set_budget(5)
    assert rule.room(5) == 3
    assert rule.reason([pair(1)], 1, 7) is None
    assert rule.room(8) == 0
    assert rule.reason([pair(1)], 1, 8) == "max_evaluations"
    assert rule.room(9) == 0
    assert rule.reason([pair(1)], 1, 9) == "max_evaluations"


def test_the_steps_of_a_preset_limit_evaluations_beyond_the_starting_points():
    rule = make_rule(max_steps=2, per_step=4)
    rule.set_budget(5)
    assert rule.room(5) == 8
    assert rule.spent(12) is None
    assert rule.spent(13) == "max_evaluations"


def test_there_is_no_limit_before_the_starting_points_are_counted():
    assert make_rule(max_evaluations=2).room(100) is None


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        # The target comes first, then, in steps: the last step, patience, evaluations.
        ({"max_steps": 4, "patience": 4, "max_evaluations": 4}, "max_steps"),
        ({"patience": 4, "max_evaluations": 4}, "patience"),
        ({"max_evaluations": 4}, "max_evaluations"),
        # Counted in evaluations, the budget comes before the last step and patience.
        (
            {"max_steps": 4, "patience": 4, "max_evaluations": 4, "counts": "evaluations"},
            "max_evaluations",
        ),
        ({"max_steps": 4, "patience": 4, "counts": "evaluations"}, "max_steps"),
    ],
)
def test_of_several_reasons_the_first_is_given(limits, reason):
    rule = make_rule(**limits)
    rule.set_budget(1)
    assert rule.reason([pair(1)], step=4, evaluations=4) == reason
    assert rule.reason([pair(3)], step=4, evaluations=4) == "converged"


def test_limits_counted_in_evaluations_allow_as_many_as_the_steps_could_take():
    limits = Limits(max_steps=10, patience=3, per_step=8).in_evaluations()
    assert limits == Limits(max_steps=80, patience=24, per_step=1, counts="evaluations")
    assert limits.budget(starts=5) == 85
    capped = Limits(max_steps=10, patience=3, max_evaluations=50, per_step=8).in_evaluations()
    assert (capped.max_steps, capped.budget(starts=5)) == (50, 50)


def test_the_linear_problem_is_solved_by_a_point_that_rounds_to_its_target():
    problem = LinearSettings(targets=[{"w": 15, "b": 14}]).build({"w": 15, "b": 14}, 0)
    rule = StopRule(problem, Limits(1), reports_every_point=True)
    assert rule.solved([Evaluation((15.3, 13.8), 90.0)])
    assert not rule.solved([Evaluation((15.6, 13.8), 90.0)])


def solutions(*statuses: str) -> list[ParsedSolution]:
    return [ParsedSolution(i, status) for i, status in enumerate(statuses)]


def test_steps_without_a_usable_reply_stop_a_run():
    rule = make_rule(give_up=2)
    rule.note_replies(solutions("empty", "unparsable"))
    assert rule.reason([], 1, 1) is None
    rule.note_replies(solutions("empty", "known"))  # one that could be read is enough
    rule.note_replies([])  # a step that asks no model
    rule.note_replies(solutions("truncated"))
    assert rule.reason([], 4, 1) is None
    rule.note_replies(solutions("out_of_range"))
    assert rule.reason([], 5, 1) == "no_reply"


def test_evaluations_without_a_value_stop_a_run():
    rule = make_rule(give_up=2, per_step=3)
    for i in range(6):
        assert rule.reason([], 1, i) is None
        rule.note(math.nan, 1, i)
    assert rule.reason([], 2, 6) == "no_value"
    rule.note(1.0, 3, 7)
    assert rule.reason([], 3, 7) is None


def test_a_baseline_may_make_as_many_evaluations_without_a_value():
    limits = Limits(100, per_step=8, give_up=5)
    assert limits.in_evaluations().give_up_evaluations == limits.give_up_evaluations == 40


def test_the_steps_are_those_that_the_evaluations_allow():
    by_steps = Limits(20, None, None, 8)
    assert by_steps.most_steps(5, 8) == 20 == by_steps.in_evaluations().most_steps(0, 8)
    assert Limits(20, None, 20, 8).most_steps(5, 4) == 4  # 15 evaluations in steps of 4
    assert Limits(20, None, 5, 8).most_steps(5, 4) == 1
    assert Limits(20, None, 500, 8).most_steps(5, 4) == 20
    assert Limits(90).most_steps(5, 4) == 90
