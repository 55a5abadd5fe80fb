"""The solution–score pairs found so far, and which of them a meta-prompt shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from opro_cli.events import Point, Scored
from opro_cli.problems.base import Direction

Pair: TypeAlias = tuple[Point, float]
Show: TypeAlias = Literal["best", "mixed"]


class History:
    """Distinct points with finite values, in the order they were found."""

    def __init__(self, direction: Direction = "minimize") -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._values: dict[Point, float] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, point: Point) -> bool:
        return point in self._values

    def add(self, pairs: Iterable[Scored]) -> None:
        """Remember these; a point that is known already keeps its value."""
        for pair in pairs:
            if np.isfinite(pair.value):
                self._values.setdefault(pair.point, pair.value)

    def ranked(self) -> list[Pair]:
        """All pairs, worst first, best last; equal values stay in the order they were found."""
        return sorted(self._values.items(), key=lambda pair: -self._sign * pair[1])

    @property
    def best(self) -> Pair | None:
        """The best pair, or None before the first."""
        return self.ranked()[-1] if self._values else None


def choose(
    ranked: Sequence[Pair], max_num_pairs: int, show: Show, rng: np.random.Generator
) -> list[Pair]:
    """The pairs to show, worst first, best last.

    ``best`` takes the best ``max_num_pairs`` (OPRO, section 2.2). ``mixed`` takes the best half
    and fills up with pairs drawn at random from the rest: a model that sees only the best
    walks back into points it cannot see.
    """
    if len(ranked) <= max_num_pairs or show == "best":
        return list(ranked[-max_num_pairs:])
    best = max_num_pairs - max_num_pairs // 2
    rest = len(ranked) - best
    drawn = sorted(int(i) for i in rng.choice(rest, max_num_pairs - best, replace=False))
    return [*(ranked[i] for i in drawn), *ranked[rest:]]
