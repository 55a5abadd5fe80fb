"""Paired differences by their ranks: Wilcoxon's test, and the interval that belongs to it.

The differences need no normal distribution, and a few wild ones change little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opro_cli.report.statistics import LEVEL, Interval, Z, sign_test

EXACT = 60
"""Up to so many pairs every assignment of signs counts; beyond, the normal distribution does."""

MOST = 1_000
"""Pairs beyond which the interval is that of the mean: there are half a million means of two."""

FEWEST = 6
"""Pairs that the test needs: with fewer, p is above 0.05 whatever the results are."""

SHOWN_BY = 2.8
"""z(0.975) + z(0.8): the standard errors of a difference that is found in 80 % of experiments."""

DIGITS = 10
"""Significant digits in which two differences are the same."""


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p of the signed-rank test (F. Wilcoxon, Biometrics Bulletin 1, 1945).

    Differences of zero are left out, and equal ones share the mean of their ranks. An infinite
    difference has the highest rank. Exact up to ``EXACT`` pairs.
    """
    sizes = np.array([_rounded(abs(d)) for d in differences if d])
    if not len(sizes):
        return 1.0
    ranks = doubled_ranks(sizes)
    positive = np.array([d > 0 for d in differences if d])
    total = int(ranks[positive].sum())
    if len(ranks) > EXACT:
        mean, spread = ranks.sum() / 2, math.sqrt(float((ranks**2).sum())) / 2
        # Sums of doubled ranks are two apart, so half a step of them is one.
        z = max(abs(total - mean) - 1, 0.0) / spread
        return math.erfc(z / math.sqrt(2))
    chances = _chances(ranks)
    tail = min(float(chances[: total + 1].sum()), float(chances[total:].sum()))
    return min(1.0, 2 * tail)


def favours_positive(differences: Sequence[float]) -> bool:
    """Whether the positive differences have the higher sum of ranks."""
    sizes = np.array([_rounded(abs(d)) for d in differences if d])
    signs = np.array([1 if d > 0 else -1 for d in differences if d])
    return bool(len(sizes)) and int((doubled_ranks(sizes) * signs).sum()) > 0


def typical_difference(differences: Sequence[float]) -> tuple[float, Interval | None]:
    """The median of the means of any two differences, and its interval.

    The interval holds the differences that the signed-rank test does not reject (J. Hodges and
    E. Lehmann, Annals of Mathematical Statistics 34, 1963). None for fewer than six pairs, where
    that test rejects nothing.

    Args:
        differences: at least one, all finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n > MOST:
        mean, half = float(values.mean()), Z * float(values.std()) / math.sqrt(n)
        return mean, (mean - half, mean + half)
    first, second = np.triu_indices(n)
    means = np.sort((values[first] + values[second]) / 2)
    rank = _lowest_kept(n)
    interval = None if rank == 0 else (float(means[rank - 1]), float(means[len(means) - rank]))
    return float(np.median(means)), interval


def doubled_ranks(sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Twice the rank of each size, from the smallest: whole numbers also where sizes are equal."""
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    doubled: NDArray[np.int64] = (2 * ends - counts + 1)[place]
    return doubled


def _rounded(size: float) -> float:
    return float(f"{size:.{DIGITS}g}")


def _chances(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """The chance of each sum of the positive ranks, where signs are drawn; shape (sum + 1,)."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances[rank:] = chances[rank:] + chances[: len(chances) - rank]
        chances /= 2
    return chances


def _lowest_kept(pairs: int) -> int:
    """The rank among the means of two where the interval begins; 0 for none."""
    tail = (1 - LEVEL) / 2
    if pairs > EXACT:
        mean = pairs * (pairs + 1) / 4
        spread = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
        return max(math.floor(mean - Z * spread), 1)
    chances = _chances(2 * np.arange(1, pairs + 1))[::2]
    return int((np.cumsum(chances) <= tail).sum())


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values of several tests, each raised so that all hold together (S. Holm, 1979)."""
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    adjusted, highest = [1.0] * len(chances), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[i]))
        adjusted[i] = highest
    return adjusted


def smallest_effect(pairs: int) -> float | None:
    """The mean difference that the test finds in four of five experiments with so many pairs.

    In standard deviations of normal differences (W. Guenther, The American Statistician 35, 1981,
    with the efficiency of ranks, 3/π). None for fewer than six pairs; below nine it is a little
    more than this.
    """
    if pairs < FEWEST:
        return None
    return SHOWN_BY / math.sqrt(3 / math.pi * pairs - Z**2 / 2)


def least_wins(pairs: int) -> int | None:
    """The fewest wins of so many pairs that a sign test takes for a difference; None for none."""
    found = (wins for wins in range(pairs // 2 + 1, pairs + 1) if _found(wins, pairs))
    return next(found, None)


def _found(wins: int, pairs: int) -> bool:
    return sign_test(wins, pairs - wins) <= 1 - LEVEL
