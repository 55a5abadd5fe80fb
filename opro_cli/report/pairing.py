"""Pair the runs of every optimizer with those of a baseline, repetition by repetition.

Repetitions of the same seed and number have the same data and starting points. Compared are the
evaluations that a run needed; a run that did not solve the problem loses to one that did, and
ties with another that did not. Without a goal, the best values of the finished runs are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opro_cli.report.rows import FINISHED, Row
from opro_cli.report.statistics import Stat, sign_test
from opro_cli.runs.progress import RunView


@dataclass(frozen=True)
class Pairing:
    """A row against the baseline's row on the same target."""

    wins: int
    losses: int
    ties: int
    compares: str
    """``evaluations``, or ``best value`` where there is no goal."""
    difference: Stat | None
    """Evaluations more than the baseline's, where both solved the problem; without a goal, the
    best value minus the baseline's."""

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
            "compares": self.compares,
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
    goal = have_goal(row, base)
    measured = _needed if goal else _best
    sign = -1 if not goal and row.runs[0].totals.direction == "maximize" else 1
    wins = losses = ties = 0
    differences = []
    for run in row.runs:
        partner = partners.get((run.spec.seed, run.spec.repetition), only)
        if partner is None:
            continue
        mine, other = measured(run), measured(partner)
        if mine is None or other is None:
            continue
        better = sign * (other - mine) if mine != other else 0.0
        wins, losses, ties = wins + (better > 0), losses + (better < 0), ties + (better == 0)
        if math.isfinite(mine) and math.isfinite(other):
            differences.append(mine - other)
    difference = Stat(tuple(differences)) if differences else None
    return Pairing(wins, losses, ties, "evaluations" if goal else "best value", difference)


def have_goal(row: Row, base: Row) -> bool:
    """Whether evaluations are compared; otherwise, best values are."""
    return row.has_goal or base.has_goal


def opponents(rows: Sequence[Row], baseline: str) -> Iterator[tuple[Row, Row]]:
    """Every row of another optimizer with each row of the baseline on its problem and target."""
    bases = [row for row in rows if row.optimizer == baseline]
    for row in rows:
        for base in bases:
            same = (row.problem_digest, row.target) == (base.problem_digest, base.target)
            if same and row.optimizer != baseline:
                yield row, base


def _needed(run: RunView) -> float | None:
    """The evaluations of a run that solved the problem; infinitely many for any other."""
    return run.totals.evaluations if run.totals.state == "converged" else math.inf


def _best(run: RunView) -> float | None:
    """The best value of a finished run; None for any other, and where no point has a value."""
    best = run.totals.best
    return best[1] if best is not None and run.totals.state in FINISHED else None
