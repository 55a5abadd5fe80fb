"""Wilcoxon's test, its interval, and what a number of pairs can show."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from opro_cli.report.ranks import (
    EXACT,
    favours_positive,
    holm,
    least_wins,
    signed_rank,
    smallest_effect,
    typical_difference,
)
from opro_cli.report.statistics import quantile_interval, sign_test


def by_counting(differences: list[float]) -> float:
    """The p-value from all assignments of signs, which are as likely."""
    found = [d for d in differences if d]
    sizes = [abs(d) for d in found]
    ranks = [sum(s < size for s in sizes) + (sizes.count(size) + 1) / 2 for size in sizes]
    sums = [
        sum(r for r, keep in zip(ranks, kept, strict=True) if keep)
        for kept in itertools.product((0, 1), repeat=len(ranks))
    ]
    seen = sum(r for r, d in zip(ranks, found, strict=True) if d > 0)
    tail = min(sum(s <= seen for s in sums), sum(s >= seen for s in sums)) / len(sums)
    return min(1.0, 2 * tail)


@pytest.mark.parametrize(
    "differences",
    [
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        [1.0, -2.0, 3.0, -4.0, 5.0, 6.0, 7.5],
        [1.0, 1.0, -1.0, 2.0, 2.0, 0.0, 5.0, -5.0],
        [math.inf, math.inf, -1.0, 2.0, -math.inf, 3.0, 4.0],
    ],
)
def test_the_exact_p_counts_every_assignment_of_signs(differences):
    assert signed_rank(differences) == pytest.approx(by_counting(differences), abs=1e-12)
    mirrored = [-d for d in differences]
    assert signed_rank(mirrored) == pytest.approx(signed_rank(differences), abs=1e-12)


def test_equal_differences_are_equal_in_spite_of_rounding():
    rounded = [0.3 - 0.1, 0.7 - 0.5, -(0.4 - 0.2), 0.9 - 0.7, 0.25 - 0.05, 0.6 - 0.4]
    assert signed_rank(rounded) == signed_rank([0.2, 0.2, -0.2, 0.2, 0.2, 0.2])


def test_no_difference_is_no_evidence():
    assert signed_rank([]) == signed_rank([0.0, 0.0]) == 1.0
    assert not favours_positive([0.0])


def test_beyond_the_exact_pairs_the_normal_distribution_takes_over_smoothly():
    rng = np.random.default_rng(2)
    values = list(rng.normal(0.25, 1, EXACT + 1))
    assert signed_rank(values) == pytest.approx(signed_rank(values[:-1]), rel=0.5)


def test_p_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the extra of examples")
    rng = np.random.default_rng(1)
    for n in (6, 20, 90):
        values = rng.normal(0.4, 1, n)
        theirs = stats.wilcoxon(values, method="exact" if n < EXACT else "approx", correction=True)
        assert signed_rank(list(values)) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_the_interval_holds_the_shifts_that_the_test_does_not_reject():
    rng = np.random.default_rng(3)
    values = list(rng.normal(1, 2, 12))
    middle, ends = typical_difference(values)
    low, high = ends
    assert low < middle < high
    for shift, rejected in ((low - 0.01, True), (low + 0.01, False), (high + 0.01, True)):
        assert (signed_rank([v - shift for v in values]) <= 0.05) is rejected
    assert typical_difference(values[:5])[1] is None


def test_the_interval_of_six_pairs_reaches_from_the_least_to_the_most():
    assert typical_difference([1.0, 2.0, 3.0, 4.0, 5.0, 9.0])[1] == (1.0, 9.0)


def test_the_typical_difference_of_many_pairs_is_the_mean():
    middle, ends = typical_difference([float(i % 3) for i in range(3000)])
    assert middle == pytest.approx(1.0)
    assert ends[0] < 1 < ends[1]


def test_wins_that_are_enough_are_those_of_the_sign_test():
    assert [least_wins(n) for n in (5, 6, 8, 9, 20)] == [None, 6, 8, 8, 15]
    assert sign_test(15, 5) <= 0.05 < sign_test(14, 6)


def test_the_smallest_effect_is_found_in_four_of_five_experiments():
    assert smallest_effect(5) is None
    rng = np.random.default_rng(0)
    drawn = rng.normal(smallest_effect(15), 1, (400, 15))
    found = sum(signed_rank(list(row)) <= 0.05 for row in drawn)
    assert 290 <= found <= 350  # 320 is four of five; three standard errors either side


def test_several_tests_hold_together():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_interval_of_a_median_is_between_order_statistics():
    assert quantile_interval([3, 1, 2, 6, 5, 4], 0.5) == (1, 6)
    assert quantile_interval([3, 1, 2, 5, 4], 0.5) is None
    assert quantile_interval(list(range(1, 21)), 0.5) == (6, 15)  # of the textbook
    assert quantile_interval(list(range(12)), 0.25) is None
    low, high = quantile_interval(list(range(1000)), 0.25)
    assert low < 250 < high
    assert high - low < 60
