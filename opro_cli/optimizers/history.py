"""The points evaluated so far with their values, and the selection that a meta-prompt shows."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.problem import Direction, Space

Pair: TypeAlias = tuple[Point, float]
Show: TypeAlias = Literal["best", "mixed"]

WORST = 1e300
"""Replaces a value that is not finite: worse than any other, and still a number to compare."""


@dataclass(frozen=True)
class Progress:
    """The progress of a search in numbers.

    Args:
        tried: different points.
        spans: for each named coordinate whose values are numbers: its name, and the least and the
            largest value tried, as text.
    """

    tried: int
    spans: tuple[tuple[str, str, str], ...] = ()


class History:
    """Different points with finite values, ranked."""

    def __init__(self, direction: Direction = "minimize") -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._values: dict[Point, float] = {}
        self._ranked: list[Pair] = []
        self._tried: set[Point] = set()
        self.notes: dict[Point, str] = {}
        """What the objective says of points beside their values."""
        self.steps_without_gain = 0
        """Times that pairs were added since there was a better one."""

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, point: Point) -> bool:
        return point in self._values

    @property
    def tried(self) -> Set[Point]:
        """All points that were added, those without a finite value too."""
        return self._tried

    def add(self, pairs: Iterable[Evaluation]) -> None:
        """Remember these; a point that is known already keeps its value."""
        before = self._best_value
        for pair in pairs:
            self._tried.add(pair.point)
            if pair.note:
                self.notes[pair.point] = pair.note
            if np.isfinite(pair.value) and pair.point not in self._values:
                self._values[pair.point] = pair.value
                bisect.insort(self._ranked, (pair.point, pair.value), key=self._rank)
        gained = self._best_value != before
        self.steps_without_gain = 0 if gained else self.steps_without_gain + 1

    def ranked(self) -> list[Pair]:
        """All pairs, worst first, best last; equal values stay in the order they were found."""
        return list(self._ranked)

    @property
    def best(self) -> Pair | None:
        """The best pair, the last found of equals, or None before the first."""
        return self._ranked[-1] if self._ranked else None

    @property
    def _best_value(self) -> float | None:
        return self._ranked[-1][1] if self._ranked else None

    def _rank(self, pair: Pair) -> float:
        return -self._sign * pair[1]

    def progress(self, space: Space) -> Progress:
        """The numbers, for a space of named coordinates or any other."""
        if not space.names:
            return Progress(len(self._tried))
        columns = zip(space.names, zip(*self._tried, strict=True), strict=True)
        spans = ((name, values) for name, values in columns if _numbers(values))
        return Progress(
            len(self._tried), tuple((name, str(min(v)), str(max(v))) for name, v in spans)
        )


def _numbers(values: Sequence[object]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def choose_pairs(
    ranked: Sequence[Pair], max_num_pairs: int, show: Show, rng: np.random.Generator
) -> list[Pair]:
    """The pairs to show, worst first, best last.

    ``best`` takes the best ``max_num_pairs`` (OPRO, section 2.2). ``mixed`` takes the best half
    and fills up with pairs drawn at random from the rest: a model that sees only the best
    proposes again points that it cannot see.
    """
    if len(ranked) <= max_num_pairs or show == "best":
        return list(ranked[-max_num_pairs:])
    best = max_num_pairs - max_num_pairs // 2
    rest = len(ranked) - best
    drawn = sorted(int(i) for i in rng.choice(rest, max_num_pairs - best, replace=False))
    return [*(ranked[i] for i in drawn), *ranked[rest:]]


class KnownValues:
    """The losses of all points evaluated so far; lower is better, whatever the direction."""

    def __init__(self, direction: Direction) -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._losses: dict[Point, float] = {}
        self._ranked: list[Point] = []

    def __contains__(self, point: Point) -> bool:
        return point in self._losses

    def __len__(self) -> int:
        return len(self._losses)

    def add(self, pairs: Iterable[Evaluation]) -> None:
        """Remember these; a point that is known already keeps its loss."""
        for pair in pairs:
            if pair.point not in self._losses:
                finite = math.isfinite(pair.value)
                self._losses[pair.point] = self._sign * pair.value if finite else WORST
                bisect.insort(self._ranked, pair.point, key=self.loss)

    def loss(self, point: Point) -> float:
        """The loss of a known point. Raises KeyError for another."""
        return self._losses[point]

    @property
    def best(self) -> Point:
        """The best point, the first found of equals. Raises IndexError before the first."""
        return self._ranked[0]

    def ranked(self) -> list[Point]:
        """All points, best first; equal ones in the order they were found."""
        return list(self._ranked)

    def valid(self) -> list[Pair]:
        """The points whose value is finite, with their losses, in the order they were found."""
        return [(point, loss) for point, loss in self._losses.items() if loss < WORST]
