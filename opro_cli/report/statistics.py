"""Means, intervals and tests: pure functions with the same results on every machine.

Standard deviations are population ones, as in the published tables (``numpy.std``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000

LEVEL = 0.95
"""Of every interval."""

Z = 1.959963984540054
"""The quantile of the normal distribution that belongs to ``LEVEL``."""

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Stat:
    """Values with their mean and spread."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Arithmetic mean."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return float(np.std(self.values))

    @property
    def median(self) -> float:
        """Middle value."""
        return float(np.median(self.values))

    @property
    def quartiles(self) -> Interval:
        """First and third quartile (numpy's linear interpolation)."""
        low, high = np.percentile(self.values, [25, 75])
        return float(low), float(high)

    @cached_property
    def interval(self) -> Interval | None:
        """Bootstrap interval of the mean; None for fewer than two values."""
        return bootstrap(self.values)

    @property
    def median_interval(self) -> Interval | None:
        """Interval of the median; None for fewer than six values."""
        return quantile_interval(self.values, 0.5)

    @property
    def quartile_intervals(self) -> tuple[Interval | None, Interval | None]:
        """Intervals of both quartiles; None for fewer than 13 values."""
        return quantile_interval(self.values, 0.25), quantile_interval(self.values, 0.75)

    def to_json(self) -> dict[str, Any]:
        """Mean, standard deviation and the values."""
        return {"mean": self.mean, "std": self.std, "values": list(self.values)}

    def more_json(self) -> dict[str, Any]:
        """Median and quartiles, and the intervals of these and of the mean."""
        return {
            "median": self.median,
            "quartiles": list(self.quartiles),
            "interval": _listed(self.interval),
            "median_interval": _listed(self.median_interval),
            "quartile_intervals": [_listed(ends) for ends in self.quartile_intervals],
        }


def _listed(interval: Interval | None) -> list[float] | None:
    return list(interval) if interval else None


def bootstrap(values: Sequence[float]) -> Interval | None:
    """Percentile bootstrap interval of a mean (B. Efron, Annals of Statistics 7, 1979).

    The resamples come from a fixed seed, so that a report always says the same. None for fewer
    than two values.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=np.float64)
    rng, size = np.random.default_rng(0), len(sample)
    at_once = max(1, AT_ONCE // size)
    means = [
        sample[rng.integers(size, size=(min(at_once, RESAMPLES - done), size))].mean(axis=1)
        for done in range(0, RESAMPLES, at_once)
    ]
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return float(low), float(high)


def quantile_interval(values: Sequence[float], share: float) -> Interval | None:
    """Interval of a quantile between two of the values, for any distribution.

    How many values lie below the quantile is binomial (H. David and H. Nagaraja, Order Statistics,
    2003, section 7.1). None where there are too few values for this level.

    Args:
        values: in any order.
        share: of the distribution below the quantile, between 0 and 1.
    """
    n, tail = len(values), (1 - LEVEL) / 2
    below = np.cumsum(_binomial(n, share))  # P(at most k values lie below)
    low = int((below <= tail).sum())  # the low-th value is above it with a chance of at most tail
    high = int((below < 1 - tail).sum()) + 1
    if low < 1 or high > n:
        return None
    ordered = sorted(values)
    return float(ordered[low - 1]), float(ordered[high - 1])


def _binomial(n: int, share: float) -> NDArray[np.float64]:
    """The chances of 0 to n successes."""
    k = np.arange(n + 1)
    ways = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k]
    logs: NDArray[np.float64] = k * math.log(share) + (n - k) * math.log1p(-share) + np.array(ways)
    return np.exp(logs)


def wilson(successes: float, trials: int) -> Interval:
    """Interval of a success rate (E. Wilson, JASA 22, 1927); (0, 1) for no trials."""
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = successes / trials, Z * Z
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # At 0 and 1 the exact ends are 0 and 1; rounding must not take them away.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return low, high


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of the sign test: wins and losses as likely, ties left out."""
    pairs = wins + losses
    if pairs == 0:
        return 1.0
    tail: float = sum(math.comb(pairs, k) for k in range(min(wins, losses) + 1)) / 2**pairs
    return min(1.0, 2 * tail)


AT_ONCE = 2**20
"""Values of resamples that are in memory at the same time."""
