"""From numbers to places: linear and logarithmic scales, with round ticks and their labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from opro_cli.report.figures.elements import Child, Element

Label: TypeAlias = tuple[str, str]
"""Text, and an exponent above its line, which may be empty."""

LOG_FROM = 25
"""A scale is logarithmic where its last number is this many times the first."""

LEAST = 1e-300
"""On a logarithmic scale."""

MINUS = "−"


@dataclass(frozen=True)
class Scale:
    """Maps numbers from ``low`` to ``high`` to places from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    floor: float | None = None
    """The place of minus infinity: the row "solved" below a gap. None where there is no such row.
    """

    def __call__(self, value: float) -> float:
        """The place of a number; one that is out of range is at the nearer end."""
        if value == -math.inf and self.floor is not None:
            return self.floor
        value = min(max(value, self.low), self.high)
        if self.log:
            low = math.log(self.low)
            share = (math.log(value) - low) / (math.log(self.high) - low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 6) -> list[float]:
        """Round numbers within the range, about as many as wanted, ascending."""
        return _log_ticks(self.low, self.high, wanted) if self.log else self._linear_ticks(wanted)

    def _linear_ticks(self, wanted: int) -> list[float]:
        step = nice_step((self.high - self.low) / max(wanted, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def labels(self, ticks: Sequence[float]) -> list[Label]:
        """The labels of ticks, all in one style."""
        largest = max((abs(t) for t in ticks), default=0.0)
        least = min((abs(t) for t in ticks if t), default=1.0)
        powers = self.log and (largest >= 1e5 or least < 1e-3)
        if powers or largest >= 1e9 or (largest and largest < 1e-4):
            return [power(t) for t in ticks]
        steps = [b - a for a, b in itertools.pairwise(ticks)]
        return [(plain(t, 0.0 if self.log else min(steps, default=0.0)), "") for t in ticks]


def fitting(values: Iterable[float], start: float, end: float, *, log: bool | None = None) -> Scale:
    """A scale that shows all of these finite numbers.

    Args:
        values: at least one.
        start: the place of the least.
        end: the place of the greatest.
        log: whether it is logarithmic; None: where all are positive and wide apart. Numbers that
            are not positive are then at its low end.
    """
    found = list(values)
    low, high = min(found), max(found)
    if log is None:
        log = low > LEAST and high / low > LOG_FROM
    if log:
        positive = [v for v in found if v > 0] or [1.0]
        low, high = max(min(positive), LEAST), max(*positive, LEAST)
        if high / low < 1.01:
            low, high = low / 2, high * 2
    elif high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        margin = abs(low) / 2 or 0.5
        low, high = low - margin, high + margin
    return Scale(low, high, start, end, log)


def decades(values: Iterable[float], start: float, end: float) -> Scale:
    """A logarithmic scale of at least a decade, which begins with a power of ten.

    Args:
        values: numbers, of which the positive ones are shown.
        start: the place of the least.
        end: the place of the greatest.
    """
    positive = [v for v in values if LEAST < v < 1 / LEAST] or [1.0]
    low = math.floor(math.log10(min(positive)) + 1e-9)
    return Scale(10.0**low, max(*positive, 10.0 ** (low + 1)), start, end, log=True)


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … times a power of ten that is no less."""
    if least <= 0 or not math.isfinite(least):
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(least))
    return next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float, wanted: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    whole = [10.0**e for e in range(first, last + 1) if low * 0.999 <= 10.0**e <= high * 1.001]
    if len(whole) > wanted:
        every = math.ceil((len(whole) - 1) / max(wanted - 1, 1))
        return whole[::every]
    if len(whole) >= 3:
        return whole
    for factors in ((1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
        marks = [m * 10.0**e for e in range(first - 1, last + 1) for m in factors]
        inside = [m for m in marks if low * 0.999 <= m <= high * 1.001]
        if len(inside) >= 3:
            return inside
    return whole or [low, high]


def power(value: float) -> Label:
    """A power of ten, or a few digits times one."""
    if value == 0:
        return "0", ""
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    digits = value / 10.0**exponent
    raised = str(exponent).replace("-", MINUS)
    if math.isclose(digits, 1):
        return "10", raised
    return f"{plain(digits)}·10", raised


def plain(value: float, step: float = 0.0) -> str:
    """A number as people write it: 0.05, 12, 1,500, 20k, 3M.

    Args:
        value: the number.
        step: between neighbours, which says how many decimals tell them apart; 0 for three digits.
    """
    size = abs(value)
    for divisor, unit in ((1e6, "M"), (1e3, "k")):
        if size >= 10_000 and size >= divisor and not (step and step % (divisor / 10)):
            return f"{value / divisor:.3g}{unit}".replace("-", MINUS)
    if step:
        wanted = (d for d in range(12) if math.isclose(round(step, d), step, rel_tol=1e-9))
        text = f"{value:,.{next(wanted, 12)}f}"
    else:
        text = f"{value:,.0f}" if size >= 1000 else f"{value:.3g}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def label_text(label: Label, font: float) -> list[Child]:
    """The children of a ``text``: an exponent is raised by shifting its baseline."""
    text, raised = label
    if not raised:
        return [text]
    return [text, Element("tspan", raised, dy=-0.38 * font, font_size=0.72 * font)]
