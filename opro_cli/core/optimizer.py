"""What an optimizer is: it proposes points (``ask``) and learns from their values (``tell``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from opro_cli.core.events import Evaluation, ParsedSolution, Point
from opro_cli.core.problem import Problem
from opro_cli.core.sampler import Sampler
from opro_cli.core.seeds import Randomness


@dataclass(frozen=True)
class Proposal:
    """A point to be evaluated, and who proposes it: ``model``, ``gradient`` …"""

    point: Point
    source: str = "model"


@dataclass(frozen=True)
class Batch:
    """The answer to one ``ask``."""

    proposals: tuple[Proposal, ...]
    """Distinct points, to be evaluated in this order."""
    solutions: tuple[ParsedSolution, ...] = ()
    """The solutions in each reply. Only the engine can tell a ``used`` point from a ``known``
    one."""
    steps: int = 1
    """Steps this stands for: many, where an optimizer reports only some of its iterates."""
    in_turn: bool = False
    """The proposals are evaluated one after the other, and none after one that is the target."""
    evaluations: int | None = None
    """Evaluations made on the way, where the optimizer made them itself."""
    stop: str | None = None
    """A reason to stop after these proposals, or None."""
    race: str = "off"
    """Whether proposals that fall behind may be dropped, see
    :class:`opro_cli.core.problem.Racing`."""


class Optimizer(Protocol):
    """Proposes points and learns from their values. It does no I/O of its own."""

    @property
    def reports_every_point(self) -> bool:
        """Whether every point is proposed, not only some of the iterates.

        Then the run has solved the problem when one of the points, brought to the nearest point
        of the space, is the target. Otherwise the optimizer says so itself (``Batch.stop``).
        """

    def starts(self) -> list[Point]:
        """The points evaluated before step 1: the problem's, unless the algorithm has its own."""

    async def ask(self, step: int) -> Batch:
        """The proposals of step ``step``, counted from 1."""

    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Learn the values of the starting points, then of each step's proposals."""


@dataclass(frozen=True)
class OptimizerContext:
    """What an optimizer is built from."""

    problem: Problem
    randomness: Randomness
    models: Mapping[str, Sampler] = field(default_factory=dict)
    """The models that its settings asked for, by role."""
    repetition: int = 0
    """Counted from 0."""
    report_at: tuple[int, ...] = ()
    """Steps that a recording of this run has, for an optimizer that reports only some: they are
    reported again, however another version has chosen them."""


@dataclass(frozen=True)
class Limits:
    """When the engine stops a run that has not solved its problem.

    Args:
        max_steps: steps at most.
        patience: steps in a row without a better value, at most; None for no such limit.
        max_evaluations: evaluations of the objective at most, the starting points included; None
            for ``max_steps * per_step`` beyond the starting points.
        per_step: evaluations that a step may take, which makes budgets of optimizers with other
            steps comparable; None where there is no such budget.
        counts: what ``patience`` counts.
        give_up: steps in a row without one usable reply, or with evaluations and no value, at
            most; None for no such limit.
    """

    max_steps: int
    patience: int | None = None
    max_evaluations: int | None = None
    per_step: int | None = None
    counts: Literal["steps", "evaluations"] = "steps"
    give_up: int | None = None

    @property
    def give_up_evaluations(self) -> int:
        """Evaluations in a row without a value, at most."""
        return (self.give_up or 0) * (self.per_step or 1)

    def budget(self, starts: int = 0) -> int | None:
        """Evaluations allowed to a run with this number of starting points, these included."""
        if self.max_evaluations is not None or self.per_step is None:
            return self.max_evaluations
        return self.max_steps * self.per_step + starts

    def most_steps(self, starts: int, each: int) -> int:
        """Steps at most, where each takes ``each`` evaluations; ``starts`` have taken as many."""
        allowed = self.budget(starts)
        if allowed is None:
            return self.max_steps
        return min(max(-((starts - allowed) // each), 1), self.max_steps)

    def in_evaluations(self) -> Limits:
        """The same limits counted in evaluations, for an optimizer with steps of its own.

        ``max_steps`` then only catches steps that propose nothing new.
        """
        per_step = self.per_step or 1
        return Limits(
            max_steps=self.max_evaluations or self.max_steps * per_step,
            patience=None if self.patience is None else self.patience * per_step,
            max_evaluations=self.max_evaluations,
            per_step=1,
            counts="evaluations",
            give_up=None if self.give_up is None else self.give_up * per_step,
        )
