"""A function of this process: given to :mod:`opro_cli.api`, not named in a preset.

The settings describe the function; the function itself is bound to them for the life of the
process, and is in no log. A stored run can be shown, reported and replayed without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import PrivateAttr
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.model import Model
from opro_cli.core.problem import Evaluate, Measurement, OnValue
from opro_cli.core.text import clean
from opro_cli.problems.custom.calls import Calls
from opro_cli.problems.custom.function import FunctionProblem, FunctionSettings
from opro_cli.problems.settings import Target

Measure: TypeAlias = Callable[[dict[str, Any]], Awaitable[Measurement]]
"""Calls a function with these keyword arguments. A call that fails is a measurement, too."""


@dataclass(frozen=True)
class BoundFunction:
    """A function of this process.

    Args:
        measure: calls it.
        workers: calls at the same time, at most.
        digests: as of :meth:`opro_cli.problems.settings.ProblemSettings.digests`.
    """

    measure: Measure
    workers: int = 1
    digests: Mapping[str, str] = field(default_factory=dict)


PYTHON = "<python>"
"""Stands for the module in the name of a metric that was given as an object."""


class FunctionCalls(Calls):
    """Calls of a function of this process."""

    def __init__(self, function: BoundFunction) -> None:
        self._function = function
        self._slots = asyncio.Semaphore(function.workers)

    @override
    async def measure(self, arguments: dict[str, Any]) -> Measurement:
        async with self._slots:
            return await self._function.measure(arguments)


def not_at_hand(what: str, name: str) -> UsageError:
    """The error where a function is needed that only a Python program has."""
    return UsageError(
        f"The {what} {clean(name, 60)} is a function of a Python program, and this is not it.",
        "make the same call in Python again, with the same runs directory; a function in a file "
        "can be named on the command line",
    )


class CallableSettings(FunctionSettings):
    """The ``problem:`` section of a function that was given as an object."""

    summary: ClassVar[str] = "a Python function that a script gives to `opro.minimize`"
    examples: ClassVar[dict[str, str]] = {"parameters": '`{"lr": opro.log(1e-5, 1)}`'}

    kind: Literal["callable"] = "callable"
    objective: str
    """The function's name, for people."""

    _function: BoundFunction | None = PrivateAttr(default=None)

    def bound(self, function: BoundFunction) -> Self:
        """The same settings with the function."""
        settings = self.model_copy()
        settings._function = function
        return settings

    @override
    @contextlib.contextmanager
    def shared(self) -> Iterator[int]:
        """The function. Raises UsageError where it is not at hand."""
        if self._function is None:
            raise not_at_hand("objective", self.objective)
        yield self._function.workers

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError as the base, and where the function is not at hand."""
        super().check(repetitions, dry=dry)
        if not dry and self._function is None:
            raise not_at_hand("objective", self.objective)

    @override
    def build(self, target: Target, repetition: int) -> CallableProblem:
        return CallableProblem(self, self._function)

    @override
    def digests(self) -> dict[str, str]:
        return {} if self._function is None else dict(self._function.digests)


class CallableProblem(FunctionProblem):
    """A function that is called in this process.

    Args:
        settings: of the function.
        function: None where a stored run is only looked at.
    """

    def __init__(self, settings: CallableSettings, function: BoundFunction | None) -> None:
        super().__init__(settings)
        self._function = function

    @override
    @contextlib.asynccontextmanager
    async def evaluator(self, models: Mapping[str, Model]) -> AsyncIterator[Evaluate]:
        """Calls of the function."""
        if self._function is None:
            raise AssertionError("looked for before")
        calls = FunctionCalls(self._function)

        async def evaluate(points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
            return await calls.evaluate(
                [self.arguments(point) for point in points],
                lambda index, measurement: on_value(points[index], measurement),
            )

        yield evaluate
