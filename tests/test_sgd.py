"""Gradient descent gives the published iteration counts, in closed form and one by one."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from opro_cli.errors import UsageError
from opro_cli.optimizers.base import Task
from opro_cli.optimizers.sgd import SgdSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.randomness import Randomness

PUBLISHED = {
    (15, 14): 121,
    (17, 17): 118903,
    (16, 10): 104577,
    (3, 5): 178500,
    (25, 23): 195228,
    (2, 30): 243943,
    (36, -1): 231261,
}


def descend(settings: SgdSettings, w: float = 15, b: float = 14, seed: int = 0, **problem):
    """(iterations, reason, asked) of one run."""
    made = LinearSettings(targets=[{"w": w, "b": b}], **problem)
    sgd = settings.build(Task(made.build(made.targets[0], 0), Randomness(seed, "")))

    async def run():
        asked = []
        while not asked or asked[-1].stop is None:
            asked.append(await sgd.ask(0))
        return asked

    asked = asyncio.run(run())
    return sum(a.steps for a in asked), asked[-1].stop, asked


@pytest.mark.parametrize(("target", "count"), PUBLISHED.items())
def test_counts_are_the_published_ones(target, count):
    iterations, reason, _ = descend(SgdSettings(), *target)
    assert (iterations, reason) == (count, "converged")


def test_the_curve_is_thinned():
    _, _, asked = descend(SgdSettings(), 2, 30)
    assert len(asked) < 60
    assert asked[0].steps == 1


def test_closed_form_and_loop_make_the_same_iterates():
    """A mini-batch as large as the data is the full batch, by the other way of computing it."""
    closed = descend(SgdSettings(learning_rate=1e-5), 17, 17)
    loop = descend(SgdSettings(learning_rate=1e-5, batch_size=50), 17, 17)
    assert closed[:2] == loop[:2]
    ends = [np.array(run[2][-1].proposals[0].point) for run in (closed, loop)]
    assert np.allclose(*ends, rtol=1e-9)


def test_one_iteration_is_a_step_along_the_gradient_of_half_the_loss():
    made = LinearSettings(targets=[{"w": 15, "b": 14}])
    problem = made.build(made.targets[0], 0)
    _, _, asked = descend(SgdSettings())
    expected = np.array([14.0, 14.0]) - 1e-6 * problem.gradient(np.array([14.0, 14.0]))
    assert np.allclose(asked[0].proposals[0].point, expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 50, 10])
def test_a_learning_rate_that_diverges_is_reported_at_once(batch_size):
    iterations, reason, _ = descend(SgdSettings(learning_rate=1.0, batch_size=batch_size))
    assert reason == "diverged"
    assert iterations < 20


def test_a_learning_rate_just_too_large_diverges_too():
    assert descend(SgdSettings(learning_rate=4.7e-5))[1] == "diverged"
    assert descend(SgdSettings(learning_rate=4.6e-5))[1] == "converged"


@pytest.mark.parametrize("batch_size", [None, 10])
def test_a_learning_rate_that_overflows_at_once_leaves_no_point(batch_size):
    _, reason, asked = descend(SgdSettings(learning_rate=1e306, batch_size=batch_size))
    assert reason == "diverged"
    assert asked[-1].proposals == ()


def test_it_stops_where_it_is_told():
    iterations, reason, _ = descend(SgdSettings(max_iterations=1000), 2, 30)
    assert (iterations, reason) == (1000, "max_iterations")


def test_mini_batches_depend_on_the_seed_and_on_nothing_else():
    settings = SgdSettings(batch_size=8, learning_rate=1e-5, max_iterations=300, tolerance=1e-9)
    first, again, other = (descend(settings, seed=seed)[2] for seed in (1, 1, 2))
    ends = [run[-1].proposals[0].point for run in (first, again, other)]
    assert ends[0] == ends[1] != ends[2]


def test_mini_batches_get_there_too():
    settings = SgdSettings(batch_size=10, learning_rate=1e-5, tolerance=5)
    assert descend(settings)[1] == "converged"


def test_a_start_that_is_good_enough_needs_no_iteration():
    iterations, reason, _ = descend(SgdSettings(tolerance=1e9))
    assert (iterations, reason) == (0, "converged")


def test_a_batch_larger_than_the_data_is_an_error():
    with pytest.raises(UsageError, match="only 50 data points"):
        descend(SgdSettings(batch_size=51))
