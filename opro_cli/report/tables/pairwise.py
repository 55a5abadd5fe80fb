"""Compare every optimizer with a baseline, repetition by repetition.

Repetitions of the same seed and number have the same data and starting points. Compared are the
evaluations that a run needed; a run that did not solve the problem loses to one that did, and
ties with another that did not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opro_cli.core.text import clean, plural
from opro_cli.report.groups import (
    by_problem,
    optimizer_name,
    swept_cells,
    swept_headings,
    swept_keys,
    target_name,
)
from opro_cli.report.rows import Row
from opro_cli.report.statistics import LEVEL, Stat, sign_test
from opro_cli.report.table import Cell, Table, two_decimals
from opro_cli.runs.progress import RunView


@dataclass(frozen=True)
class Pairing:
    """A row against the baseline's row on the same target."""

    wins: int
    losses: int
    ties: int
    difference: Stat | None
    """Evaluations more than the baseline's, where both solved the problem."""

    @property
    def repetitions(self) -> int:
        """Repetitions compared."""
        return self.wins + self.losses + self.ties

    @property
    def p(self) -> float:
        """The two-sided p-value of the sign test."""
        return sign_test(self.wins, self.losses)

    def to_json(self, baseline: str) -> dict[str, Any]:
        """As JSON data."""
        stat = self.difference
        return {
            "baseline": baseline,
            "pairs": self.repetitions,
            "better": self.wins,
            "worse": self.losses,
            "level": self.ties,
            "difference": {**stat.to_json(), **stat.more_json()} if stat else None,
            "p": self.p,
        }


def compare(row: Row, base: Row) -> Pairing:
    """Pair the runs of two rows on the same problem and target.

    The one run of a deterministic baseline is compared with every repetition.
    """
    partners = {(run.spec.seed, run.spec.repetition): run for run in base.runs}
    only = base.runs[0] if len(base.runs) == 1 and base.deterministic else None
    wins = losses = ties = 0
    differences = []
    for run in row.runs:
        partner = partners.get((run.spec.seed, run.spec.repetition), only)
        if partner is None:
            continue
        mine, other = _needed(run), _needed(partner)
        wins, losses, ties = wins + (mine < other), losses + (mine > other), ties + (mine == other)
        if math.isfinite(mine) and math.isfinite(other):
            differences.append(mine - other)
    return Pairing(wins, losses, ties, Stat(tuple(differences)) if differences else None)


def opponents(rows: Sequence[Row], baseline: str) -> Iterator[tuple[Row, Row]]:
    """Every row of another optimizer with each row of the baseline on its problem and target."""
    bases = [row for row in rows if row.optimizer == baseline]
    for row in rows:
        for base in bases:
            same = (row.problem_digest, row.target) == (base.problem_digest, base.target)
            if same and row.optimizer != baseline:
                yield row, base


def tables(rows: Sequence[Row], baseline: str) -> Iterator[Table]:
    """One table for each problem that the baseline was run on."""
    for group in by_problem(rows):
        pairs = list(opponents(group, baseline))
        if pairs:
            yield _table(pairs, group, baseline)


def _table(pairs: Sequence[tuple[Row, Row]], group: Sequence[Row], baseline: str) -> Table:
    swept = swept_keys([row for row, _ in pairs])
    several = len({optimizer_name(base, group) for _, base in pairs}) > 1
    body, most = [], 0
    for row, base in pairs:
        pairing = compare(row, base)
        most = max(most, pairing.repetitions)
        stat = pairing.difference
        ends = stat.interval if stat else None
        cells: list[Cell] = [target_name(row), *swept_cells(row, swept)]
        cells += [optimizer_name(row, group), optimizer_name(base, group) if several else ""]
        cells += [str(pairing.repetitions), f"{pairing.wins}/{pairing.losses}/{pairing.ties}"]
        cells += [f"{stat.mean:+.1f}" if stat else ""]
        cells += [f"{ends[0]:+.1f} to {ends[1]:+.1f}" if ends else "", two_decimals(pairing.p)]
        body.append(tuple(cells))
    return Table(
        title=clean(f"{group[0].preset}: against {baseline}"),
        subtitle=(
            "evaluations until the problem was solved, repetition by repetition; not solved loses "
            "to solved; difference: where both solved it; p: sign test, two-sided"
        ),
        columns=(
            "target",
            *swept_headings(swept),
            "optimizer",
            "against",
            "repetitions compared",
            "wins/losses/ties",
            "difference",
            "difference, 95% CI",
            "p",
        ),
        rows=tuple(body),
        keys=2 + len(swept),
        notes=_too_few(most),
    )


def _too_few(repetitions: int) -> tuple[str, ...]:
    """A note where the sign test cannot become significant."""
    least = sign_test(repetitions, 0)
    if least <= 1 - LEVEL:
        return ()
    verb = "is" if repetitions == 1 else "are"
    return (
        f"{plural(repetitions, 'repetition')} {verb} too few for the sign test: with wins only, p "
        f"would be {two_decimals(least)}. At least 6 are needed for p below "
        f"{two_decimals(1 - LEVEL)}.",
    )


def _needed(run: RunView) -> float:
    """The evaluations of a run that solved the problem; infinitely many for any other."""
    return run.totals.evaluations if run.totals.state == "converged" else math.inf
