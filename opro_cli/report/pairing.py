"""Pair the runs of two optimizers, or of two models, repetition by repetition.

Repetitions of the same seed and number have the same data and starting points. Compared are the
evaluations that a run needed; a run that did not solve the problem loses to one that did, and
ties with another that did not. Without a goal, the best values of the finished runs are compared.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opro_cli.report.ranks import (
    FEWEST,
    favours_positive,
    signed_rank,
    smallest_effect,
    typical_difference,
)
from opro_cli.report.rows import FINISHED, Row
from opro_cli.report.statistics import LEVEL, Interval, Stat, sign_test
from opro_cli.runs.progress import RunView


@dataclass(frozen=True)
class Pairing:
    """Runs against those of a baseline on the same targets."""

    outcomes: tuple[tuple[float, float], ...]
    """For each pair the evaluations of both, infinite where a run did not solve the problem;
    without a goal, their best values."""
    goal: bool
    higher: bool = False
    """Whether higher values are better."""

    @cached_property
    def advantages(self) -> tuple[float, ...]:
        """How much better than the baseline, for each pair: 0 for a tie.

        With a goal, the logarithm of the ratio of evaluations, so that all targets count alike.
        """
        return tuple(self._advantage(mine, other) for mine, other in self.outcomes)

    def _advantage(self, mine: float, other: float) -> float:
        if mine == other:
            return 0.0
        if not self.goal:
            return mine - other if self.higher else other - mine
        if math.isinf(mine) or math.isinf(other):
            return other - mine
        return math.log(max(other, 1) / max(mine, 1))

    @property
    def wins(self) -> int:
        """Pairs in which the first is better."""
        return sum(a > 0 for a in self.advantages)

    @property
    def losses(self) -> int:
        """Pairs in which the baseline is better."""
        return sum(a < 0 for a in self.advantages)

    @property
    def ties(self) -> int:
        """Pairs without a difference."""
        return sum(a == 0 for a in self.advantages)

    @property
    def repetitions(self) -> int:
        """Pairs compared."""
        return len(self.outcomes)

    @property
    def compares(self) -> str:
        """``evaluations``, or ``best value`` where there is no goal."""
        return "evaluations" if self.goal else "best value"

    @property
    def difference(self) -> Stat | None:
        """Evaluations more than the baseline's, where both solved the problem; without a goal, the
        best value minus the baseline's."""
        found = [a - b for a, b in self.outcomes if math.isfinite(a) and math.isfinite(b)]
        return Stat(tuple(found)) if found else None

    @property
    def sign_p(self) -> float:
        """The two-sided p-value of the sign test."""
        return sign_test(self.wins, self.losses)

    @cached_property
    def p(self) -> float:
        """The two-sided p-value of Wilcoxon's signed-rank test."""
        return signed_rank(self.advantages)

    @cached_property
    def typical(self) -> tuple[float, Interval | None] | None:
        """The typical advantage and its interval, see :func:`typical_difference`; None for none.

        With a goal, how many times the baseline's evaluations were needed, where both solved it.
        """
        both = [a for a in self.advantages if math.isfinite(a)]
        if self.goal:
            both = [
                -a
                for a, (mine, _) in zip(self.advantages, self.outcomes, strict=True)
                if math.isfinite(a) and math.isfinite(mine)
            ]
        if not both:
            return None
        middle, ends = typical_difference(both)
        if not self.goal:
            return middle, ends
        return math.exp(middle), (math.exp(ends[0]), math.exp(ends[1])) if ends else None

    def verdict(self, p: float | None = None) -> str:
        """``better``, ``worse``, ``no evidence`` of a difference, or ``too few`` pairs to tell.

        Args:
            p: in place of the pairing's own, where several comparisons are made.
        """
        if self.repetitions < FEWEST:
            return "too few"
        if (self.p if p is None else p) > 1 - LEVEL:
            return "no evidence"
        return "better" if favours_positive(self.advantages) else "worse"

    @property
    def resolution(self) -> float | None:
        """The typical difference that so many pairs show in four of five experiments.

        At the spread that was seen; a ratio where there is a goal. None where no spread was seen,
        or where pairs are too few.
        """
        seen = [a for a in self.advantages if math.isfinite(a)]
        effect = smallest_effect(self.repetitions)
        if effect is None or len(seen) < 2:
            return None
        least = effect * statistics.stdev(seen)
        return (math.exp(least) if self.goal else least) if least else None

    def to_json(self, baseline: str) -> dict[str, Any]:
        """As JSON data."""
        stat, typical = self.difference, self.typical
        return {
            "baseline": baseline,
            "compares": self.compares,
            "pairs": self.repetitions,
            "better": self.wins,
            "worse": self.losses,
            "level": self.ties,
            "difference": {**stat.to_json(), **stat.more_json()} if stat else None,
            "p": self.sign_p,
            "signed_rank_p": self.p,
            "typical": {
                "ratio" if self.goal else "advantage": typical[0],
                "interval": list(typical[1]) if typical[1] else None,
            }
            if typical
            else None,
            "verdict": self.verdict(),
        }


def compare(row: Row, base: Row) -> Pairing:
    """Pair the runs of two rows on the same problem and target.

    The one run of a deterministic optimizer is compared with every repetition of the other.
    """
    goal = have_goal(row, base)
    measured = _needed if goal else _best
    outcomes = []
    for run, partner in _partners(row, base):
        mine, other = measured(run), measured(partner)
        if mine is not None and other is not None:
            outcomes.append((mine, other))
    return Pairing(tuple(outcomes), goal, row.runs[0].totals.direction == "maximize")


def _partners(row: Row, base: Row) -> Iterator[tuple[RunView, RunView]]:
    if len(row.runs) == 1 and row.deterministic:
        yield from ((row.runs[0], partner) for partner in base.runs)
        return
    partners = {(run.spec.seed, run.spec.repetition): run for run in base.runs}
    only = base.runs[0] if len(base.runs) == 1 and base.deterministic else None
    for run in row.runs:
        partner = partners.get((run.spec.seed, run.spec.repetition), only)
        if partner is not None:
            yield run, partner


def pool(pairings: Iterable[Pairing]) -> Pairing:
    """Several pairings, on different targets of one problem, as one. At least one."""
    found = list(pairings)
    outcomes = tuple(pair for pairing in found for pair in pairing.outcomes)
    return Pairing(outcomes, any(pairing.goal for pairing in found), found[0].higher)


def have_goal(row: Row, base: Row) -> bool:
    """Whether evaluations are compared; otherwise, best values are."""
    return row.has_goal or base.has_goal


def opponents(rows: Sequence[Row], baseline: str) -> Iterator[tuple[Row, Row]]:
    """Every row of another optimizer with each row of the baseline on its problem and target."""
    bases = [row for row in rows if row.optimizer == baseline]
    for row in rows:
        for base in bases:
            if same_target(row, base) and row.optimizer != baseline:
                yield row, base


def same_target(row: Row, base: Row) -> bool:
    """Whether two rows are on the same target of the same problem."""
    return (row.problem_digest, row.target) == (base.problem_digest, base.target)


def _needed(run: RunView) -> float | None:
    """The evaluations of a run that solved the problem, infinitely many of one that did not; None
    for a run that has not ended."""
    if run.totals.state not in FINISHED:
        return None
    return run.totals.evaluations if run.totals.state == "converged" else math.inf


def _best(run: RunView) -> float | None:
    """The best value of a finished run; None for any other, and where no point has a value."""
    best = run.totals.best
    return best[1] if best is not None and run.totals.state in FINISHED else None
