"""The solution–score pairs found so far, and which of them a meta-prompt shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from opro_cli.events import Point, Scored
from opro_cli.problems.base import Direction, Space

Pair: TypeAlias = tuple[Point, float]
Show: TypeAlias = Literal["best", "mixed"]


@dataclass(frozen=True)
class Progress:
    """What a search has come to, in figures.

    Args:
        tried: different points.
        spans: for each named coordinate whose values are numbers: its name, and the least and the
            largest value tried, as text.
    """

    tried: int
    spans: tuple[tuple[str, str, str], ...] = ()


class History:
    """Distinct points with finite values, in the order they were found."""

    def __init__(self, direction: Direction = "minimize") -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._values: dict[Point, float] = {}
        self._tried: set[Point] = set()
        self.stuck = 0
        """Times that pairs were added since there was a better one."""

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, point: Point) -> bool:
        return point in self._values

    @property
    def tried(self) -> frozenset[Point]:
        """All points that were added, those without a finite value too."""
        return frozenset(self._tried)

    def add(self, pairs: Iterable[Scored]) -> None:
        """Remember these; a point that is known already keeps its value."""
        before = self._best_value
        for pair in pairs:
            self._tried.add(pair.point)
            if np.isfinite(pair.value):
                self._values.setdefault(pair.point, pair.value)
        self.stuck = 0 if self._best_value != before else self.stuck + 1

    def ranked(self) -> list[Pair]:
        """All pairs, worst first, best last; equal values stay in the order they were found."""
        return sorted(self._values.items(), key=lambda pair: -self._sign * pair[1])

    @property
    def best(self) -> Pair | None:
        """The best pair, the last found of equals, or None before the first."""
        return self.ranked()[-1] if self._values else None

    @property
    def _best_value(self) -> float | None:
        return self.best[1] if self.best is not None else None

    def progress(self, space: Space) -> Progress:
        """The figures, for a space of named coordinates or any other."""
        if not space.names:
            return Progress(len(self._tried))
        columns = zip(space.names, zip(*self._tried, strict=True), strict=True)
        spans = ((name, values) for name, values in columns if _numbers(values))
        return Progress(
            len(self._tried), tuple((name, str(min(v)), str(max(v))) for name, v in spans)
        )


def _numbers(values: Sequence[object]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


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
