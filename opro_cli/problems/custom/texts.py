"""Points of a function that takes a text: a text alone, or texts beside numbers and names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution
from opro_cli.core.text import listed
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.spaces.coordinates import Coordinate
from opro_cli.problems.spaces.named import in_order, object_schema
from opro_cli.problems.spaces.texts import Texts, normalise

MAX_CHARS = 500


@dataclass(frozen=True)
class TextValue:
    """A named text that is a part of a point. An empty one is a value, too."""

    name: str
    max_chars: int

    def parse(self, value: Any) -> str:
        """The normalised text. Raises InvalidSolution."""
        if not isinstance(value, str):
            raise InvalidSolution("unparsable", f"{self.name} is no text")
        text = normalise(value)
        if len(text) > self.max_chars:
            raise InvalidSolution(
                "out_of_range",
                f"{self.name} has {len(text)} characters, more than {self.max_chars}",
            )
        return text

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string"}

    def describe(self) -> str:
        """The bound in words."""
        return f"{self.name} is a text of at most {self.max_chars} characters"


class Written:
    """Points with texts in them, written as JSON objects. They can neither be drawn nor listed."""

    def __init__(self, parts: Sequence[Coordinate | TextValue]) -> None:
        self._parts = tuple(parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values."""
        return tuple(part.name for part in self._parts)

    def render(self, point: Point) -> str:
        """A JSON object on one line."""
        return json.dumps(self.to_values(point), ensure_ascii=False)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`. Raises InvalidSolution."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidSolution("unparsable", "not a JSON object") from None
        if not isinstance(values, Mapping):
            raise InvalidSolution("unparsable", "not a JSON object")
        return self.from_values(values)

    def to_values(self, point: Point) -> dict[str, Any]:
        """``{"prompt": "…", "depth": 3}``."""
        return dict(zip(self.names, point, strict=True))

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """A point from an object with these names, or an array of this length.

        Raises InvalidSolution.
        """
        values = in_order(values, self.names, "values")
        return tuple(part.parse(value) for part, value in zip(self._parts, values, strict=True))

    def schema(self) -> dict[str, Any]:
        """An object with one value a name, all required."""
        return object_schema(self._parts)

    def describe(self) -> str:
        """The constraints in words."""
        return listed([part.describe() for part in self._parts])


CustomSpace: TypeAlias = Mixed | Written | Texts


def space_of(parameters: Mapping[str, Parameter]) -> CustomSpace:
    """The space of a function's parameters."""
    if not any(p.is_text for p in parameters.values()):
        return Mixed(parameters)
    if len(parameters) == 1:
        ((name, only),) = parameters.items()
        return Texts(name, only.max_chars or MAX_CHARS)
    return Written([_part(name, parameter) for name, parameter in parameters.items()])


def _part(name: str, parameter: Parameter) -> Coordinate | TextValue:
    if parameter.is_text:
        return TextValue(name, parameter.max_chars or MAX_CHARS)
    return parameter.coordinate(name)


def start_of(space: CustomSpace, values: Mapping[str, Any]) -> Point:
    """A starting point; a text may be empty, which no proposal may. Raises InvalidSolution."""
    if isinstance(space, Texts) and values.get(space.names[0]) == "":
        return ("",)
    return space.from_values(values)
