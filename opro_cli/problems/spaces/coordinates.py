"""One numeric coordinate of a point: its values, and how they are written, read and changed.

Coordinates whose values are names are in :mod:`opro_cli.problems.spaces.choices`.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from opro_cli.core.problem import InvalidSolution

SAME = 1e-12
"""The rounding error of a number that goes through the unit cube, relative to the range."""

SPARE = 9
"""Decimals beyond its own in which a number that is computed may differ by a rounding error."""

WHOLE = 2.0**52
"""A float from here has no decimals."""

# ASCII digits only: "１２", "0x10", "1_000" and "--5" are no numbers here.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

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
        """A JSON value or a text as this coordinate's value. Raises InvalidSolution."""

    def nearest(self, value: Any) -> Any:
        """The value of this coordinate that is nearest."""

    def sample(self, rng: np.random.Generator) -> Any:
        """A value drawn uniformly on its scale."""

    def neighbor(self, value: Any, rng: np.random.Generator) -> Any:
        """A value near this one, by a step of any size: small steps as often as large ones."""

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
        """A JSON value or a text as this coordinate's number. Raises InvalidSolution."""
        number = finite(value)
        if not self.low - 1 <= number <= self.high + 1:  # rounding 1e308 would overflow
            raise InvalidSolution("out_of_range", f"{self.name} is outside {self.span()}")
        found = rounded(number, self.decimals)
        if not self.low <= found <= self.high:
            raise InvalidSolution("out_of_range", f"{self.name} is outside {self.span()}")
        return int(found) if self.decimals == 0 else found

    def nearest(self, value: float) -> float | int:
        """The number of this coordinate that is nearest; halfway between two, the even one.

        A value that misses halfway by a rounding error only counts as halfway: so the result does
        not depend on how the value was computed.
        """
        exact = round(float(min(max(value, self.low), self.high)), self.decimals + SPARE)
        found = rounded(exact, self.decimals)
        return int(found) if self.decimals == 0 else found

    def sample(self, rng: np.random.Generator) -> float | int:
        """A number drawn uniformly from all numbers of this coordinate."""
        scale = 10**self.decimals
        low, high = math.ceil(self.low * scale), math.floor(self.high * scale)
        return self.nearest(int(rng.integers(low, high, endpoint=True)) / scale)

    def neighbor(self, value: float, rng: np.random.Generator) -> float | int:
        """A number one step away: from the smallest step to a quarter of the range."""
        finest = 10.0**-self.decimals
        return self.nearest(value + stride(finest, self._width / 4, rng))

    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        return (value - self.low) / self._width

    def from_unit(self, unit: float) -> float:
        """The number there, not rounded: a loss is defined between grid points, too.

        A number that differs from a grid point by a rounding error becomes that grid point.
        """
        there = self.low + unit * self._width
        nearest = float(self.nearest(there))
        return nearest if abs(nearest - there) <= SAME * self._width else there

    @property
    def _width(self) -> float:
        """High minus low; 1 for a range of one number, so that it can be divided by."""
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
        """GBNF of the number: a sign if the range has one, and no more digits than it has."""
        most = int(max(abs(self.low), abs(self.high)))
        whole = f'("0" | [1-9] [0-9]{{0,{len(str(most)) - 1}}})' if most > 99 else up_to(most)
        sign = '"-"? ' if self.low < 0 else ""
        fraction = f' "." [0-9]{{{self.decimals}}}' if self.decimals else ""
        return sign + whole + fraction

    def describe(self) -> str:
        """The range in words."""
        return f"{self.name} is {self.noun(one=True)} from {self.span()}"

    def noun(self, one: bool = False) -> str:
        """What the numbers of the range are called, or one of them."""
        if self.decimals == 0:
            return "a whole number" if one else "whole numbers"
        decimals = f"{self.decimals} decimal{'s' * (self.decimals > 1)}"
        return f"{'a number' if one else 'numbers'} with {decimals}"


