"""Who stays in a race of instructions."""

from __future__ import annotations

import pytest

from opro_cli.problems.instructions.race import incumbent_of, is_worse, survivors

A, B, C, D = (("a",), ("b",), ("c",), ("d",))


def test_halving_keeps_the_better_half_in_their_order():
    scores = {A: [0, 0, 1], B: [1, 1, 1], C: [0, 1, 1], D: [0, 0, 0]}
    assert survivors(scores, [], "halving") == [B, C]
    assert survivors({A: [0.0], B: [1.0], C: [0.5]}, [], "halving") == [B, C]


def test_without_a_best_one_nobody_is_dropped_by_pairs():
    assert survivors({A: [0, 0], B: [1, 1]}, [], "paired") == [A, B]


@pytest.mark.parametrize(
    ("better", "worse", "dropped"), [(0, 1, False), (0, 2, False), (0, 3, True), (1, 4, True),
                                     (2, 4, False), (3, 3, False), (4, 1, False)],
)  # fmt: skip
def test_a_worse_one_is_dropped_by_the_exact_one_sided_test(better, worse, dropped):
    """One-sided binomial: 1/8 = 0.125, 6/32 = 0.19 below 0.2; 1/4, 22/64 = 0.34 above."""
    ours = [1.0] * better + [0.0] * worse + [1.0] * 5
    theirs = [0.0] * better + [1.0] * worse + [1.0] * 5
    assert is_worse(ours, theirs) is dropped


def test_the_best_is_taken_among_those_scored_on_all_examples():
    assert incumbent_of([[1, 1], [0, 1, 0], [1, 1, 0]], 3) == [1, 1, 0]
    assert not incumbent_of([[1, 1]], 3)
