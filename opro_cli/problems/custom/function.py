"""What all functions of named parameters have: settings, a space, words, starts, a goal."""

from __future__ import annotations

import re
from abc import ABC
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.mappings import cut_text
from opro_cli.core.problem import Direction, InvalidSolution, Problem, ProblemText
from opro_cli.core.settings import Integer, Number
from opro_cli.core.text import function_of, tuple_of
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.custom.texts import CustomSpace, space_of, start_of
from opro_cli.problems.settings import ProblemSettings, Target
from opro_cli.problems.spaces.texts import Texts

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class FunctionSettings(ProblemSettings, ABC):
    """The fields of a function of named parameters, wherever it runs."""

    kind: str
    targets: tuple[Target, ...] = ({},)
    objective: str
    parameters: dict[str, Parameter] = Field(min_length=1)
    direction: Direction = "minimize"
    """Which values are better."""
    goal: Number | None = None
    """A value that counts as solved; None: a run ends by its limits."""
    starts: tuple[dict[str, Any], ...] = ()
    """Starting points, in addition to ``num_starts`` random ones."""
    num_starts: Annotated[Integer, Field(ge=0, le=10_000)] = 5
    """Starting points that are drawn at random."""
    num_output_decimals: Annotated[Integer, Field(ge=0, le=12)] | None = None
    """Decimals of a value that a model is shown; null for six significant digits, or more where
    values are alike."""
    description: str = ""
    """What the meta-prompt says the function is, as in "the error of a classifier"."""
    value: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 _-]{0,39}$")] = "value"
    """What the meta-prompt calls the function's value."""

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
            raise ValueError("targets: a function has none")
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
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError where a parameter has a setting without effect, or a starting point a
        value for no parameter."""
        for start in self.starts:
            others = [name for name in start if name not in self.parameters]
            if others:
                raise UsageError(
                    f"problem.starts has {cut_text(others[0])}, which is not in "
                    "problem.parameters.",
                    f"leave it out of the starts, or add it to the parameters: "
                    f"{', '.join(self.parameters)}",
                )
        for name, parameter in self.parameters.items():
            idle = parameter.without_effect()
            if idle:
                kind = "choices" if parameter.choices is not None else "whole numbers"
                raise UsageError(
                    f"problem.parameters.{name}.{idle} has no effect on {kind}.", "leave it out"
                )
        super().check(repetitions, dry=dry)

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


class FunctionProblem(Problem):
    """One function. Points are its parameters' values, in their order."""

    space: CustomSpace
    optimum = None
    costly: ClassVar[bool] = True

    def __init__(self, settings: FunctionSettings) -> None:
        self._settings = settings
        self.space = space_of(settings.parameters)
        names = self.space.names
        self.text = ProblemText(
            task=settings.description or function_of(names),
            solution=names[0] if isinstance(self.space, Texts) else tuple_of(names),
            value=settings.value,
            direction=settings.direction,
            value_decimals=settings.num_output_decimals,
        )

    def arguments(self, point: Point) -> dict[str, Any]:
        """The function's keyword arguments."""
        values: dict[str, Any] = self.space.to_values(point)
        return values

    @override
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """The points in the settings, then points drawn uniformly, each parameter on its scale."""
        points = [start_of(self.space, start) for start in self._settings.starts]
        if isinstance(self.space, Mixed):  # texts cannot be drawn
            points += [self.space.draw(rng) for _ in range(self._settings.num_starts)]
        return list(dict.fromkeys(points))

    @override
    def solved(self, point: Point, value: float) -> bool:
        """Whether the value is as good as the goal; false without a goal."""
        goal = self._settings.goal
        if goal is None:
            return False
        return value <= goal if self._settings.direction == "minimize" else value >= goal