@dataclass(frozen=True)
class LogIntegers(Range):
    """Whole numbers, of which the lowest is positive, on a logarithmic scale."""

    @override
    def sample(self, rng: np.random.Generator) -> float | int:
        """A number drawn uniformly on the logarithmic scale, where each has its own part."""
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return self.nearest(math.exp(rng.uniform(low, high)))

    @override
    def neighbor(self, value: float, rng: np.random.Generator) -> float | int:
        """A number one factor away: from a change by 1 to a quarter of the range."""
        widest = math.log(self.high / self.low) / 4
        factor = math.exp(stride(math.log1p(1 / value), widest, rng))
        return self.nearest(value * factor)

    @override
    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one, on the logarithmic scale."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    @override
    def from_unit(self, unit: float) -> float | int:
        """The whole number that is nearest."""
        return self.nearest(self.low * (self.high / self.low) ** min(max(unit, 0.0), 1.0))

    @override
    def describe(self) -> str:
        """The range in words."""
        return f"{super().describe()}, on a logarithmic scale"


@dataclass(frozen=True)
class LogRange:
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
        """A JSON value or a text as this coordinate's number. Raises InvalidSolution."""
        number = finite(value)
        rounded = float(self.render(number))
        if not self.low <= rounded <= self.high:
            raise InvalidSolution("out_of_range", f"{self.name} is outside {self.span()}")
        return rounded

    def nearest(self, value: float) -> float:
        """The number with this many digits that is nearest."""
        return float(self.render(min(max(value, self.low), self.high)))

    def sample(self, rng: np.random.Generator) -> float:
        """A number drawn uniformly on the logarithmic scale."""
        return self.from_unit(float(rng.uniform()))

    def neighbor(self, value: float, rng: np.random.Generator) -> float:
        """A number one factor away: from a change of the last digit to a quarter of the range."""
        widest = math.log(self.high / self.low) / 4
        return self.nearest(value * math.exp(stride(10.0 ** (1 - self.digits), widest, rng)))

    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one, on the logarithmic scale."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def from_unit(self, unit: float) -> float:
        """The number there, rounded to its digits."""
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


def up_to(last: int, first: int = 0) -> str:
    """GBNF of the whole numbers from ``first`` (0 or 1) to ``last``, which is below 100."""
    if last < 10:
        return f"[{first}-{last}]"
    tens, ones = divmod(last, 10)
    below = f"[1-{tens - 1}] [0-9] | " if tens > 1 else ""
    return f'({below}"{tens}" [0-{ones}] | [{first}-9])'


def stride(finest: float, widest: float, rng: np.random.Generator) -> float:
    """A step up or down, of a size drawn uniformly on a logarithmic scale.

    The smallest is ``finest / 2``: then rounding gives one finest step more often than two.
    """
    low, high = math.log(finest / 2), math.log(max(widest, finest))
    return float(rng.choice((-1.0, 1.0)) * math.exp(rng.uniform(low, high)))


def rounded(value: float, decimals: int) -> float:
    """The value that ``np.round`` gives, to the last bit, in a tenth of the time; never -0."""
    if isinstance(value, int):
        return float(value)
    value = float(value)
    power = power_of_ten(decimals)
    scaled = value * power
    whole = round(scaled) if abs(scaled) < WHOLE else scaled
    return whole / power + 0.0


@functools.cache
def power_of_ten(exponent: int) -> float:
    """As numpy computes it: beyond 1e22, ``10.0**exponent`` can differ in its last bit."""
    power = 10.0 ** min(exponent, 9)
    for _ in range(exponent - 9):
        power *= 10.0
    return power


def finite(value: Any) -> float:
    """A JSON number, or a text that is one, as a finite number. Raises InvalidSolution."""
    if isinstance(value, str):
        text = value.strip()
        if _NOT_FINITE.fullmatch(text):
            raise InvalidSolution("non_finite", "a number that is not finite")
        if not _NUMBER.fullmatch(text):
            raise InvalidSolution("unparsable", "not a number")
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSolution("unparsable", "not a number")
    try:
        number = float(value)
    except OverflowError:
        raise InvalidSolution("out_of_range", "an astronomically large number") from None
    if not math.isfinite(number):
        raise InvalidSolution("non_finite", "a number that is not finite")
    return number
