"""Points of numbers and names together: floats, also on a logarithmic scale, integers, choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.custom.foreign import explanation
from opro_cli.problems.spaces.choices import WORD, Choice, Choices, choice_text
from opro_cli.problems.spaces.coordinates import Coordinate, LogIntegers, LogRange, Range
from opro_cli.problems.spaces.named import Named

MOST_DIGITS = 12

LEAST, MOST = 1e-99, 1e15
"""Limits of the size of a number, so that its text is short."""


class Parameter(Settings):
    """One parameter: ``choices``, or ``low`` and ``high``, or ``type: text``."""

    low: Number | None = None
    """The lowest value."""
    high: Number | None = None
    """The highest value."""
    type: Literal["float", "int", "text"] = "float"
    """What a value is; any for choices."""
    scale: Literal["linear", "log"] = "linear"
    """How values are spread from low to high."""
    digits: Integer = Field(3, ge=1, le=MOST_DIGITS)
    """Significant digits: of every value on a logarithmic scale, of the largest on a linear one."""
    choices: tuple[Choice, ...] | None = None
    """Words, numbers, true, false or null, instead of low and high."""
    max_chars: Annotated[Integer, Field(ge=1, le=100_000)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """Of a text, the characters at most; 500 unless set."""

    @model_validator(mode="before")
    @classmethod
    def _ours(cls, given: Any) -> Any:
        """Say how a parameter that is written as in another program is written here."""
        known = isinstance(given, Parameter)
        said = "" if known else explanation(given)
        if said:
            raise ValueError(said)
        return given

    @field_validator("choices")
    @classmethod
    def _choices(cls, choices: tuple[Choice, ...] | None) -> tuple[Choice, ...] | None:
        texts = [choice_text(choice) for choice in choices or ()]
        if choices is not None and (not texts or len(set(texts)) < len(texts)):
            raise ValueError("at least one is wanted, and all different")
        for choice, text in zip(choices or (), texts, strict=True):
            if isinstance(choice, float) and not math.isfinite(choice):
                raise ValueError(f"{choice} is not finite")
            if not WORD.fullmatch(text):
                raise ValueError(
                    f"{text!r} is not up to 40 letters, digits and ._+-; give it such a name"
                )
        return choices

    @model_validator(mode="after")
    def _either(self) -> Self:
        numeric = self.low is not None and self.high is not None
        if self.is_text:
            if (self.low, self.high, self.choices) != (None, None, None):
                raise ValueError("a text has neither choices nor low and high")
            return self
        if self.max_chars is not None:
            raise ValueError("max_chars is only for `type: text`")
        if numeric == (self.choices is not None):
            raise ValueError("either choices, or low and high, or `type: text`")
        if self.low is None or self.high is None:
            return self
        if self.low >= self.high:
            raise ValueError("low must be below high; a single value is `choices: [value]`")
        if self.type == "int" and self.scale == "log" and self.low < 1:
            raise ValueError("on a logarithmic scale, low of whole numbers must be at least 1")
        if self.scale == "log" and self.low < LEAST:
            raise ValueError(f"on a logarithmic scale, low must be at least {LEAST:g}")
        if max(abs(self.low), abs(self.high)) > MOST:
            raise ValueError(f"low and high must be at most {MOST:g}")
        # Then every rounded value between low and high is within them, too.
        missing = [value for value in (self.low, self.high) if not self._written(value)]
        if missing and self.type == "int":
            raise ValueError(f"{missing[0]:g} cannot be written as an int; leave out `type: int`")
        if missing:
            raise ValueError(f"{missing[0]!r} cannot be written with {self._way_out()}")
        return self

    @property
    def is_text(self) -> bool:
        """Whether any text is a value."""
        return self.type == "text"

    def without_effect(self) -> str:
        """A setting that is set and changes nothing, as in ``scale``; empty for none."""
        if self.is_text:
            return next((n for n in ("scale", "digits") if n in self.model_fields_set), "")
        defaults = type(self).model_fields
        idle = ["type", "scale", "digits"] if self.choices is not None else []
        idle += ["digits"] if self.type == "int" else []
        return next((n for n in idle if getattr(self, n) != defaults[n].default), "")

    def _written(self, value: float) -> bool:
        """Whether the digits are enough for this bound."""
        return float(self._numeric().render(value)) == value

    def _way_out(self) -> str:
        """The digits that the bounds need."""
        now = f"digits: {self.digits}"
        for digits in range(self.digits + 1, MOST_DIGITS + 1):
            finer = self.model_copy(update={"digits": digits})
            if finer._written(self.low or 0.0) and finer._written(self.high or 0.0):
                break
        else:
            return f"{now}, nor with {MOST_DIGITS}; round it"
        wide = self.scale == "linear" and 0 < (self.low or 0.0) <= (self.high or 0.0) / 100
        return f"{now}; set digits: {digits}{', or scale: log' if wide else ''}"

    def coordinate(self, name: str) -> Coordinate:
        """The coordinate of this name."""
        if self.choices is not None:
            return Choices(name, self.choices)
        return self._numeric(name)

    def _numeric(self, name: str = "") -> Range | LogRange:
        low, high = self.low or 0.0, self.high or 0.0
        if self.type == "int":
            return (LogIntegers if self.scale == "log" else Range)(name, low, high)
        if self.scale == "log":
            return LogRange(name, low, high, self.digits)
        largest = math.floor(math.log10(max(abs(low), abs(high))))
        return Range(name, low, high, max(self.digits - 1 - largest, 1))  # 0 would be an int

    @property
    def size(self) -> float:
        """The number of values of choices and of whole numbers; of all others infinity."""
        if self.choices is not None:
            return len(self.choices)
        if self.is_text or self.type == "float":
            return math.inf
        return (self.high or 0.0) - (self.low or 0.0) + 1

    def draw(self, rng: np.random.Generator) -> Any:
        """A value drawn uniformly on its scale, not rounded."""
        if self.choices is not None:
            return self.choices[int(rng.integers(len(self.choices)))]
        low, high = self.low or 0.0, self.high or 0.0
        if self.scale == "log":
            # A rounding error can put the value outside.
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
            return min(max(value, low), high)
        return float(rng.uniform(low, high))


class Mixed(Named[Coordinate]):
    """Points of a custom problem."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        super().__init__([parameters[name].coordinate(name) for name in parameters])
        self.parameters = dict(parameters)

    def draw(self, rng: np.random.Generator) -> Point:
        """A starting point drawn uniformly, each coordinate on its scale."""
        values = [p.draw(rng) for p in self.parameters.values()]
        return self.from_values(values)

    @override
    def from_unit(self, unit: NDArray[np.float64]) -> Point:
        """The point of the space nearest to a place of the unit cube: functions take no others."""
        return self.nearest(super().from_unit(unit))
