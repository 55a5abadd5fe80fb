"""Who proposes points: the protocol of every optimizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

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


@dataclass(frozen=True)
class Limits:
    """When the engine stops a run that has not converged.

    Args:
        max_steps: steps at most.
        patience: steps in a row without a better value, at most; None for no such limit.
    """

    max_steps: int
    patience: int | None = None


class OptimizerSettings(Settings, ABC):
    """An optimizer's section of a preset; ``opro_cli.optimizers.NAMES`` names it."""

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    needs_model: ClassVar[bool] = False

    @abstractmethod
    def build(self, task: Task) -> Optimizer:
        """A fresh optimizer. Raises UsageError where the problem lacks what it needs."""

    def limits(self, limits: Limits) -> Limits:
        """The limits of a run, given the preset's; most optimizers take those."""
        return limits

    def deterministic(self) -> bool:
        """Whether two repetitions on the same data and starts are the same run twice."""
        return False

    def experiment(self) -> dict[str, Any]:
        """The settings that must agree for a published result to be a fair comparison."""
        return self.model_dump(mode="json")
