"""The network is a network, on the linear problem's data, and gradient descent trains it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.problems.regression.network import NetworkSettings
from tests.doubles import run_spec

TARGET = {"w": 3, "b": 5}


def network(**more):
    return NetworkSettings(targets=[TARGET], **more).build(TARGET, 0)


def test_its_data_are_those_of_the_line_standardised():
    line = LinearSettings(targets=[TARGET]).build(TARGET, 0)
    made = network()
    assert np.allclose(made.x, (line.x - line.x.mean()) / line.x.std())
    assert np.allclose(made.y, (line.y - line.y.mean()) / line.y.std())
    assert made.optimum == pytest.approx(line.optimum / line.y.var())


def test_the_output_is_the_formula():
    made = network(hidden=2)
    u, c, v, d = (0.5, -1.0), (0.2, 0.3), (1.5, -0.7), 0.1
    loss = 0.0
    for x, y in zip(made.x, made.y, strict=True):
        output = d + sum(vj * math.tanh(uj * x + cj) for uj, cj, vj in zip(u, c, v, strict=True))
        loss += (output - y) ** 2
    assert made.evaluate((*u, *c, *v, d)) == pytest.approx(loss)
    assert made.evaluate((0,) * 7) == pytest.approx(50)


@pytest.mark.parametrize("hidden", [1, 4])
def test_gradient_is_that_of_half_the_loss_and_batches_add_up(hidden):
    made, h = network(hidden=hidden), 1e-5
    point = np.random.default_rng(0).normal(size=3 * hidden + 1)
    for axis, step in enumerate(np.eye(len(point)) * h):
        slope = (made.evaluate(tuple(point + step)) - made.evaluate(tuple(point - step))) / (4 * h)
        assert made.gradient(point)[axis] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    parts = [made.gradient(point, np.arange(i, i + 10)) for i in range(0, 50, 10)]
    assert np.allclose(sum(parts), made.gradient(point))


@pytest.mark.parametrize("batch", [None, 10])
def test_gradient_descent_trains_it(batch):
    settings = NetworkSettings(targets=[TARGET])
    sgd = GradientDescentSettings(
        learning_rate=5e-3, tolerance=0.3, max_iterations=20_000, batch_size=batch
    )
    found = run_spec(RunSpec("p", settings, 0, sgd, 0, Limits(1)))
    assert found[-1].reason == "converged"
    assert found[-1].step > 50


def test_solved_is_a_multiple_of_the_noise_floor():
    made = network(factor=10)
    assert made.solved((0,) * 7, 9.9 * made.optimum)
    assert not made.solved((0,) * 7, 10.1 * made.optimum)
