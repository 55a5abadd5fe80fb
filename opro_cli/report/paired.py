"""Two instructions on the same examples: paired differences, their intervals, and what luck does.

Every example is answered under both, so only the examples on which they differ (the discordant
ones) say which is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from opro_cli.report.ranks import SHOWN_BY
from opro_cli.report.statistics import LEVEL, RESAMPLES, Interval, Z, bootstrap, sign_test

PARTIAL = "ABCDEFGHI"
"""Characters of answers that are neither right nor wrong: 0.1 to 0.9."""

SHUFFLES = 2_000

AT_ONCE = 500
"""Resamples in memory at the same time."""


def scores(detail: str) -> NDArray[np.float64]:
    """The score of every example, from 0 to 1.

    Args:
        detail: one character of ``GRADES`` an example.
    """
    return np.array([_score(character) for character in detail], dtype=np.float64)


def _score(character: str) -> float:
    return (PARTIAL.index(character) + 1) / 10 if character in PARTIAL else float(character == "1")


def paired_interval(better: int, worse: int, examples: int) -> Interval:
    """Interval of a difference of two paired rates (D. Bonett and R. Price, 2012).

    One is added to each count of discordant pairs; so the interval has a length where there are
    none. It keeps its coverage for few examples (M. Fagerland et al., Statistics in Medicine 33,
    2014).

    Args:
        better: examples that only the second answers right.
        worse: examples that only the first answers right.
        examples: all examples; at least one.
    """
    total = examples + 2
    gained, lost = (better + 1) / total, (worse + 1) / total
    middle = gained - lost
    half = Z * math.sqrt(max(gained + lost - middle**2, 0.0) / total)
    return max(middle - half, -1.0), min(middle + half, 1.0)


@dataclass(frozen=True)
class Paired:
    """What changes from one instruction to another, over the same examples.

    Args:
        pairs: the answers under the first and under the second, one character an example; several
            pairs where the search was repeated.
    """

    pairs: tuple[tuple[str, str], ...]

    @cached_property
    def differences(self) -> NDArray[np.float64]:
        """Second minus first; shape (repetitions, examples)."""
        return np.array([scores(after) - scores(before) for before, after in self.pairs])

    @property
    def examples(self) -> int:
        """Examples of each pair."""
        return int(self.differences.shape[1])

    @property
    def better(self) -> int:
        """Answers that are better under the second, over all repetitions."""
        return int((self.differences > 0).sum())

    @property
    def worse(self) -> int:
        """Answers that are worse under the second, over all repetitions."""
        return int((self.differences < 0).sum())

    @property
    def difference(self) -> float:
        """The mean difference, from -1 to 1."""
        return float(self.differences.mean())

    @cached_property
    def interval(self) -> Interval:
        """Of the mean difference; for several repetitions over these and the examples."""
        if len(self.pairs) > 1 and self.better + self.worse:
            return two_way(self.differences)
        if set("".join(before + after for before, after in self.pairs)) & set(PARTIAL):
            return bootstrap(list(self.differences[0])) or (-1.0, 1.0)
        return paired_interval(self.better, self.worse, len(self.pairs) * self.examples)

    @property
    def p(self) -> float | None:
        """Exact two-sided p of McNemar's test; None for several repetitions."""
        return sign_test(self.better, self.worse) if len(self.pairs) == 1 else None

    @property
    def repetitions_better(self) -> int:
        """Repetitions in which the second is better."""
        return int((self.differences.sum(axis=1) > 1e-9).sum())

    @property
    def resolution(self) -> float:
        """The smallest difference that so many examples show in four of five experiments.

        At the share of discordant examples that was seen; 3/n where there is none.
        """
        share = (self.better + self.worse) / self.differences.size
        return SHOWN_BY * math.sqrt(share / self.examples) if share else 3 / self.examples

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, or ``no evidence`` of a difference."""
        low, high = self.interval
        if self.p is not None and self.p > 1 - LEVEL:
            return "no evidence"
        return "better" if low > 0 else "worse" if high < 0 else "no evidence"


def two_way(values: NDArray[np.float64]) -> Interval:
    """Percentile bootstrap interval of a mean, drawn over rows and over columns.

    Repetitions share their examples, so neither the rows nor the columns are independent alone
    (A. Owen, Annals of Applied Statistics 1, 2007).

    Args:
        values: shape (repetitions, examples).
    """
    rng = np.random.default_rng(0)
    means = np.concatenate([_resampled(values, rng) for _ in range(RESAMPLES // AT_ONCE)])
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def _resampled(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of resamples; shape (AT_ONCE,)."""
    rows, columns = values.shape
    by_row = rng.multinomial(rows, np.full(rows, 1 / rows), size=AT_ONCE) / rows
    by_column = rng.multinomial(columns, np.full(columns, 1 / columns), size=AT_ONCE) / columns
    means: NDArray[np.float64] = ((by_row @ values) * by_column).sum(axis=1)
    return means


def luck(values: NDArray[np.float64]) -> float:
    """The spread of mean scores that equally good instructions reach by luck, in 1 of 20 cases.

    The answers to each example are shuffled among the instructions.

    Args:
        values: shape (instructions, examples).
    """
    rng = np.random.default_rng(0)
    spreads = np.empty(SHUFFLES)
    for i in range(SHUFFLES):
        means = rng.permuted(values, axis=0).mean(axis=1)
        spreads[i] = means.max() - means.min()
    return float(np.percentile(spreads, 100 * LEVEL))
