"""Calls of a user's function, wherever they run: what a call is, and how several are made."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opro_cli.core.problem import Measurement


@dataclass(frozen=True)
class ObjectiveCall:
    """A function to be called in another process, and how.

    Args:
        objective: ``module:function`` or ``path/to/file.py:function``.
        folder: where a relative path or a module is looked for first; empty for the current folder.
        workers: calls at the same time, at most, in all runs of a command together.
        timeout: seconds that a call may take; None for any number.
    """

    objective: str
    folder: str = ""
    workers: int = 1
    timeout: float | None = None
    graded: bool = False
    """Whether it returns a grade: a number from 0 to 1, true or false, perhaps with a text."""
    contents: str = ""
    """What its files hold, where they may change while processes are kept."""

    @property
    def place(self) -> tuple[str, str, str]:
        """What a process loads."""
        return self.objective, self.folder, self.contents


OnResult: TypeAlias = Callable[[int, Measurement], None]
"""Called with the number of a call and its result."""


def ignore(index: int, measurement: Measurement) -> None:
    """Do nothing with a result."""


class Calls(ABC):
    """Calls of one function."""

    @abstractmethod
    async def measure(self, arguments: dict[str, Any]) -> Measurement:
        """The result of one call. A call that fails is a result."""

    async def evaluate(
        self, calls: Sequence[dict[str, Any]], on_result: OnResult = ignore
    ) -> list[Measurement]:
        """The values for all these arguments, in their order. A call that fails is a result.

        ``on_result`` is called as soon as each call ends, while others still run. An error that it
        raises ends the other calls.
        """

        async def one(index: int, arguments: dict[str, Any]) -> Measurement:
            measurement = await self.measure(arguments)
            on_result(index, measurement)
            return measurement

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(*numbered)) for numbered in enumerate(calls)]
        except BaseExceptionGroup as errors:
            error = errors.exceptions[0]
            raise error from error.__cause__
        return [task.result() for task in tasks]


def measurement_of(answer: Mapping[str, Any]) -> Measurement:
    """The result in an answer of a process: ``{"value": …}``, or ``{"why": …}`` without one."""
    value = answer.get("value")
    if isinstance(value, float) and math.isfinite(value):
        return Measurement(value, detail=str(answer.get("feedback", "")))
    return failed(str(answer.get("why", "no value")))


def failed(why: str) -> Measurement:
    """The result of a call that gave no value."""
    return Measurement(math.nan, why)
