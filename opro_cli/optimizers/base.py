"""Who proposes points: the protocol of every optimizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

from opro_cli.events import Point, Reading, Scored
from opro_cli.llm.base import LLM
from opro_cli.problems.base import Problem, Settings
from opro_cli.randomness import Randomness


@dataclass(frozen=True)
class Proposal:
    """A point somebody wants evaluated, and who that is: ``model``, ``gradient`` …"""

    point: Point
    source: str = "model"


@dataclass(frozen=True)
class Asked:
    """What one ``ask`` brings."""

    proposals: tuple[Proposal, ...]
    """Distinct points, to be evaluated in this order."""
    readings: tuple[Reading, ...] = ()
    """What became of each reply. Only the engine can tell a ``used`` point from a ``known`` one."""
    steps: int = 1
    """Steps this stands for: many, where an optimizer reports only some of its iterates."""
    in_turn: bool = False
    """The proposals are evaluated one after the other, and none after one that is the target."""
    evaluations: int | None = None
    """Evaluations made on the way, where the optimizer made them itself."""
    stop: str | None = None
    """A reason to stop after these proposals, or None."""


class Optimizer(Protocol):
    """Proposes points (``ask``) and learns from their values (``tell``). Does no I/O itself."""

    def starts(self) -> list[Point]:
        """The points evaluated before step 1: the problem's, unless the algorithm has its own."""

    async def ask(self, step: int) -> Asked:
        """The proposals of step ``step``, counted from 1."""

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Learn the values of the starting points, then of each step's proposals."""


@dataclass(frozen=True)
class Task:
    """What an optimizer is built from."""

    problem: Problem
    randomness: Randomness
    llm: LLM | None = None
    repetition: int = 0
    """Counted from 0."""


@dataclass(frozen=True)
class Limits:
    """When the engine stops a run that has not converged.

    Args:
        max_steps: steps at most.
        patience: steps in a row without a better value, at most; None for no such limit.
        max_evaluations: evaluations of the objective at most, the starting points included; None
            for ``max_steps * per_step`` beyond the starting points.
        per_step: evaluations that a step of OPRO may take, which makes budgets of optimizers with
            other steps comparable; None where there is no such budget.
        counts: what ``patience`` counts.
    """

    max_steps: int
    patience: int | None = None
    max_evaluations: int | None = None
    per_step: int | None = None
    counts: Literal["steps", "evaluations"] = "steps"

    def budget(self, starts: int = 0) -> int | None:
        """Evaluations allowed to a run with so many starting points, these included."""
        if self.max_evaluations is not None or self.per_step is None:
            return self.max_evaluations
        return self.max_steps * self.per_step + starts

    def in_evaluations(self) -> Limits:
        """The same limits for an optimizer whose steps are not OPRO's: counted in evaluations.

        ``max_steps`` is then a backstop, for steps that propose nothing new.
        """
        per_step = self.per_step or 1
        return Limits(
            max_steps=self.max_evaluations or self.max_steps * per_step,
            patience=None if self.patience is None else self.patience * per_step,
            max_evaluations=self.max_evaluations,
            per_step=1,
            counts="evaluations",
        )


class OptimizerSettings(Settings, ABC):
    """An optimizer's section of a preset; ``opro_cli.optimizers.NAMES`` names it."""

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    needs_model: ClassVar[bool] = False
    proposes: ClassVar[bool] = True
    """Points are proposed one by one: pairs can be counted, and the run has converged when one of
    them, brought to the nearest point of the space, is the target. An optimizer that reports only
    some of its iterates does not, and says by itself (``Asked.stop``) that it has converged."""
    step_name: ClassVar[str] = "step"
    """What one of its steps is called."""
    sees: ClassVar[str] = "values"
    """What it learns of the problem: ``values`` alone, or more, which is no like-for-like
    comparison."""
    told: ClassVar[frozenset[str]] = frozenset()
    """Settings that a report tells even where they have their defaults."""
    column: ClassVar[str] = ""
    """Heading of the column that shows its step count beside OPRO's rows, as the published tables
    have one for gradient descent; empty for an optimizer with rows of its own."""

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The settings that a log holds, of this version or an earlier one. Raises ValueError."""
        return cls.model_validate(data)

    def usual(self, name: str) -> Any:
        """The value of a setting that goes without saying: its default."""
        info = type(self).model_fields.get(name)
        return None if info is None else info.default

    @abstractmethod
    def build(self, task: Task) -> Optimizer:
        """A fresh optimizer. Raises UsageError where the problem lacks what it needs."""

    @property
    def evaluations_per_step(self) -> int:
        """Evaluations that one step may take, at most."""
        return 1

    def limits(self, limits: Limits) -> Limits:
        """The limits of a run, given the preset's; most optimizers take those."""
        return limits

    def deterministic(self) -> bool:
        """Whether two repetitions on the same data and starts are the same run twice."""
        return False

    def experiment(self) -> dict[str, Any]:
        """The settings that must agree for a published result to be a fair comparison."""
        return self.model_dump(mode="json")
