"""The linear problem is the reference's, to the letter."""

from __future__ import annotations

import numpy as np
import pytest

from opro_cli.problems.regression.linear import LinearSettings

TARGET = {"w": 15, "b": 14}


def problem(**settings):
    made = LinearSettings(targets=[TARGET], **settings)
    return made.build(made.targets[0], 0)


def test_data_are_drawn_as_published():
    made = problem()
    noise = np.random.RandomState(0).randn(50)
    assert np.array_equal(made.x, np.arange(1.0, 51.0))
    assert np.array_equal(made.y, 15 * made.x + 14 + noise)


def test_starting_points_are_the_published_ones():
    assert problem().starts() == [(12, 10), (14, 14), (16, 15), (17, 12), (20, 14)]


def test_the_first_start_alone_is_where_gradient_descent_begins():
    assert problem().starts(count=1) == [(14, 14)]


@pytest.mark.parametrize(
    ("point", "loss"),
    [((15, 14), 64.32793768637458), ((14, 14), 42747.81452256393), ((12, 10), 417121.0114012443)],
)
def test_losses_are_the_recorded_ones(point, loss):
    assert problem().evaluate(point) == pytest.approx(loss, rel=1e-12)


def test_solved_is_exactly_the_target():
    made = problem()
    assert made.solved((15, 14), 64.3)
    assert not made.solved((15, 13), 99.0)
    assert made.optimum == made.evaluate((15, 14))


def test_seeds_can_change_with_the_repetition():
    settings = LinearSettings(
        targets=[TARGET],
        seeds={"noise": {"first": 1, "step": 1}, "w": {"first": 10, "step": 10}},
    )
    assert settings.varies()
    second = settings.build(TARGET, 1)
    noise = np.random.RandomState(2).randn(50)
    assert np.array_equal(second.y, 15 * second.x + 14 + noise)
    assert settings.build(TARGET, 0).starts() != second.starts()


def test_gradient_is_that_of_half_the_squared_error():
    made = problem()
    point, h = np.array([3.0, -2.0]), 1e-4
    for axis in range(2):
        step = np.eye(2)[axis] * h
        slope = (made.evaluate(tuple(point + step)) - made.evaluate(tuple(point - step))) / (2 * h)
        assert made.gradient(point)[axis] == pytest.approx(slope / 2, rel=1e-6)


def test_batches_of_the_gradient_add_up():
    made = problem()
    point = np.array([3.0, -2.0])
    parts = [made.gradient(point, np.arange(i, i + 10)) for i in range(0, 50, 10)]
    assert np.allclose(sum(parts), made.gradient(point))


def test_hessian_is_the_slope_of_the_gradient():
    made = problem()
    origin = made.gradient(np.zeros(2))
    columns = [made.gradient(np.eye(2)[i]) - origin for i in range(2)]
    assert np.allclose(np.stack(columns, axis=1), made.hessian())
