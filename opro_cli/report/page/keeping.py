"""Which replies a page holds: of no run, of the best run of each row, or of all runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from opro_cli.report.figures.elements import Element
from opro_cli.report.formats import Replies
from opro_cli.report.judged import JudgedRow, is_judged
from opro_cli.report.page.details import run_details
from opro_cli.report.page.payload import data_block, pack
from opro_cli.report.rows import Row
from opro_cli.report.summary import Summary
from opro_cli.runs.progress import RunView

LARGEST = 20_000_000
"""Characters that the replies may add to a page, where nobody has said which ones it holds."""


class Keeping:
    """The pages of all runs, as data.

    Args:
        summary: the runs.
        replies: whose replies are kept; None for all, or the best where that is too large.
    """

    def __init__(self, summary: Summary, replies: Replies | None) -> None:
        self._summary, self._given = summary, replies
        self._best = {view.id for row in summary.rows if (view := best_run(row)) is not None}

    def keeps(self, run: RunView) -> bool:
        """Whether the page holds the replies of a run."""
        return self._choice == "all" or (self._choice == "best" and run.id in self._best)

    @property
    def sentence(self) -> str:
        """Which replies the page holds; empty for all."""
        if self._choice == "none":
            return "The replies are left out; --replies all adds them."
        if self._choice == "best":
            why = "" if self._given else f", as all are more than {LARGEST // 1_000_000} MB"
            return f"It holds the replies of the best run of each row{why}; see --replies."
        return ""

    def blocks(self) -> Iterator[Element]:
        """A block of data for each run, in the order of the table of runs."""
        for number, run in enumerate(self._runs):
            yield data_block("run", number, self._packed[run.id])

    @property
    def _choice(self) -> Replies:
        return self._made[0]

    @property
    def _packed(self) -> dict[str, str]:
        return self._made[1]

    @cached_property
    def _runs(self) -> list[RunView]:
        return [run for row in self._summary.rows for run in row.runs]

    @cached_property
    def _made(self) -> tuple[Replies, dict[str, str]]:
        """The choice, and the data of each run."""
        choice = self._given or "all"
        packed: dict[str, str] = {}
        size = 0
        for run in sorted(self._runs, key=lambda run: run.id not in self._best):
            whole = choice == "all" or (choice == "best" and run.id in self._best)
            packed[run.id] = self._pack(run, whole=whole)
            size += len(packed[run.id])
            if self._given is None and size > LARGEST and run.id not in self._best:
                choice = "best"
        if choice != (self._given or "all"):
            others = [run for run in self._runs if run.id not in self._best]
            packed |= {run.id: self._pack(run, whole=False) for run in others}
        return choice, packed

    def _pack(self, run: RunView, *, whole: bool) -> str:
        return pack(run_details(self._summary.stored[run.id], run, whole=whole))


def best_run(row: Row) -> RunView | None:
    """The run whose instruction dev chose, or the first with the best value; None for none."""
    if is_judged(row.spec):
        return JudgedRow(row).best_view
    found = [run for run in row.finished if run.totals.best is not None]
    low = row.runs[0].totals.direction == "minimize"
    return min(
        found,
        key=lambda run: (run.totals.best[1] if run.totals.best else 0.0) * (1 if low else -1),
        default=None,
    )
