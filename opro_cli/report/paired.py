"""Every optimizer against a baseline, repetition by repetition.

Repetitions of the same seed and number have the same data and starting points. What is compared is
evaluations; a run that did not find the target is behind one that did, and level with another that
did not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opro_cli.report.groups import axes, axis_cells, axis_names, rivals, where, who
from opro_cli.report.rows import Counted, Row
from opro_cli.report.statistics import LEVEL, Stat, sign_test
from opro_cli.report.tables import Cell, Table, two
from opro_cli.text import clean


@dataclass(frozen=True)
class Pairing:
    """A row against the baseline's row on the same target."""

    better: int
    worse: int
    level: int
    difference: Stat | None
    """Evaluations more than the baseline's, where both found the target."""

    @property
    def pairs(self) -> int:
        """Repetitions compared."""
        return self.better + self.worse + self.level

    @property
    def p(self) -> float:
        """Of the sign test, two-sided."""
        return sign_test(self.better, self.worse)

    def to_json(self, baseline: str) -> dict[str, Any]:
        """As JSON data."""
        stat = self.difference
        return {
            "baseline": baseline,
            "pairs": self.pairs,
            "better": self.better,
            "worse": self.worse,
            "level": self.level,
            "difference": {**stat.to_json(), **stat.more_json()} if stat else None,
            "p": self.p,
        }


def compare(row: Row, base: Row) -> Pairing:
    """Pair the runs of two rows on the same problem and target."""
    theirs = {(run.spec.seed, run.spec.repetition): run for run in base.runs}
    only = base.runs[0] if len(base.runs) == 1 and _always_the_same(base.runs[0]) else None
    better = worse = level = 0
    differences = []
    for run in row.runs:
        other = theirs.get((run.spec.seed, run.spec.repetition), only)
        if other is None:
            continue
        mine, its = _needed(run), _needed(other)
        better, worse, level = better + (mine < its), worse + (mine > its), level + (mine == its)
        if math.isfinite(mine) and math.isfinite(its):
            differences.append(mine - its)
    return Pairing(better, worse, level, Stat(tuple(differences)) if differences else None)


def opponents(rows: Sequence[Row], baseline: str) -> Iterator[tuple[Row, Row]]:
    """Every row of another optimizer with each row of the baseline on its problem and target."""
    bases = [row for row in rows if row.optimizer == baseline]
    for row in rows:
        for base in bases:
            same = (row.arena, row.target) == (base.arena, base.target)
            if same and row.optimizer != baseline:
                yield row, base


def tables(rows: Sequence[Row], baseline: str) -> Iterator[Table]:
    """One table a problem, where the baseline was run on it."""
    for group in rivals(rows):
        pairs = list(opponents(group, baseline))
        if pairs:
            yield _table(pairs, group, baseline)


def _table(pairs: Sequence[tuple[Row, Row]], group: Sequence[Row], baseline: str) -> Table:
    swept = axes([row for row, _ in pairs])
    several = len({who(base, group) for _, base in pairs}) > 1
    body, most = [], 0
    for row, base in pairs:
        pairing = compare(row, base)
        most = max(most, pairing.pairs)
        stat = pairing.difference
        ends = stat.interval if stat else None
        cells: list[Cell] = [where(row), *axis_cells(row, swept), who(row, group)]
        cells += [who(base, group) if several else "", str(pairing.pairs)]
        cells += [f"{pairing.better}/{pairing.worse}/{pairing.level}"]
        cells += [f"{stat.mean:+.1f}" if stat else ""]
        cells += [f"{ends[0]:+.1f} to {ends[1]:+.1f}" if ends else "", two(pairing.p)]
        body.append(tuple(cells))
    least = sign_test(most, 0)
    note = (
        f"{most} pairs are too few for the sign test to say anything: even if all went one way, "
        f"p would be {two(least)}. It takes 6 to come below {two(1 - LEVEL)}."
    )
    return Table(
        title=clean(f"{group[0].preset}: against {baseline}"),
        subtitle=(
            "evaluations until the target was found, repetition by repetition; not found is "
            "worse than found; difference: where both found it; p: sign test, two-sided"
        ),
        columns=(
            "target",
            *axis_names(swept),
            "optimizer",
            "against",
            "pairs",
            "better/worse/level",
            "difference",
            "95% of difference",
            "p",
        ),
        rows=tuple(body),
        keys=2 + len(swept),
        notes=(note,) if least > 1 - LEVEL else (),
    )


def _needed(run: Counted) -> float:
    return run.tally.evaluations if run.tally.state == "converged" else math.inf


def _always_the_same(run: Counted) -> bool:
    """Whether one run stands for every repetition."""
    return run.spec.optimizer.deterministic() and not run.spec.problem.varies()
