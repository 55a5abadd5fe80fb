"""Values for points: here and now, or, where a problem says so, in processes of their own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from opro_cli.events import Point
from opro_cli.problems.base import Problem


@dataclass(frozen=True)
class Evaluated:
    """What evaluating one point came to."""

    value: float
    why: str = ""
    """Why there is no value, where the objective gave none; the value is nan then."""


@dataclass(frozen=True)
class Call:
    """A function to be called in another process, and how.

    Args:
        objective: ``module:function`` or ``path/to/file.py:function``.
        folder: where a relative path or a module is looked for first; empty for the current one.
        workers: calls at the same time, at most.
        timeout: seconds a call may take; None for any number.
    """

    objective: str
    folder: str = ""
    workers: int = 1
    timeout: float | None = None


@runtime_checkable
class Apart(Protocol):
    """A problem whose objective is somebody else's function: it may raise, hang or crash."""

    @property
    def call(self) -> Call:
        """The function."""

    def arguments(self, point: Point) -> dict[str, Any]:
        """The keyword arguments that stand for a point, as JSON values."""


Evaluate: TypeAlias = Callable[[Sequence[Point]], Awaitable[list[Evaluated]]]


@contextlib.asynccontextmanager
async def of(problem: Problem) -> AsyncIterator[Evaluate]:
    """A function that evaluates points of this problem, in their order, while it is open."""
    if not isinstance(problem, Apart):

        async def evaluate(points: Sequence[Point]) -> list[Evaluated]:
            return [Evaluated(problem.evaluate(point)) for point in points]

        yield evaluate
        return
    from opro_cli.workers import Workers

    apart = problem
    async with Workers(apart.call) as workers:

        async def evaluate_apart(points: Sequence[Point]) -> list[Evaluated]:
            return await workers.evaluate([apart.arguments(point) for point in points])

        yield evaluate_apart
