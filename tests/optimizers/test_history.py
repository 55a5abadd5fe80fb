"""Which pairs are shown, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from opro_cli.core.events import Evaluation
from opro_cli.optimizers.history import History, choose_pairs


def history(*values: float, direction: str = "minimize") -> History:
    made = History(direction)
    made.add([Evaluation((i,), value) for i, value in enumerate(values)])
    return made


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pairs_are_ranked_worst_first():
    assert [v for _, v in history(3, 1, 2).ranked()] == [3, 2, 1]
    assert [v for _, v in history(3, 1, 2, direction="maximize").ranked()] == [1, 2, 3]


def test_a_point_is_remembered_once_and_only_with_a_finite_value():
    made = history(5.0)
    made.add(
        [Evaluation((0,), 1.0), Evaluation((9,), float("nan")), Evaluation((8,), float("inf"))]
    )
    assert made.ranked() == [((0,), 5.0)]
    assert (9,) not in made


def test_the_best_are_the_last():
    ranked = history(*range(10, 0, -1)).ranked()
    assert [v for _, v in choose_pairs(ranked, 3, "best", rng())] == [3, 2, 1]
    assert choose_pairs(ranked, 99, "best", rng()) == ranked


def test_mixed_shows_the_best_half_and_a_draw_from_the_rest():
    ranked = history(*range(100, 0, -1)).ranked()
    shown = choose_pairs(ranked, 11, "mixed", rng(1))
    values = [v for _, v in shown]
    assert len(shown) == len(set(values)) == 11
    assert values[-6:] == [6, 5, 4, 3, 2, 1]
    assert values == sorted(values, reverse=True)
    assert any(v > 12 for v in values[:-6])
    assert shown == choose_pairs(ranked, 11, "mixed", rng(1))
    assert shown != choose_pairs(ranked, 11, "mixed", rng(2))


@pytest.mark.parametrize("show", ["best", "mixed"])
def test_all_are_shown_where_there_is_room(show):
    ranked = history(3, 1, 2).ranked()
    assert choose_pairs(ranked, 3, show, rng()) == ranked


def test_no_best_before_the_first():
    assert history().best is None
    assert history(4, 2, 3).best == ((1,), 2)
