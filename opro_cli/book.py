"""What the engine keeps of a run: the values found, and when it has gone on long enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from opro_cli.evaluation import Evaluate, Evaluated
from opro_cli.events import Point, Reading, Scored, Stepped
from opro_cli.optimizers import Asked, Limits, Proposal
from opro_cli.problems import Problem


class Book:
    """The values of one run.

    Args:
        problem: what is optimized.
        evaluate: gives the values of points.
        limits: when to stop.
        recorded: values that are known from an earlier session, and need no evaluation.
        proposes: whether the optimizer proposes points, rather than passing through them.
    """

    def __init__(
        self,
        problem: Problem,
        evaluate: Evaluate,
        limits: Limits,
        recorded: Mapping[Point, Scored],
        *,
        proposes: bool,
    ) -> None:
        self._problem = problem
        self._evaluate = evaluate
        self._limits = limits
        self._recorded = recorded
        self._proposes = proposes
        self._budget: int | None = None
        self._found: dict[Point, Evaluated] = {}
        self._best = math.inf
        self._best_step = self._best_evaluations = 0
        self._evaluations = 0
        self.step = 0
        """Steps made so far."""

    async def start(self, proposals: Sequence[Proposal]) -> tuple[Scored, ...]:
        """Evaluate the starting points, which the budget includes."""
        started = await self._score(proposals)
        self._budget = self._limits.budget(len(started))
        return started

    async def take(self, asked: Asked) -> Stepped:
        """The step that these proposals make."""
        self.step += asked.steps
        known = {p.point for p in asked.proposals if p.point in self._found}
        before = self._evaluations
        if asked.in_turn:
            pairs = await self._in_turn(asked.proposals)
        else:
            pairs = await self._score(asked.proposals)
        if asked.evaluations is not None:
            self._evaluations = before + asked.evaluations
        scored = {pair.point for pair in pairs}
        return Stepped(
            step=self.step,
            pairs=pairs,
            readings=tuple(_fate(reading, known, scored) for reading in asked.readings),
            evaluations=self._evaluations - before,
        )

    async def _in_turn(self, proposals: Sequence[Proposal]) -> tuple[Scored, ...]:
        """Evaluate one point after the other, until one solves the problem."""
        pairs: tuple[Scored, ...] = ()
        for proposal in proposals:
            made = await self._score([proposal])
            pairs += made
            if self.solved(made):
                break
        return pairs

    async def _score(self, proposals: Sequence[Proposal]) -> tuple[Scored, ...]:
        """Evaluate each point, once in a run, as far as the budget goes."""
        new = list(dict.fromkeys(p.point for p in proposals if p.point not in self._found))
        room = None if self._budget is None else max(self._budget - self._evaluations, 0)
        found = await self._values(new[:room])
        scored = []
        for proposal in proposals:
            point, known = proposal.point, proposal.point in self._found
            if not known:
                if point not in found:
                    continue
                self._found[point] = found[point]
                self._evaluations += 1
            value, why = self._found[point].value, self._found[point].why
            self._note(value)
            scored.append(Scored(point, value, proposal.source, known, why))
        return tuple(scored)

    def _note(self, value: float) -> None:
        sign = 1 if self._problem.wording.direction == "minimize" else -1
        if math.isfinite(value) and sign * value < self._best:
            self._best, self._best_step = sign * value, self.step
            self._best_evaluations = self._evaluations

    async def _values(self, points: Sequence[Point]) -> dict[Point, Evaluated]:
        """Values of new points, those that were recorded from there."""
        found = {}
        for point in points:
            recorded = self._recorded.get(point)
            if recorded is not None:
                found[point] = Evaluated(recorded.value, recorded.why)
        missing = [point for point in points if point not in found]
        evaluated = await self._evaluate(missing) if missing else []
        return found | dict(zip(missing, evaluated, strict=True))

    def solved(self, pairs: Sequence[Scored]) -> bool:
        """Whether any of these solves the problem; a proposal between the space's points counts
        as the nearest of them."""
        problem = self._problem
        return any(
            problem.solved(problem.space.nearest(p.point) if self._proposes else p.point, p.value)
            for p in pairs
        )

    def stop(self, pairs: Sequence[Scored]) -> str | None:
        """The reason to stop after a step, or None."""
        limits = self._limits
        if self.solved(pairs):
            return "converged"
        if limits.counts == "evaluations" and self.spent():
            return self.spent()
        if self.step >= limits.max_steps:
            return "max_steps"
        waited = self.step - self._best_step
        if limits.counts == "evaluations":
            waited = self._evaluations - self._best_evaluations
        if limits.patience is not None and waited >= limits.patience:
            return "patience"
        return self.spent()

    def spent(self) -> str | None:
        """The reason to stop where no more evaluations are allowed, or None."""
        made_all = self._budget is not None and self._evaluations >= self._budget
        return "max_evaluations" if made_all else None


def _fate(reading: Reading, known: set[Point], scored: set[Point]) -> Reading:
    """Tell a ``used`` point that was known, or was not evaluated for lack of budget."""
    if reading.fate == "used" and reading.point in known:
        return replace(reading, fate="known")
    if reading.fate == "used" and reading.point not in scored:
        return replace(reading, fate="unevaluated")
    return reading
