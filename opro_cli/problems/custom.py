"""A problem of your own: any Python function of named parameters (docs/custom-objective.md).

The function is called with the parameters as keyword arguments and returns a number. It is called
in processes of its own (:mod:`opro_cli.workers`): an exception, a value that is no finite number,
a crash and a call that takes too long are recorded as that point's failure, and the run goes on.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from opro_cli.evaluation import Call
from opro_cli.problems.base import (
    Direction,
    Integer,
    Number,
    Point,
    ProblemSettings,
    Target,
    Unusable,
    Wording,
)
from opro_cli.problems.mixed import Mixed, Parameter
from opro_cli.problems.words import function_of, tuple_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class CustomSettings(ProblemSettings):
    """The ``problem:`` section of a custom objective."""

    summary: ClassVar[str] = "your own Python function of named parameters"
    examples: ClassVar[dict[str, str]] = {
        "objective": "`objective: my_module:loss`, or path/to/file.py:loss",
        "parameters": "`parameters: {lr: {low: 1e-5, high: 1, scale: log}, "
        "depth: {low: 1, high: 8, type: int}, kernel: {choices: [rbf, poly]}}`",
        "targets": "`problem: {kind: custom, objective: …, parameters: …}`, without targets",
    }

    kind: Literal["custom"] = "custom"
    targets: tuple[Target, ...] = ({},)
    objective: str
    """``module:function`` or ``file.py:function``, looked for beside the preset, then here."""
    parameters: dict[str, Parameter] = Field(min_length=1)
    direction: Direction = "minimize"
    goal: Number | None = None
    """A value that counts as solved; None: a run ends by its limits."""
    starts: tuple[dict[str, Any], ...] = ()
    """Points to start from, beside ``num_starts`` drawn at random."""
    num_starts: Annotated[Integer, Field(ge=0, le=10_000)] = 5
    num_output_decimals: Annotated[Integer, Field(ge=0, le=12)] = 4
    description: str = ""
    """What the model is told that the function is, as in "the error of a classifier"."""
    value: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 _-]{0,39}$")] = "value"
    """What the function's value is called."""
    workers: Annotated[Integer, Field(ge=1, le=256)] = 1
    """Calls at the same time, each in a process of its own."""
    timeout: Annotated[Number, Field(gt=0)] | None = 600.0
    """Seconds a call may take; null for any number."""
    folder: str = ""
    """Where the objective is looked for first: the preset's folder, unless it is set."""

    @field_validator("objective")
    @classmethod
    def _objective(cls, text: str) -> str:
        where, colon, name = text.rpartition(":")
        if not (colon and where and name.isidentifier()):
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
        if not self.starts and not self.num_starts:
            raise ValueError("num_starts: without starts, there must be at least one")
        space = Mixed(self.parameters)
        for start in self.starts:
            try:
                space.from_values(start)
            except Unusable as error:
                raise ValueError(f"starts: {start} is no point: {error}") from None
        return self

    def build(self, target: Target, repetition: int) -> CustomProblem:
        """The problem. Does not load the objective: a report needs none."""
        return CustomProblem(self)

    def check(self, repetitions: int) -> None:
        """Raises UsageError where there is no such objective, or it has other parameters."""
        from opro_cli.workers import check

        check(self.objective, self.folder, tuple(self.parameters))

    def located(self, folder: str) -> Self:
        """With the preset's folder, unless one is set."""
        return self if self.folder else self.model_copy(update={"folder": folder})

    def summary_of_settings(self) -> dict[str, Any]:
        """Without what bears on no value: where the objective lies, and how many calls at once."""
        settings = super().summary_of_settings()
        return {k: v for k, v in settings.items() if k not in ("folder", "workers")}

    def varies(self) -> bool:
        """Whether repetitions have starting points of their own."""
        return self.num_starts > 0


class CustomProblem:
    """One function. Points are its parameters' values, in their order."""

    optimum = None

    def __init__(self, settings: CustomSettings) -> None:
        self.space = Mixed(settings.parameters)
        self.wording = Wording(
            task=settings.description or function_of(self.space.names),
            solution=tuple_of(self.space.names),
            value=settings.value,
            direction=settings.direction,
            value_decimals=settings.num_output_decimals,
        )
        self.call = Call(settings.objective, settings.folder, settings.workers, settings.timeout)
        self._settings = settings

    def arguments(self, point: Point) -> dict[str, Any]:
        """The function's keyword arguments."""
        return self.space.to_values(point)

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """The points given, then points drawn uniformly, each parameter on its scale."""
        points = [self.space.from_values(start) for start in self._settings.starts]
        points += [self.space.drawn(rng) for _ in range(self._settings.num_starts)]
        return list(dict.fromkeys(points))[:count]

    def evaluate(self, point: Point) -> float:
        """The function's value; nan where it gives none. For many points: evaluation.of."""
        from opro_cli.workers import once

        return once(self.call, self.arguments(point)).value

    def solved(self, point: Point, value: float) -> bool:
        """Whether the value is as good as the goal, if there is one."""
        goal = self._settings.goal
        if goal is None:
            return False
        return value <= goal if self._settings.direction == "minimize" else value >= goal
