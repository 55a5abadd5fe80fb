"""Paired differences: intervals that hold what they say, and what luck alone does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opro_cli.report.paired import Paired, luck, paired_interval, scores, two_way
from opro_cli.report.statistics import sign_test


def coverage(examples: int, gained: float, lost: float) -> float:
    """The exact probability that the interval holds the true difference."""
    total = 0.0
    for better in range(examples + 1):
        for worse in range(examples - better + 1):
            low, high = paired_interval(better, worse, examples)
            if low <= gained - lost <= high:
                level = examples - better - worse
                log = math.lgamma(examples + 1) - sum(
                    math.lgamma(n + 1) for n in (better, worse, level)
                )
                shares = ((better, gained), (worse, lost), (level, 1 - gained - lost))
                log += sum(n * math.log(p) for n, p in shares if n)
                total += math.exp(log)
    return total


@pytest.mark.parametrize("examples", [20, 60])
@pytest.mark.parametrize(
    ("gained", "lost"), [(0.02, 0.02), (0.1, 0.02), (0.05, 0.2), (0.3, 0.3), (0.5, 0.05)]
)
def test_the_interval_holds_the_true_difference_as_often_as_it_says(examples, gained, lost):
    assert coverage(examples, gained, lost) > 0.935


def test_the_interval_and_the_exact_test_agree_for_few_discordant_pairs():
    for better in range(1, 12):
        low, _ = paired_interval(better, 0, 100)
        assert (low > 0) == (sign_test(better, 0) <= 0.05), better


def test_no_discordant_pair_leaves_room_for_a_difference():
    low, high = paired_interval(0, 0, 100)
    assert low == -high
    assert 0.02 < high < 0.03
    same = Paired((("1" * 50 + "0" * 50,) * 2,))
    assert same.verdict == "no evidence"
    assert same.resolution == 0.03


def test_a_pair_counts_where_the_answers_differ():
    pair = Paired((("0?xbe1101", "111111011"),))
    assert (pair.better, pair.worse, pair.examples) == (6, 1, 9)
    assert pair.difference == pytest.approx(5 / 9)
    assert pair.p == sign_test(6, 1)
    assert pair.resolution == pytest.approx(2.8 * math.sqrt(7 / 9 / 9))
    assert pair.verdict == "no evidence"


def test_better_and_worse_are_said_in_the_right_direction():
    start, found = "0" * 60 + "1" * 40, "1" * 30 + "0" * 30 + "1" * 40
    assert Paired(((start, found),)).verdict == "better"
    assert Paired(((found, start),)).verdict == "worse"


def test_scores_between_are_scores():
    assert list(scores("1A0I?")) == pytest.approx([1, 0.1, 0, 0.9, 0])
    low, high = Paired((("A" * 30, "C" * 15 + "E" * 15),)).interval
    assert 0.2 < low < 0.3 < high < 0.4


def test_repetitions_share_their_examples():
    """The noise of the examples does not become less with more repetitions of a search."""
    rng = np.random.default_rng(1)
    one = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.6, 0.3], size=(1, 100))
    low, high = two_way(np.repeat(one, 5, axis=0))
    alone, _ = two_way(one)
    assert low == pytest.approx(alone, abs=0.01)
    assert high - low > 0.2
    noisy = one + np.array([[-0.3], [0.0], [0.3]])
    wider_low, wider_high = two_way(noisy)
    assert wider_high - wider_low > 1.3 * (high - low)


def test_the_repetitions_that_beat_the_start_are_counted():
    start = "0101010101"
    found = Paired(((start, "1111111111"), (start, "0101010101"), (start, "0000000000")))
    assert found.repetitions_better == 1
    assert found.p is None
    assert found.difference == 0
    assert found.verdict == "no evidence"


def test_luck_is_the_spread_of_equal_instructions():
    """Eight instructions that are all right with probability 0.7, over and over."""
    rng = np.random.default_rng(2)
    beyond = 0
    for _ in range(40):
        values = (rng.random((8, 40)) < 0.7).astype(float)
        means = values.mean(axis=1)
        beyond += means.max() - means.min() > luck(values) + 1e-9
    assert beyond <= 6
    assert luck(np.repeat([[1.0], [0.0]], 40, axis=1)) < 0.5
