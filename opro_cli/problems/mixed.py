"""Points of numbers and names together: floats, also on a logarithmic scale, integers, choices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from opro_cli.problems.base import Integer, Number, Point, Settings, Unusable
from opro_cli.problems.coordinate import Coordinate, Range, finite, stride
from opro_cli.problems.space import Named

Choice: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr | None
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,40}")
LEAST, MOST = 1e-99, 1e15
"""Sizes of numbers that have a short text."""


class Parameter(Settings):
    """One parameter: either ``choices``, or ``low`` and ``high``."""

    low: Number | None = None
    high: Number | None = None
    type: Literal["float", "int"] = "float"
    scale: Literal["linear", "log"] = "linear"
    digits: Integer = Field(3, ge=1, le=12)
    """Significant digits: of every value on a logarithmic scale, of the largest on a linear one."""
    choices: tuple[Choice, ...] | None = None

    @field_validator("choices")
    @classmethod
    def _choices(cls, choices: tuple[Choice, ...] | None) -> tuple[Choice, ...] | None:
        texts = [_text(choice) for choice in choices or ()]
        if choices is not None and (not texts or len(set(texts)) < len(texts)):
            raise ValueError("at least one is wanted, and all different")
        for choice, text in zip(choices or (), texts, strict=True):
            if isinstance(choice, float) and not math.isfinite(choice):
                raise ValueError(f"{choice} is not finite")
            if not _WORD.fullmatch(text):
                raise ValueError(f"{text!r} is not up to 40 letters, digits and ._+-")
        return choices

    @model_validator(mode="after")
    def _either(self) -> Self:
        numeric = self.low is not None and self.high is not None
        if numeric == (self.choices is not None):
            raise ValueError("either choices, or low and high")
        if self.low is None or self.high is None:
            return self
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.scale == "log" and self.low < LEAST:
            raise ValueError(f"on a logarithmic scale, low must be at least {LEAST:g}")
        if max(abs(self.low), abs(self.high)) > MOST:
            raise ValueError(f"low and high must be at most {MOST:g}")
        bounds = self._numeric()
        for value in (self.low, self.high):
            # Then whatever lies between them lies between them when it is rounded, too.
            if float(bounds.render(value)) != value:
                how = f"with digits={self.digits}" if self.type == "float" else "as an int"
                raise ValueError(f"{value:g} cannot be written {how}")
        return self

    def coordinate(self, name: str) -> Coordinate:
        """The coordinate this makes."""
        if self.choices is not None:
            return Choices(name, self.choices)
        return self._numeric(name)

    def _numeric(self, name: str = "") -> Range | Log:
        low, high = self.low or 0.0, self.high or 0.0
        if self.type == "int":
            return Range(name, low, high)
        if self.scale == "log":
            return Log(name, low, high, self.digits)
        largest = math.floor(math.log10(max(abs(low), abs(high))))
        return Range(name, low, high, max(self.digits - 1 - largest, 1))  # 0 would be an int

    def drawn(self, rng: np.random.Generator) -> Any:
        """A value drawn uniformly on its scale, not rounded."""
        if self.choices is not None:
            return self.choices[int(rng.integers(len(self.choices)))]
        low, high = self.low or 0.0, self.high or 0.0
        if self.scale == "log":
            # The ends can be missed by a rounding error; nothing outside is to be proposed.
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
            return min(max(value, low), high)
        return float(rng.uniform(low, high))


@dataclass(frozen=True)
class Log:
    """A positive number on a logarithmic scale, written with significant digits: ``3.20e-04``."""

    name: str
    low: float
    high: float
    digits: int = 3

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered number."""
        return max(len(self.render(self.low)), len(self.render(self.high)))

    def render(self, value: float) -> str:
        """The number with its digits and an exponent."""
        return f"{value:.{self.digits - 1}e}"

    def parse(self, value: Any) -> float:
        """A JSON value or a text as this coordinate's number. Raises Unusable."""
        number = finite(value)
        rounded = float(self.render(number))
        if not self.low <= rounded <= self.high:
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        return rounded

    def nearest(self, value: float) -> float:
        """The number with so many digits that is nearest."""
        return float(self.render(min(max(value, self.low), self.high)))

    def sample(self, rng: np.random.Generator) -> float:
        """A number drawn uniformly on the logarithmic scale."""
        return self.from_unit(float(rng.uniform()))

    def near(self, value: float, rng: np.random.Generator) -> float:
        """The number a factor away, from a change of the last digit to a quarter of the range."""
        widest = math.log(self.high / self.low) / 4
        return self.nearest(value * math.exp(stride(10.0 ** (1 - self.digits), widest, rng)))

    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one, on the logarithmic scale."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def from_unit(self, unit: float) -> float:
        """The number there, with its digits."""
        return self.nearest(self.low * (self.high / self.low) ** min(max(unit, 0.0), 1.0))

    def span(self) -> str:
        """The range in words."""
        return f"{self.render(self.low)} to {self.render(self.high)}"

    def schema(self) -> dict[str, Any]:
        """JSON schema of the number."""
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def grammar(self) -> str:
        """GBNF of the number: its digits, and one of the exponents in the range."""
        first, last = (int(self.render(v).partition("e")[2]) for v in (self.low, self.high))
        exponents = " | ".join(f'"e{e:+03d}"' for e in range(first, last + 1))
        fraction = f' "." [0-9]{{{self.digits - 1}}}' if self.digits > 1 else ""
        return f"[1-9]{fraction} ({exponents})"

    def describe(self) -> str:
        """The range in words."""
        return f"{self.name} is a number from {self.span()}, on a logarithmic scale"


