"""A function of the user's: how it is called, what it returns, what is known of its code."""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import cached_property
from typing import Any, TypeAlias

from opro_cli.api.functions.captured import captured_digests, code_digest, code_of
from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Measurement
from opro_cli.core.text import clean
from opro_cli.problems.custom import worker

Result: TypeAlias = float | tuple[float, str]
"""A value, or a value with a text that may be shown to the model."""

Function: TypeAlias = Callable[..., Result | Awaitable[Result]]
"""A function, lambda, method, coroutine function or any other callable."""

MAX_NOTE = 300
"""Characters of a text beside a value."""


class Objective:
    """A function of named parameters.

    Args:
        function: is called with these parameters by keyword.
        names: of the parameters.
        word: what it is called in messages.
        read: turns what it returns into a measurement.

    Raises:
        UsageError: it is no function, or does not take these parameters.
    """

    def __init__(
        self,
        function: Function,
        names: Sequence[str],
        word: str = "objective",
        read: Callable[[Any], Measurement] | None = None,
    ) -> None:
        if not callable(function):
            raise UsageError(
                f"The {word} is {str(function)[:80]!r}, which is not callable.",
                "give a function, as in opro.minimize(loss, space)",
            )
        self.function = function
        self.name = name_of(function)
        self.read = measured if read is None else read
        try:
            worker.check(function, self.name, names)
        except worker.NotLoaded as error:
            raise UsageError(
                f"The {word} {error}.", f"it is called with {', '.join(names)} as keywords"
            ) from None
        called = getattr(function, "func", function)  # of a partial
        own = getattr(type(called), "__call__", None)  # noqa: B004
        self.is_async = any(map(inspect.iscoroutinefunction, (function, called, own)))

    def digests(self, word: str = "objective") -> dict[str, str]:
        """The hash of its code, where it is written in Python, and of each value it captures."""
        found = {f"{word}'s captured value {name}": d for name, d in self._captured[0].items()}
        if (code := code_of(self.function)) is None:
            return found
        version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return {f"{word}'s code ({version})": code_digest(code), **found}

    @property
    def not_compared(self) -> list[str]:
        """The names of the captured values that have no hash."""
        return self._captured[1]

    @cached_property
    def _captured(self) -> tuple[dict[str, str], list[str]]:
        return captured_digests(self.function)

    def call(self, arguments: dict[str, Any]) -> Measurement | Awaitable[Result]:
        """Call it. An exception is a measurement too; Ctrl-C passes."""
        try:
            result = self.function(**arguments)
        except Exception as error:  # noqa: BLE001 (it may raise anything)
            return failure(error)
        return result if inspect.isawaitable(result) else self.read(result)

    async def acall(self, arguments: dict[str, Any]) -> Measurement:
        """Call it, and wait for what it returns."""
        return await self.settled(self.call(arguments))

    async def in_thread(
        self, arguments: dict[str, Any], threads: Executor | None = None
    ) -> Measurement:
        """Call it in a thread, and wait for it in this event loop.

        Args:
            arguments: of the function.
            threads: None for those of the event loop.
        """
        loop = asyncio.get_running_loop()
        return await self.settled(await loop.run_in_executor(threads, self.call, arguments))

    async def settled(self, result: Measurement | Awaitable[Result]) -> Measurement:
        """The measurement of a result that may still be to come."""
        try:
            return result if isinstance(result, Measurement) else self.read(await result)
        except Exception as error:  # noqa: BLE001 (as above)
            return failure(error)


def measured(result: Any) -> Measurement:
    """What a function has returned, as a measurement."""
    value, note = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
    found = worker.number(value)
    if "value" not in found:
        return failure(str(found["why"]))
    return Measurement(found["value"], note=clean(str(note or ""), MAX_NOTE))


def failure(why: str | BaseException) -> Measurement:
    """A measurement without a value."""
    said = worker.brief(why) if isinstance(why, BaseException) else clean(why, MAX_NOTE)
    return Measurement(math.nan, said or "no value")


def name_of(function: Any) -> str:
    """A function's name, for people."""
    called = getattr(function, "func", function)
    name = getattr(called, "__qualname__", "") or type(called).__name__
    return clean(name.rpartition("<locals>.")[2].replace("<lambda>", "lambda"), 60)
