"""Who stays in a race of instructions that are scored on blocks of the same examples.

``halving`` keeps the better half after each block (successive halving: Karnin et al., ICML 2013).
``paired`` drops those that do worse than the best instruction so far on the same examples, by a
one-sided exact test of the answers that differ (as CAPO races, arXiv 2504.16005, with its level).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import comb

from opro_cli.core.events import Point

LEVEL = 0.2
"""Chance that an instruction as good as the best is dropped after a block."""


def incumbent_of(scores: Iterable[Sequence[float]], wanted: int) -> Sequence[float]:
    """The scores of the best instruction that was scored on all examples; empty for none."""
    return max((found for found in scores if len(found) == wanted), key=sum, default=())


def survivors(
    scores: Mapping[Point, Sequence[float]], best: Sequence[float], rule: str
) -> list[Point]:
    """The points that stay after a block, in their order.

    Args:
        scores: of each point on the examples so far.
        best: the scores of the best instruction so far, on all examples; may be empty.
        rule: ``halving`` or ``paired``.
    """
    if rule == "halving":
        ranked = sorted(scores, key=lambda point: -sum(scores[point]))
        kept = set(ranked[: -(-len(ranked) // 2)])
        return [point for point in scores if point in kept]
    if not best:
        return list(scores)
    return [point for point, found in scores.items() if not is_worse(found, best[: len(found)])]


def is_worse(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether so few better answers among those that differ have a chance below the level."""
    better = sum(a > b for a, b in zip(ours, theirs, strict=True))
    worse = sum(a < b for a, b in zip(ours, theirs, strict=True))
    different = better + worse
    if better >= worse:
        return False
    chance = sum(comb(different, k) for k in range(better + 1)) / 2**different
    return bool(chance < LEVEL)
