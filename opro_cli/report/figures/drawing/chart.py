"""Lines over an axis, as numbers: for a drawing, and for a terminal.

A line is a step function: its value holds until the next one is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opro_cli.report.figures.drawing.scales import Label, Scale, decades, fitting

SOLVED = -math.inf
"""The value of a run that has solved its problem: it is in a row of its own below the axis."""


@dataclass(frozen=True)
class Line:
    """One line with its band. All sequences are equally long."""

    name: str
    remark: str
    """Shown below the name, such as "3 of 5 solved"."""
    xs: tuple[float, ...]
    """Ascending."""
    ys: tuple[float, ...]
    """Infinite where there is no value yet."""
    low: tuple[float, ...] = ()
    """The lower edge of the band; empty for no band."""
    high: tuple[float, ...] = ()
    end: tuple[float, float] | None = None
    """Where a mark stands: the end of the median run."""


@dataclass(frozen=True)
class Chart:
    """Lines and their axes."""

    title: str
    description: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    gap: bool = False
    """Whether the y axis has decades, and a row "solved" below."""
    share: bool = False
    """Whether the y axis goes from 0 to 1, in per cent."""
    log_x: bool | None = None
    """None: where the last number is ``LOG_FROM`` times the first."""
    points: tuple[tuple[float, float, float, float], ...] = ()
    """Single results: x, y, and the ends of the interval of y."""

    def x_scale(self, start: float, end: float) -> Scale:
        """The horizontal scale; zeros are at its start where it is logarithmic."""
        found = [x for line in self.lines for x in line.xs] + [p[0] for p in self.points]
        found += [line.end[0] for line in self.lines if line.end]
        positive = [x for x in found if x > 0]
        if self.log_x is False or not positive:
            return fitting([0.0, *found], start, end, log=False)
        log = fitting(positive, start, end).log if self.log_x is None else True
        return fitting(positive if log else [0.0, *found], start, end, log=log)

    def y_scale(self, start: float, end: float, row: float) -> Scale:
        """The vertical scale, from below to above.

        Args:
            start: the place of the low end.
            end: the place of the high end.
            row: the height of the row "solved", where there is one.
        """
        if self.share:
            return Scale(0.0, 1.0, start, end)
        found = [
            y for line in self.lines for y in (*line.ys, *line.low, *line.high) if math.isfinite(y)
        ]
        if not self.gap:
            return _roomy(fitting(found or [0.0], start, end))
        return replace(decades(found, start - row, end), floor=start)

    def y_labels(self, scale: Scale, ticks: Sequence[float]) -> list[Label]:
        """The labels of the vertical scale; of shares in per cent."""
        return [(f"{100 * t:.0f}%", "") for t in ticks] if self.share else scale.labels(ticks)


def _roomy(scale: Scale) -> Scale:
    """A linear scale with a little room at both ends."""
    if scale.log:
        return scale
    margin = 0.04 * (scale.high - scale.low)
    return replace(scale, low=scale.low - margin, high=scale.high + margin)
