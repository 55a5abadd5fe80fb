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
from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.model import Model
from opro_cli.core.problem import (
    Direction,
    Evaluate,
    InvalidSolution,
    Measurement,
    OnValue,
    Problem,
    ProblemText,
)
from opro_cli.core.settings import Integer, Number
from opro_cli.core.text import clean, duration, function_of, number, tuple_of
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.calls import Calls, ObjectiveCall
from opro_cli.problems.custom.executors import shared as executors
from opro_cli.problems.custom.executors.calls import ExecutorCalls
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.custom.texts import CustomSpace, space_of, start_of
from opro_cli.problems.custom.worker import NotLoaded
from opro_cli.problems.custom.workers import Workers, check_objective, once
from opro_cli.problems.settings import ProblemSettings, Target
from opro_cli.problems.spaces.texts import Texts

HINT = "`opro init FILE.py:NAME` writes a preset with the parameters of a function"

RETURNS = "the function must return one finite number"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def _is_function(text: str) -> bool:
    """Whether this has the form of ``module:function`` or ``file.py:function``."""
    where, colon, name = text.rpartition(":")
    named = all(part.isidentifier() for part in name.split("."))
    return bool(colon and where) and where[-1] != ":" and named


class CustomSettings(ProblemSettings):
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
    parameters: dict[str, Parameter] = Field(min_length=1)
    direction: Direction = "minimize"
    goal: Number | None = None
    """A value that counts as solved; None: a run ends by its limits."""
    starts: tuple[dict[str, Any], ...] = ()
    """Starting points, in addition to ``num_starts`` random ones."""
    num_starts: Annotated[Integer, Field(ge=0, le=10_000)] = 5
    num_output_decimals: Annotated[Integer, Field(ge=0, le=12)] | None = None
    """Decimals of a value that a model is shown; null for six significant digits, or more where
    values are alike."""
    description: str = ""
    """What the meta-prompt says the function is, as in "the error of a classifier"."""
    value: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 _-]{0,39}$")] = "value"
    """What the meta-prompt calls the function's value."""
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
            raise ValueError(f"{text!r} is not of the form my_module:loss or path/to/file.py:loss")
        return text

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, Parameter]) -> dict[str, Parameter]:
        for name in parameters:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a Python argument")
        return parameters

    @model_validator(mode="after")
    def _targets(self) -> Self:
        if self.targets != ({},):
            raise ValueError("targets: a custom problem has none")
        space = space_of(self.parameters)
        if not self.starts and not isinstance(space, Mixed):
            raise ValueError("starts: a text cannot be drawn, so at least one is needed")
        if not self.starts and not self.num_starts:
            raise ValueError("num_starts: without starts, there must be at least one")
        for start in self.starts:
            try:
                start_of(space, start)
            except InvalidSolution as error:
                raise ValueError(f"starts: {start} is no point: {error}") from None
        return self

    @override
    def build(self, target: Target, repetition: int) -> CustomProblem:
        """The problem. Does not load the objective: a report does not need it."""
        return CustomProblem(self)

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError where a parameter has a setting without effect, and, unless ``dry``,
        where there is no such objective, or it has other parameters."""
        for name, parameter in self.parameters.items():
            idle = parameter.without_effect()
            if idle:
                kind = "choices" if parameter.choices is not None else "whole numbers"
                raise UsageError(
                    f"problem.parameters.{name}.{idle} has no effect on {kind}.", "leave it out"
                )
        super().check(repetitions, dry=dry)
        if self.executor is not None:
            executors.check_name(self.executor)
        elif not dry:
            check_objective(self.objective, self.folder, tuple(self.parameters))

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

    @override
    def has_goal(self) -> bool:
        return self.goal is not None

    @override
    def varies(self) -> bool:
        return self.num_starts > 0 and isinstance(space_of(self.parameters), Mixed)

    @property
    @override
    def free_text(self) -> bool:
        return isinstance(space_of(self.parameters), Texts)


class CustomProblem(Problem):
    """One function. Points are its parameters' values, in their order."""

    space: CustomSpace
    optimum = None
    costly: ClassVar[bool] = True

    def __init__(self, settings: CustomSettings) -> None:
        self.space = space_of(settings.parameters)
        names = self.space.names
        self.text = ProblemText(
            task=settings.description or function_of(names),
            solution=names[0] if isinstance(self.space, Texts) else tuple_of(names),
            value=settings.value,
            direction=settings.direction,
            value_decimals=settings.num_output_decimals,
        )
        self.settings = settings

    def arguments(self, point: Point) -> dict[str, Any]:
        """The function's keyword arguments."""
        values: dict[str, Any] = self.space.to_values(point)
        return values

    @override
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """The points in the settings, then points drawn uniformly, each parameter on its scale."""
        points = [start_of(self.space, start) for start in self.settings.starts]
        if isinstance(self.space, Mixed):  # texts cannot be drawn
            points += [self.space.draw(rng) for _ in range(self.settings.num_starts)]
        return list(dict.fromkeys(points))

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

    @override
    def solved(self, point: Point, value: float) -> bool:
        """Whether the value is as good as the goal; false without a goal."""
        goal = self.settings.goal
        if goal is None:
            return False
        return value <= goal if self.settings.direction == "minimize" else value >= goal
