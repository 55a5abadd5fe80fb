"""A sine curve can be written in many ways; all of them are the target."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opro_cli.problems.regression.sine import SineSettings, canonical

TARGET = {"a": 3, "omega": 1.5, "phi": 0.5, "c": 2}
SETTINGS = SineSettings(targets=[TARGET])
MADE = SETTINGS.build(TARGET, 0)
NUMBERS = st.floats(-7, 7, allow_nan=False)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def test_the_canonical_form_is_the_same_curve(point):
    same = canonical(point)
    assert same[0] >= 0 and same[1] >= 0 and 0 <= same[2] <= 2 * math.pi
    assert MADE.evaluate(same) == pytest.approx(MADE.evaluate(point), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "point",
    [
        (3, 1.5, 0.5, 2),
        (3.2, 1.46, 0.7, 1.8),
        (-3, 1.5, 0.5 + math.pi, 2),
        (-3, 1.5, 0.5 - math.pi, 2),
        (-3, -1.5, -0.5, 2),
        (3, -1.5, math.pi - 0.5, 2),
        (3, 1.5, 0.5 - 2 * math.pi, 2),
    ],
)
def test_every_way_of_writing_it_is_solved(point):
    assert MADE.solved(point, MADE.evaluate(point))


@pytest.mark.parametrize(
    "point",
    [(-3, 1.5, 0.5, 2), (3, -1.5, 0.5, 2), (3, 1.5, 2.0, 2), (3, 1.7, 0.5, 2), (3, 1.5, 0.5, 3)],
)
def test_another_curve_is_not(point):
    assert not MADE.solved(point, MADE.evaluate(point))


def test_a_phase_near_zero_is_compared_round_the_circle():
    target = {"a": 3, "omega": 1.5, "phi": 0.1, "c": 2}
    made = SineSettings(targets=[target]).build(target, 0)
    assert made.solved((3, 1.5, -0.1, 2), 0.0)


def test_the_loss_at_the_target_is_that_of_the_noise():
    noise = np.random.RandomState(0).randn(50)
    assert MADE.optimum == pytest.approx(0.01 * noise @ noise)


def test_gradient_is_that_of_half_the_loss_and_batches_add_up():
    point, h = np.array([2.0, -1.3, 0.4, 1.0]), 1e-5
    for axis, step in enumerate(np.eye(4) * h):
        slope = (MADE.evaluate(tuple(point + step)) - MADE.evaluate(tuple(point - step))) / (4 * h)
        assert MADE.gradient(point)[axis] == pytest.approx(slope, rel=1e-5)
    halves = MADE.gradient(point, np.arange(25)) + MADE.gradient(point, np.arange(25, 50))
    assert np.allclose(halves, MADE.gradient(point))


def test_a_curve_without_a_phase_is_no_target():
    with pytest.raises(ValidationError, match="no phase"):
        SineSettings(targets=[{**TARGET, "a": 0}])
