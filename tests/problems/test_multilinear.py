"""Planes through noisy data; lines with decimals."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from opro_cli.core.errors import UsageError
from opro_cli.core.optimizer import Limits
from opro_cli.core.seeds import Randomness
from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.problems.regression.multilinear import MultilinearSettings
from tests.doubles import run_spec

TARGET = {"w1": 3, "w2": -7, "b": 5}


def plane(**more):
    made = MultilinearSettings(targets=[TARGET], **more)
    return made.build(TARGET, 0)


def test_without_noise_the_target_has_no_loss_and_everything_else_has():
    made = plane(noise=0)
    assert made.optimum == 0
    assert made.evaluate((3, -7, 6)) == pytest.approx(50)


def test_solved_is_the_target_or_within_the_tolerance():
    assert plane().solved((3, -7, 5), 0.0)
    assert not plane().solved((3, -7, 6), 0.0)
    near = {"w1": 1, "w2": 1, "b": 2}
    assert plane(tolerance=near).solved((2, -6, 7), 0.0)
    assert not plane(tolerance=near).solved((1, -6, 6), 0.0)


def test_gradient_and_hessian_are_those_of_half_the_loss():
    made, point, h = plane(), np.array([1.0, 2.0, 3.0]), 1e-4
    for axis, step in enumerate(np.eye(3) * h):
        slope = (made.evaluate(tuple(point + step)) - made.evaluate(tuple(point - step))) / (4 * h)
        assert made.gradient(point)[axis] == pytest.approx(slope, rel=1e-6)
        bend = (made.gradient(point + step) - made.gradient(point - step)) / (2 * h)
        assert np.allclose(made.hessian()[axis], bend)


def test_newtons_step_lands_on_the_least_squares_solution():
    made = plane()
    start = np.array(made.starts(Randomness(0, "r").generator(0, "starts"), 1)[0])
    found = start - np.linalg.solve(made.hessian(), made.gradient(start))
    assert np.allclose(found, np.linalg.lstsq(made.x, made.y)[0])
    assert np.allclose(found, [3, -7, 5], atol=1)


def test_gradient_descent_takes_the_closed_form():
    settings = MultilinearSettings(targets=[TARGET])
    sgd = GradientDescentSettings(learning_rate=1e-4)
    found = run_spec(RunSpec("p", settings, 0, sgd, 0, Limits(1)))
    assert found[-1].reason == "converged"
    assert found[-1].step > 100


def test_as_many_weights_as_features_are_wanted():
    with pytest.raises(ValidationError, match="a target is w1, w2, w3 and b"):
        MultilinearSettings(targets=[TARGET], num_features=3)


def test_a_line_with_decimals_is_solved_within_its_tolerance():
    target = {"w": 3.7, "b": -12.25}
    made = LinearSettings(
        targets=[target], num_input_decimals=2, tolerance={"w": 0.1, "b": 0.5}
    ).build(target, 0)
    assert made.space.from_values([3.7, -12.25]) == (3.7, -12.25)
    assert made.solved((3.8, -12.75), 0.0)
    assert not made.solved((3.81, -12.25), 0.0)
    exact = LinearSettings(targets=[target], num_input_decimals=2).build(target, 0)
    assert exact.solved((3.7, -12.25), 0.0)
    assert not exact.solved((3.71, -12.25), 0.0)


def test_a_tolerance_that_is_not_used_leaves_a_preset_as_it_was():
    assert "tolerance" not in LinearSettings(targets=[{"w": 1, "b": 2}]).model_dump(mode="json")


@pytest.mark.parametrize(
    ("tolerance", "said"),
    [
        ({"w": 0.1}, "one for each of w and b"),
        ({"w": 0.1, "c": 1}, "one for each"),
        ({"w": 0, "b": 1}, "greater than 0"),
        (0.1, "dictionary"),
    ],
)
def test_a_tolerance_is_one_for_each_coordinate(tolerance, said):
    with pytest.raises(ValidationError, match=said):
        LinearSettings(targets=[{"w": 1, "b": 2}], tolerance=tolerance)


def test_values_that_overflow_are_refused_before_anything_starts():
    huge = MultilinearSettings(targets=[{"w1": 1, "w2": 1, "b": 0}], spread=1e200)
    with pytest.raises(UsageError, match="beyond the largest number"):
        huge.check(1)
