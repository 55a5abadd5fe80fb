"""Tables of a report before any format: headings and cells, and which tables there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from opro_cli.report.statistics import Stat

if TYPE_CHECKING:
    from opro_cli.report.summary import Summary

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
    """The first so many columns say what a row is; they are repeated where a table is cut."""
    notes: tuple[str, ...] = ()
    """Footnotes, for marks in its cells."""

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

    def tidied(self) -> Table:
        """Without the columns that have nothing to say in any row."""
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


def tables(summary: Summary, *, brief: bool = False) -> Iterator[Table]:
    """The published layout, then all optimizers on one footing, then where the replies went.

    Args:
        summary: the rows.
        brief: no more than is needed to have every row once.
    """
    from opro_cli.report import footing, ledger, paired, published

    made: list[Sequence[Table]] = [
        list(published.tables(summary.rows)),
        list(footing.tables(summary.rows, brief=brief)),
        list(paired.tables(summary.rows, summary.baseline)) if summary.baseline else [],
        [] if brief else list(ledger.tables(summary.rows)),
    ]
    for group in made:
        for table in group:
            yield table.tidied()


def two(value: float) -> str:
    """At most two decimals: 1.6, 10.67, 24; none from a thousand on."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _two_cells(cell: Cell) -> list[str]:
    if isinstance(cell, Stat):
        return [two(cell.mean), two(cell.std)]
    return [cell or "-", "-"]


def _one_cell(cell: Cell) -> str:
    if isinstance(cell, Stat):
        return f"{two(cell.mean)}±{two(cell.std)}" if len(cell.values) > 1 else two(cell.mean)
    return cell or "-"
