"""A problem of your own: any Python function of named parameters (docs/custom-objective.md).

The function is called with the parameters as keyword arguments and returns a number. It is called
in worker processes (:mod:`opro_cli.problems.custom.workers`): an exception, a value that is no
finite number, a crash and a call that takes too long are recorded as failures of that point, and
the run continues.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.model import Model
from opro_cli.core.problem import Direction, Evaluate, Measurement, OnValue
from opro_cli.core.settings import Integer, Number
from opro_cli.core.text import clean, duration, number
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.calls import Calls, ObjectiveCall
from opro_cli.problems.custom.direction import guess_direction
from opro_cli.problems.custom.executors import shared as executors
from opro_cli.problems.custom.executors.calls import ExecutorCalls
from opro_cli.problems.custom.function import FunctionProblem, FunctionSettings
from opro_cli.problems.custom.worker import NotLoaded
from opro_cli.problems.custom.workers import Workers, check_objective, once
from opro_cli.problems.settings import Target

DOTTED = re.compile(r"(.+?\.py|.+)[./]([A-Za-z_]\w*)")

HINT = "`opro init FILE.py:NAME` writes a preset with the parameters of a function"

RETURNS = "the function must return one finite number"


def _is_function(text: str) -> bool:
    """Whether this has the form of ``module:function`` or ``file.py:function``."""
    where, colon, name = text.rpartition(":")
    named = all(part.isidentifier() for part in name.split("."))
    return bool(colon and where) and where[-1] != ":" and named


def with_colon(text: str) -> str:
    """``my:loss`` for ``my.loss``, ``my.py:loss`` for ``my.py.loss``; empty where it is neither."""
    found = DOTTED.fullmatch(text[:1000])
    return "" if found is None or found[2] == "py" else f"{found[1]}:{found[2]}"


class CustomSettings(FunctionSettings):
    """The ``problem:`` section of a custom objective."""

    summary: ClassVar[str] = "your own Python function of named parameters"
    examples: ClassVar[dict[str, str]] = {
        "objective": "`objective: my_module:loss`, or path/to/file.py:loss",
        "executor": "`executor: dask://host:8786`, or path/to/file.py:make",
        "parameters": "`parameters: {lr: {low: 1e-5, high: 1, scale: log}, "
        "depth: {low: 1, high: 8, type: int}, kernel: {choices: [rbf, poly]}}`",
        "targets": "`problem: {kind: custom, objective: …, parameters: …}`, without targets",
    }

    kind: Literal["custom"] = "custom"
    targets: tuple[Target, ...] = ({},)
    objective: str
    """``module:function`` or ``file.py:function``, looked for in the preset's folder, then in the
    current one. A function may be a method of an object: ``file.py:model.loss``."""
    executor: str | None = None
    """Where the calls run, unless in processes of this machine: ``dask://host:port``,
    ``ray://host:port``, or ``module:function`` or ``file.py:function`` of a function that returns a
    ``concurrent.futures.Executor``."""
    workers: Annotated[Integer, Field(ge=1, le=10_000)] | None = None
    """Calls at the same time, each in its own process; null for one, or for as many as the executor
    can run."""
    timeout: Annotated[Number, Field(gt=0)] | None = 600.0
    """Seconds that a call may take; null for any number."""
    folder: str = ""
    """Where the objective is looked for first: the preset's folder, unless it is set."""

    @field_validator("executor")
    @classmethod
    def _executor(cls, text: str | None) -> str | None:
        if text is None or executors.ADDRESS in text or _is_function(text):
            return text
        raise ValueError(f"{text!r} is neither dask://host:port nor path/to/file.py:make")

    @field_validator("objective")
    @classmethod
    def _objective(cls, text: str) -> str:
        if not _is_function(text):
            meant = with_colon(text)
            hint = f"; did you mean {meant}" if meant else ""
            raise ValueError(
                f"{text!r} is not of the form my_module:loss or path/to/file.py:loss{hint}"
            )
        return text

    @override
    def build(self, target: Target, repetition: int) -> CustomProblem:
        """The problem. Does not load the objective: a report does not need it."""
        return CustomProblem(self)

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError where a parameter has a setting without effect, and, unless ``dry``,
        where there is no such objective, or it has other parameters."""
        super().check(repetitions, dry=dry)
        if self.executor is not None:
            executors.check_name(self.executor)
        elif not dry:
            check_objective(self.objective, self.folder, tuple(self.parameters))

    @override
    def facts(self) -> list[tuple[str, str]]:
        """Which values are better."""
        better = "lower" if self.direction == "minimize" else "higher"
        guessed = self._guessed()
        said = "as its name suggests" if guessed == self.direction else "against its name"
        why = said if guessed else "its name does not say"
        return [("direction", f"{self.direction}: a {better} {self.value} is better ({why})")]

    @override
    def warnings(self) -> list[str]:
        """That the name says otherwise than the direction."""
        guessed = self._guessed()
        if guessed in (None, self.direction):
            return []
        return [
            f"The preset says direction: {self.direction}, and the name of {self.objective} looks "
            f"like {guessed}; see that it is right."
        ]

    def _guessed(self) -> Direction | None:
        return guess_direction(self.objective.rpartition(":")[2].rpartition(".")[2])

    @override
    def inspect_code(self) -> str:
        try:
            return sources.describe_source(self.objective, self.folder, tuple(self.parameters))
        except NotLoaded as error:
            raise UsageError(f"problem.objective {self.objective}: {error}.", HINT) from None

    @override
    def try_code(self) -> str:
        """The value of the first starting point, and the time that it took."""
        problem = self.build({}, 0)
        point = problem.starts(np.random.default_rng(0))[0]
        arguments = problem.arguments(point)
        check_objective(self.objective, self.folder, tuple(self.parameters))
        begun = time.monotonic()
        measured = once(self.call(), arguments)
        seconds = time.monotonic() - begun
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        called = clean(f"{self.objective.rpartition(':')[2]}({given})", 200)
        if measured.why:
            raise UsageError(f"{called} has no value: {measured.why}.", RETURNS)
        return f"{called} = {number(measured.value)}, in {duration(seconds)} with the import"

    @override
    def files(self, folder: str) -> list[str]:
        return [str(path) for path in sources.files(self.objective, folder)]

    @override
    @contextlib.contextmanager
    def shared(self) -> Iterator[int]:
        """The executor, which must have the objective on a worker."""
        if self.executor is None:
            yield self.workers or 1
            return
        with executors.shared(self.executor, self.folder) as opened:
            calls = ExecutorCalls(self.call(), opened, self.digests())
            calls.check(tuple(self.parameters))
            yield self.workers or opened.workers()

    def call(self) -> ObjectiveCall:
        """The objective, as it is called in processes here."""
        return ObjectiveCall(self.objective, self.folder, self.workers or 1, self.timeout)

    @override
    def digests(self) -> dict[str, str]:
        """Of the objective's file, and of the files beside it that it imports."""
        return sources.digests(self.objective, self.folder)

    @override
    def located(self, folder: str) -> Self:
        return self if self.folder else self.model_copy(update={"folder": folder})

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the settings that change no value: the folder, and where calls run."""
        settings = super().summary_of_settings()
        return {k: v for k, v in settings.items() if k not in ("folder", "workers", "executor")}

    @override
    def identity(self) -> dict[str, Any]:
        """Without the executor: a run can be resumed on another one."""
        settings = super().identity()
        del settings["executor"]
        return {**settings, "workers": self.workers or 1}


class CustomProblem(FunctionProblem):
    """A function that is called in processes of its own."""

    def __init__(self, settings: CustomSettings) -> None:
        super().__init__(settings)
        self.settings = settings

    @override
    def evaluate(self, point: Point) -> float:
        """The function's value, from a process started for it; nan where the function gives none.

        Not for use where an event loop runs; :meth:`evaluator` is.
        """
        return once(self.settings.call(), self.arguments(point)).value

    @override
    @contextlib.asynccontextmanager
    async def evaluator(self, models: Mapping[str, Model]) -> AsyncIterator[Evaluate]:
        """Calls in worker processes, or on the workers of an executor."""
        async with self._calls() as calls:

            async def evaluate(points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
                return await calls.evaluate(
                    [self.arguments(point) for point in points],
                    lambda index, measurement: on_value(points[index], measurement),
                )

            yield evaluate

    @contextlib.asynccontextmanager
    async def _calls(self) -> AsyncIterator[Calls]:
        settings = self.settings
        if settings.executor is None:
            async with Workers(settings.call()) as workers:
                yield workers
        else:
            with executors.shared(settings.executor, settings.folder) as opened:
                yield ExecutorCalls(settings.call(), opened, settings.digests())
