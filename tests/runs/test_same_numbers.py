"""Numbers that another processor rounds otherwise are the same; every other number is not."""

from __future__ import annotations

import math

import pytest

from opro_cli.core.events import Evaluation, Stepped
from opro_cli.runs.compare import first_difference, same_point

NEXT = math.nextafter(14.25, 15)


@pytest.mark.parametrize(
    ("ours", "recorded", "same"),
    [
        ((14.25, 3), (NEXT, 3), True),
        ((14.25, 1e-15), (14.25, 3e-15), True),  # an error of rounding beside a number near zero
        ((14.25, 3), (14.25, 4), False),
        ((14.25, 3), (14.250001, 3), False),
        ((8.0, 1e-5), (8.0, 1.001e-5), False),  # a small number is not lost beside a large one
        ((14.25,), (14.25, 3), False),
        (("a text",), ("another",), False),
    ],
)
def test_points(ours, recorded, same):
    assert same_point(ours, recorded) is same


def test_steps_whose_pairs_stand_in_another_order_differ():
    a, b = Evaluation((14.25, 3), 2.0), Evaluation((15.5, 3), 1.0)
    near = Evaluation((NEXT, 3), 2.0)
    assert first_difference(Stepped(1, (a, b), (), 2), Stepped(1, (near, b), (), 2)) is None
    assert first_difference(Stepped(1, (b, a), (), 2), Stepped(1, (a, b), (), 2)) is not None