@dataclass(frozen=True)
class Choices:
    """One of a few values, written as the words they are: ``rbf``, ``16``, ``true``."""

    name: str
    choices: tuple[Choice, ...]

    @property
    def max_chars(self) -> int:
        """Length of the longest choice."""
        return max(len(_text(choice)) for choice in self.choices)

    def render(self, value: Choice) -> str:
        """The choice as a word."""
        return _text(value)

    def parse(self, value: Any) -> Choice:
        """The choice that is this value, or is written like it. Raises Unusable."""
        text = value.strip() if isinstance(value, str) else _text(value)
        for choice in self.choices:
            if _text(choice) == text:
                return choice
        raise Unusable("out_of_range", f"{self.name} is none of {self._listed()}")

    def nearest(self, value: Choice) -> Choice:
        """The choice itself: names have no distance."""
        return value

    def sample(self, rng: np.random.Generator) -> Choice:
        """Any of them, equally likely."""
        return self.choices[int(rng.integers(len(self.choices)))]

    def near(self, value: Choice, rng: np.random.Generator) -> Choice:
        """Any other one: names have no distance."""
        others = [choice for choice in self.choices if choice is not value]
        return others[int(rng.integers(len(others)))] if others else value

    def to_unit(self, value: Choice) -> float:
        """The middle of the choice's part of the line."""
        texts = [_text(choice) for choice in self.choices]
        return (texts.index(_text(value)) + 0.5) / len(texts)

    def from_unit(self, unit: float) -> Choice:
        """The choice whose part of the line this is."""
        last = len(self.choices) - 1
        return self.choices[min(max(int(unit * len(self.choices)), 0), last)]

    def schema(self) -> dict[str, Any]:
        """JSON schema of the choice."""
        return {"enum": list(self.choices)}

    def grammar(self) -> str:
        """GBNF of the word."""
        return "(" + " | ".join(f'"{_text(choice)}"' for choice in self.choices) + ")"

    def describe(self) -> str:
        """The choices in words."""
        return f"{self.name} is one of {self._listed()}"

    def _listed(self) -> str:
        return ", ".join(_text(choice) for choice in self.choices)


class Mixed(Named[Coordinate]):
    """Points of a custom problem."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        super().__init__([parameters[name].coordinate(name) for name in parameters])
        self.parameters = dict(parameters)

    def drawn(self, rng: np.random.Generator) -> Point:
        """A point drawn uniformly, each coordinate on its scale."""
        values = [p.drawn(rng) for p in self.parameters.values()]
        return self.from_values(values)

    def from_unit(self, unit: NDArray[np.float64]) -> Point:
        """The point at a place of the unit cube: one of the space, as a function takes no other."""
        return self.nearest(super().from_unit(unit))


def _text(value: Any) -> str:
    """A choice as JSON and YAML write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
