"""The values of one run: each point is evaluated once, as far as the budget goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from opro_cli.core.events import Evaluation, ParsedSolution, Point, Stepped
from opro_cli.core.optimizer import Batch, Proposal
from opro_cli.core.problem import Evaluate, Measurement, Racing
from opro_cli.core.stopping import StopRule


class Evaluations:
    """Evaluates the proposals of one run.

    Args:
        evaluate: gives the values of points.
        rule: the limits of the run; it is told every value.
        recorded: values of an earlier session, which need no evaluation.
        per_point: evaluations that the value of a point takes.
        on_value: called with each new value as soon as it is there, and with the step it is for.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        rule: StopRule,
        recorded: Mapping[Point, Evaluation],
        on_value: Callable[[int, Point, Measurement], None],
        per_point: int = 1,
    ) -> None:
        self._per_point = per_point
        self._on_value = on_value
        self._evaluate = evaluate
        self._rule = rule
        self._recorded = recorded
        self._found: dict[Point, Measurement] = {}
        self.made = 0
        """Evaluations made so far."""
        self.step = 0
        """Steps made so far."""

    async def start(self, proposals: Sequence[Proposal]) -> tuple[Evaluation, ...]:
        """Evaluate the starting points, which the budget includes."""
        started = await self._values(proposals)
        self._rule.set_budget(self.made)
        return started

    async def take(self, batch: Batch) -> Stepped:
        """Evaluate the proposals of a batch: the step that it makes."""
        self.step += batch.steps
        known = {p.point for p in batch.proposals if p.point in self._found}
        before = self.made
        if batch.in_turn:
            pairs = await self._in_turn(batch.proposals)
        else:
            pairs = await self._values(batch.proposals, batch.race)
        if batch.evaluations is not None:
            self.made = before + batch.evaluations
        evaluated = {pair.point for pair in pairs}
        return Stepped(
            step=self.step,
            pairs=pairs,
            solutions=tuple(_status(s, known, evaluated) for s in batch.solutions),
            evaluations=self.made - before,
        )

    async def _in_turn(self, proposals: Sequence[Proposal]) -> tuple[Evaluation, ...]:
        """Evaluate one point after the other, until one solves the problem."""
        pairs: tuple[Evaluation, ...] = ()
        for proposal in proposals:
            made = await self._values([proposal])
            pairs += made
            if self._rule.solved(made):
                break
        return pairs

    async def _values(
        self, proposals: Sequence[Proposal], race: str = "off"
    ) -> tuple[Evaluation, ...]:
        """Evaluate each point, once in a run, as far as the budget goes."""
        new = list(dict.fromkeys(p.point for p in proposals if p.point not in self._found))
        room = self._rule.room(self.made)
        found = await self._measure(new if room is None else new[: room // self._per_point], race)
        pairs = []
        for proposal in proposals:
            point, known = proposal.point, proposal.point in self._found
            if not known:
                if point not in found:
                    continue
                self._found[point] = found[point]
                self.made += found[point].evaluations
            got = self._found[point]
            worth = math.isfinite(got.value) or bool(got.detail)
            self._rule.note(got.value, self.step, self.made, worth=worth)
            of = point, got.value, proposal.source, known
            pairs.append(Evaluation(*of, got.why, got.detail, got.note))
        return tuple(pairs)

    async def _measure(self, points: Sequence[Point], race: str) -> dict[Point, Measurement]:
        """Values of new points; those recorded earlier come from the recording."""
        found = {}
        for point in points:
            recorded = self._recorded.get(point)
            if recorded is not None:
                found[point] = _recorded(recorded)
        missing = [point for point in points if point not in found]
        step = self.step

        def on_value(point: Point, value: Measurement) -> None:
            self._on_value(step, point, value)

        measured: list[Measurement] = []
        if missing and race != "off" and isinstance(self._evaluate, Racing):
            measured = await self._evaluate.race(missing, on_value, race)
        elif missing:
            measured = await self._evaluate(missing, on_value)
        return found | dict(zip(missing, measured, strict=True))


def _recorded(pair: Evaluation) -> Measurement:
    """The measurement that an earlier session has recorded."""
    return Measurement(pair.value, pair.why, detail=pair.detail, note=pair.note)


def _status(solution: ParsedSolution, known: set[Point], evaluated: set[Point]) -> ParsedSolution:
    """Correct a ``used`` point that was known, or was not evaluated for lack of budget."""
    if solution.status == "used" and solution.point in known:
        return replace(solution, status="known")
    if solution.status == "used" and solution.point not in evaluated:
        return replace(solution, status="unevaluated")
    return solution
