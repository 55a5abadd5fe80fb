"""When a run stops: its target is found, its limits are reached, or nothing gets better."""

from __future__ import annotations

import math
from collections.abc import Sequence

from opro_cli.core.events import USABLE, Evaluation, ParsedSolution, Point
from opro_cli.core.optimizer import Limits
from opro_cli.core.problem import Problem, nearest_point


class StopRule:
    """Follows the values of one run, and says when to stop.

    Args:
        problem: what is optimized.
        limits: of the run.
        reports_every_point: whether the optimizer proposes every point; if so, a point between
            the points of the space counts as the nearest of them.
    """

    def __init__(self, problem: Problem, limits: Limits, *, reports_every_point: bool) -> None:
        self._problem = problem
        self._limits = limits
        self._every_point = reports_every_point
        self._sign = 1 if problem.text.direction == "minimize" else -1
        self._best = math.inf
        self._best_step = self._best_evaluations = 0
        self._budget: int | None = None
        self._useless_steps = 0
        """Steps since there was a usable reply."""
        self._useless_values = 0
        """Evaluations since there was a value."""

    def affordable(self, starts: Sequence[Point]) -> Sequence[Point]:
        """As many of the starting points as the cap on evaluations allows, and at least one."""
        most = self._limits.max_evaluations
        if most is None:
            return starts
        return starts[: max(most // self._problem.evaluations_per_point, 1)]

    def set_budget(self, starts: int) -> None:
        """Fix the number of evaluations allowed, now that the starting points are counted."""
        self._budget = self._limits.budget(starts)

    def room(self, evaluations: int) -> int | None:
        """Evaluations that are still allowed after these; None for any number."""
        return None if self._budget is None else max(self._budget - evaluations, 0)

    def note(self, value: float, step: int, evaluations: int, *, worth: bool | None = None) -> None:
        """Take a value into account.

        Args:
            value: of a point, finite or not.
            step: steps made so far.
            evaluations: evaluations made so far.
            worth: whether the evaluation was of use; None where only a finite value is.
        """
        worth = math.isfinite(value) if worth is None else worth
        useless = self._useless_values + self._problem.evaluations_per_point
        self._useless_values = 0 if worth else useless
        if math.isfinite(value) and self._sign * value < self._best:
            self._best = self._sign * value
            self._best_step, self._best_evaluations = step, evaluations

    def solved(self, pairs: Sequence[Evaluation]) -> bool:
        """Whether any of these solves the problem."""
        return any(
            self._problem.solved(
                nearest_point(self._problem.space, pair.point) if self._every_point else pair.point,
                pair.value,
            )
            for pair in pairs
        )

    def note_replies(self, solutions: Sequence[ParsedSolution]) -> None:
        """Take the replies of a step into account; a step without replies says nothing."""
        if solutions:
            usable = any(solution.status in USABLE for solution in solutions)
            self._useless_steps = 0 if usable else self._useless_steps + 1

    def reason(self, pairs: Sequence[Evaluation], step: int, evaluations: int) -> str | None:
        """The reason to stop after a step with these pairs, or None."""
        limits, spent = self._limits, self.spent(evaluations)
        if self.solved(pairs):
            return "converged"
        if limits.give_up is not None and self._useless_steps >= limits.give_up:
            return "no_reply"
        if limits.give_up is not None and self._useless_values >= limits.give_up_evaluations:
            return "no_value"
        if limits.counts == "evaluations" and spent:
            return spent
        if step >= limits.max_steps:
            return "max_steps"
        waited = step - self._best_step
        if limits.counts == "evaluations":
            waited = evaluations - self._best_evaluations
        if limits.patience is not None and waited >= limits.patience:
            return "patience"
        return spent

    def spent(self, evaluations: int) -> str | None:
        """The reason to stop where no more evaluations are allowed, or None."""
        room = self.room(evaluations)
        if room is None or room >= self._problem.evaluations_per_point:
            return None
        return "max_evaluations"
