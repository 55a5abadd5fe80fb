"""One coordinate of a point: its values, and how they are written, read, drawn and changed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from opro_cli.problems.base import Unusable

SAME = 1e-12
"""Of the width of a range: what rounding may do to a number on its way through the cube."""

# ASCII digits only: "１２", "0x10", "1_000" and "--5" are no numbers here.
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


class Coordinate(Protocol):
    """One named coordinate: how its values are written and read."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered value."""

    def render(self, value: Any) -> str:
        """The value as text, without spaces and commas."""

    def parse(self, value: Any) -> Any:
        """A JSON value or a text as this coordinate's value. Raises Unusable."""

    def nearest(self, value: Any) -> Any:
        """The value of this coordinate that is nearest."""

    def sample(self, rng: np.random.Generator) -> Any:
        """A value drawn uniformly on its scale."""

    def near(self, value: Any, rng: np.random.Generator) -> Any:
        """A value not far from this one, by a step of any size (see :meth:`Space.near`)."""

    def to_unit(self, value: Any) -> float:
        """Its place between 0 and 1, on its scale."""

    def from_unit(self, unit: float) -> Any:
        """The value at a place between 0 and 1."""

    def schema(self) -> dict[str, Any]:
        """JSON schema of the value."""

    def grammar(self) -> str:
        """GBNF of the rendered value."""

    def describe(self) -> str:
        """The constraint in words, as a clause that begins with the name."""


@dataclass(frozen=True)
class Range:
    """One numeric coordinate: ``low`` to ``high``, rounded to ``decimals`` (0: whole numbers)."""

    name: str
    low: float
    high: float
    decimals: int = 0

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered number."""
        return max(len(self.render(self.low)), len(self.render(self.high)))

    def render(self, value: float) -> str:
        """The number as text, always with its decimals."""
        return f"{value:.{self.decimals}f}"

    def parse(self, value: Any) -> float | int:
        """A JSON value or a text as this coordinate's number. Raises Unusable."""
        number = finite(value)
        if not self.low - 1 <= number <= self.high + 1:  # rounding 1e308 would overflow
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        rounded = float(np.round(number, self.decimals)) + 0.0  # no negative zero
        if not self.low <= rounded <= self.high:
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        return int(rounded) if self.decimals == 0 else rounded

    def nearest(self, value: float) -> float | int:
        """The number of this coordinate that is nearest."""
        rounded = float(np.round(min(max(value, self.low), self.high), self.decimals)) + 0.0
        return int(rounded) if self.decimals == 0 else rounded

    def sample(self, rng: np.random.Generator) -> float | int:
        """A number drawn uniformly from those there are."""
        scale = 10**self.decimals
        low, high = math.ceil(self.low * scale), math.floor(self.high * scale)
        return self.nearest(int(rng.integers(low, high, endpoint=True)) / scale)

    def near(self, value: float, rng: np.random.Generator) -> float | int:
        """The number a step away, from the smallest step there is to a quarter of the range."""
        finest = 10.0**-self.decimals
        return self.nearest(value + stride(finest, self._width / 4, rng))

    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        return (value - self.low) / self._width

    def from_unit(self, unit: float) -> float:
        """The number there, unrounded: a sum of squares is defined between grid points, too.

        What is a grid point but for the last bits is that grid point.
        """
        there = self.low + unit * self._width
        nearest = float(self.nearest(there))
        return nearest if abs(nearest - there) <= SAME * self._width else there

    @property
    def _width(self) -> float:
        """From low to high; 1 for a range of one number, which has no width to divide by."""
        return (self.high - self.low) or 1.0

    def span(self) -> str:
        """The range in words."""
        return f"{self.render(self.low)} to {self.render(self.high)}"

    def schema(self) -> dict[str, Any]:
        """JSON schema of the number."""
        named = "integer" if self.decimals == 0 else "number"
        low, high = (int(v) if self.decimals == 0 else v for v in (self.low, self.high))
        return {"type": named, "minimum": low, "maximum": high}

    def grammar(self) -> str:
        """GBNF of the number: a sign where the range has one, and no more digits than it has."""
        most = int(max(abs(self.low), abs(self.high)))
        whole = f'("0" | [1-9] [0-9]{{0,{len(str(most)) - 1}}})' if most > 99 else up_to(most)
        sign = '"-"? ' if self.low < 0 else ""
        fraction = f' "." [0-9]{{{self.decimals}}}' if self.decimals else ""
        return sign + whole + fraction

    def describe(self) -> str:
        """The range in words."""
        return f"{self.name} is {kind(self, one=True)} from {self.span()}"


def up_to(last: int, first: int = 0) -> str:
    """GBNF of the whole numbers from ``first`` (0 or 1) to ``last``, which is below 100."""
    if last < 10:
        return f"[{first}-{last}]"
    tens, ones = divmod(last, 10)
    below = f"[1-{tens - 1}] [0-9] | " if tens > 1 else ""
    return f'({below}"{tens}" [0-{ones}] | [{first}-9])'


def stride(finest: float, widest: float, rng: np.random.Generator) -> float:
    """A step up or down, of a size drawn uniformly on a logarithmic scale.

    The least is ``finest / 2``, so that rounding makes a step of one of it more often than of two.
    """
    low, high = math.log(finest / 2), math.log(max(widest, finest))
    return float(rng.choice((-1.0, 1.0)) * math.exp(rng.uniform(low, high)))


def finite(value: Any) -> float:
    """A JSON number, or a text that is one, as a finite number. Raises Unusable."""
    if isinstance(value, str):
        text = value.strip()
        if _NOT_FINITE.fullmatch(text):
            raise Unusable("non_finite", "a number that is not finite")
        if not _NUMBER.fullmatch(text):
            raise Unusable("unparsable", "not a number")
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable("unparsable", "not a number")
    try:
        number = float(value)
    except OverflowError:
        raise Unusable("out_of_range", "an astronomically large number") from None
    if not math.isfinite(number):
        raise Unusable("non_finite", "a number that is not finite")
    return number


def kind(r: Range, one: bool = False) -> str:
    """What the numbers of a range are, or one of them."""
    if r.decimals == 0:
        return "a whole number" if one else "whole numbers"
    decimals = f"{r.decimals} decimal{'s' * (r.decimals > 1)}"
    return f"{'a number' if one else 'numbers'} with {decimals}"
