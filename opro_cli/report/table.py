"""One table of a report, before any format: a title, headings, and cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from opro_cli.report.statistics import Stat

Cell: TypeAlias = "str | Stat | None"

EMPTY = ("", "-")


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

    def split(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean and standard deviation in columns of their own."""
        headings = []
        for column in self.columns:
            headings += [f"{column} mean", f"{column} std"] if column in self.stats else [column]
        rows = []
        for row in self.rows:
            cells: list[str] = []
            for column, cell in zip(self.columns, row, strict=True):
                cells += _two_cells(cell) if column in self.stats else [_one_cell(cell)]
            rows.append(cells)
        return headings, rows

    def joined(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean±standard deviation in one column."""
        rows = [[_one_cell(cell) for cell in row] for row in self.rows]
        return list(self.columns), rows

    def without_empty_columns(self) -> Table:
        """The table without the columns that are empty in every row."""
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


def _two_cells(cell: Cell) -> list[str]:
    if isinstance(cell, Stat):
        return [two_decimals(cell.mean), two_decimals(cell.std)]
    return [cell or "-", "-"]


def _one_cell(cell: Cell) -> str:
    if isinstance(cell, Stat):
        mean = two_decimals(cell.mean)
        return f"{mean}±{two_decimals(cell.std)}" if len(cell.values) > 1 else mean
    return cell or "-"
