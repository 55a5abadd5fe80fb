"""One table of a report, before any format: a title, headings, and cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from opro_cli.core.text import number
from opro_cli.report.statistics import Interval, Stat

Cell: TypeAlias = "str | Stat | None"

Detail: TypeAlias = Literal["summary", "main", "full"]
"""Which tables: those that fit a screen, one for each problem, or all."""

EMPTY = ("", "-")

MOST_DECIMALS = 8
"""Of a mean and its standard deviation; smaller ones have an exponent."""

LARGE = 1e6
"""A mean from here on is shortened too."""


@dataclass(frozen=True)
class Table:
    """One table of a report. Texts are not escaped for any format."""

    title: str
    subtitle: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    stats: frozenset[str] = frozenset()
    """The columns that hold a mean and a standard deviation."""
    keys: int = 0
    """The number of first columns that name a row; they are repeated where a table is split."""
    notes: tuple[str, ...] = ()
    """Footnotes."""
    values: frozenset[str] = frozenset()
    """The columns of ``stats`` with as many decimals as their spread asks for."""
    legend: Mapping[str, str] = field(default_factory=dict)
    """What the numbers of a column are; the columns come in the order of their importance."""

    fold: int = 30
    """Characters at which the names of rows are folded where columns are to fit beside them."""

    fixed: bool = False
    """Whether all columns are shown, empty ones and those that do not fit included."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """What is said in a note where a column is left out for want of room."""

    def noted(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The notes, with what these columns leave unsaid."""
        unsaid = (said for name, said in self.instead.items() if name not in columns)
        return (*self.notes, *unsaid)

    def explained(self, columns: Sequence[str]) -> str:
        """The subtitle, with the legend of these columns."""
        said = [f"{name}: {self.legend[name]}" for name in columns if name in self.legend]
        return "; ".join([self.subtitle, *said] if self.subtitle else said)

    def split(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean and standard deviation in columns of their own."""
        headings = []
        for column in self.columns:
            headings += [f"{column} mean", f"{column} std"] if column in self.stats else [column]
        rows = []
        for row in self.rows:
            cells: list[str] = []
            for column, cell in zip(self.columns, row, strict=True):
                if column in self.stats:
                    cells += _two_cells(cell, fine=column in self.values)
                else:
                    cells.append(_one_cell(cell))
            rows.append(cells)
        return headings, rows

    def joined(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean±standard deviation in one column."""
        fine = [column in self.values for column in self.columns]
        rows = [[_one_cell(c, fine=f) for c, f in zip(r, fine, strict=True)] for r in self.rows]
        return list(self.columns), rows

    def without_empty_columns(self) -> Table:
        """The table without the columns that are empty in every row, unless it is fixed."""
        if self.fixed:
            return self
        kept = [
            i
            for i in range(len(self.columns))
            if i < self.keys or any(_one_cell(row[i]) not in EMPTY for row in self.rows)
        ]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in self.rows),
        )


def two_decimals(value: float) -> str:
    """At most two decimals: 1.6, 10.67, 24; none from a thousand on."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def short_number(value: float) -> str:
    """A value in four significant digits, whole numbers in full."""
    if not math.isfinite(value) or value == int(value):
        return number(value)
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"


def two_digits(ratio: float) -> str:
    """A ratio with two decimals."""
    return f"{ratio:.2f}"


def same_digits(values: Sequence[float], spreads: Sequence[float]) -> Callable[[float], str]:
    """How numbers of one column are written: all with the same decimals.

    Two digits of the smallest spread are shown, but at most two more than of the largest.

    Args:
        values: of the column.
        spreads: of the values; where none is known, the values themselves decide.
    """
    sizes = [abs(v) for v in values if v and math.isfinite(v)]
    known = [s for s in spreads if s > 0 and math.isfinite(s)] or sizes
    if not known:
        return short_number
    fewest, most = (1 - math.floor(math.log10(s)) for s in (max(known), min(known)))
    decimals = max(min(most, fewest + 2), 0)
    if decimals > MOST_DECIMALS or max(sizes, default=0.0) >= LARGE:
        return lambda value: f"{value:.3g}"
    return lambda value: f"{round(value, decimals) + 0.0:.{decimals}f}"  # no minus before zero


def range_text(ends: Interval, form: Callable[[float], str] = short_number) -> str:
    """Both ends of an interval: ``0.2–0.9``, ``-1 to 3``."""
    between = " to " if ends[0] < 0 else "–"
    return between.join(map(form, ends))


def mean_and_std(stat: Stat) -> tuple[str, str]:
    """Both with the decimals that show two digits of the standard deviation."""
    mean, std = stat.mean, stat.std
    if not std or not math.isfinite(std):
        return short_number(mean), number(std)
    decimals = 1 - math.floor(math.log10(std))
    if not 0 <= decimals <= MOST_DECIMALS or abs(mean) >= LARGE:
        return short_number(mean), f"{std:.2g}"
    return f"{mean:.{decimals}f}", f"{std:.{decimals}f}"


def _two_cells(cell: Cell, *, fine: bool) -> list[str]:
    if isinstance(cell, Stat):
        mean, std = _mean_and_std(cell, fine=fine)
        return [mean, std]
    return [cell or "-", "-"]


def _one_cell(cell: Cell, *, fine: bool = False) -> str:
    if isinstance(cell, Stat):
        mean, std = _mean_and_std(cell, fine=fine)
        return f"{mean}±{std}" if len(cell.values) > 1 else mean
    return cell or "-"


def _mean_and_std(stat: Stat, *, fine: bool) -> tuple[str, str]:
    return mean_and_std(stat) if fine else (two_decimals(stat.mean), two_decimals(stat.std))
