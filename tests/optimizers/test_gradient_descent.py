"""Gradient descent gives the published iteration counts, in closed form and one by one."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from opro_cli.core.errors import UsageError
from opro_cli.core.optimizer import OptimizerContext
from opro_cli.core.seeds import Randomness
from opro_cli.optimizers.gradient_descent import (
    LAST_BLOCK,
    GradientDescentSettings,
    block_sizes,
)
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.runs import recordings
from opro_cli.runs.checks.replay import replay
from opro_cli.runs.compare import first_difference
from tests.doubles import EventList, run_spec

RUNS = Path(__file__).parent.parent / "data"
OLDER = "runs-without-checksums/20261125-155650-exp1-sgd-w15-b14-r1-43466c"
NEWER = "runs-format-1/20261125-155607-exp1-sgd-w15-b14-r1-58e66461eefe"
THINNED = {OLDER: (1, 3, 7, 15, 28, 48, 80, 121), NEWER: (1, 4, 11, 26, 57, 120, 121)}
"""The recorded steps of descents on exp1's first target, by an older and a newer version."""

PUBLISHED = {
    (15, 14): 121,
    (17, 17): 118903,
    (16, 10): 104577,
    (3, 5): 178500,
    (25, 23): 195228,
    (2, 30): 243943,
    (36, -1): 231261,
}


def descend(
    settings: GradientDescentSettings, w: float = 15, b: float = 14, seed: int = 0, report_at=()
):
    """(iterations, reason, batches) of one run."""
    made = LinearSettings(targets=[{"w": w, "b": b}])
    problem = made.build(made.targets[0], 0)
    descent = settings.build(OptimizerContext(problem, Randomness(seed, ""), report_at=report_at))

    async def run():
        batches = []
        while not batches or batches[-1].stop is None:
            batches.append(await descent.ask(0))
        return batches

    batches = asyncio.run(run())
    return sum(batch.steps for batch in batches), batches[-1].stop, batches


@pytest.mark.parametrize(("target", "count"), PUBLISHED.items())
def test_counts_are_the_published_ones(target, count):
    iterations, reason, _ = descend(GradientDescentSettings(), *target)
    assert (iterations, reason) == (count, "converged")


def test_the_curve_is_thinned():
    _, _, batches = descend(GradientDescentSettings(), 2, 30)
    assert len(batches) < 60
    assert batches[0].steps == 1


def test_closed_form_and_loop_make_the_same_iterates():
    """A mini-batch as large as the data is the full batch, by the other way of computing it."""
    closed = descend(GradientDescentSettings(learning_rate=1e-5), 17, 17)
    loop = descend(GradientDescentSettings(learning_rate=1e-5, batch_size=50), 17, 17)
    assert closed[:2] == loop[:2]
    ends = [np.array(run[2][-1].proposals[0].point) for run in (closed, loop)]
    assert np.allclose(*ends, rtol=1e-9)


def test_one_iteration_is_a_step_along_the_gradient_of_half_the_loss():
    made = LinearSettings(targets=[{"w": 15, "b": 14}])
    problem = made.build(made.targets[0], 0)
    _, _, batches = descend(GradientDescentSettings())
    expected = np.array([14.0, 14.0]) - 1e-6 * problem.gradient(np.array([14.0, 14.0]))
    assert np.allclose(batches[0].proposals[0].point, expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 50, 10])
def test_a_learning_rate_that_diverges_is_reported_at_once(batch_size):
    settings = GradientDescentSettings(learning_rate=1.0, batch_size=batch_size)
    iterations, reason, _ = descend(settings)
    assert reason == "diverged"
    assert iterations < 20


def test_a_learning_rate_just_too_large_diverges_too():
    assert descend(GradientDescentSettings(learning_rate=4.7e-5))[1] == "diverged"
    assert descend(GradientDescentSettings(learning_rate=4.6e-5))[1] == "converged"


@pytest.mark.parametrize("batch_size", [None, 10])
def test_a_learning_rate_that_overflows_at_once_leaves_no_point(batch_size):
    settings = GradientDescentSettings(learning_rate=1e306, batch_size=batch_size)
    _, reason, batches = descend(settings)
    assert reason == "diverged"
    assert batches[-1].proposals == ()


def test_it_stops_where_it_is_told():
    iterations, reason, _ = descend(GradientDescentSettings(max_iterations=1000), 2, 30)
    assert (iterations, reason) == (1000, "max_iterations")


def test_mini_batches_depend_on_the_seed_and_on_nothing_else():
    settings = GradientDescentSettings(
        batch_size=8, learning_rate=1e-5, max_iterations=300, tolerance=1e-9
    )
    first, again, other = (descend(settings, seed=seed)[2] for seed in (1, 1, 2))
    ends = [run[-1].proposals[0].point for run in (first, again, other)]
    assert ends[0] == ends[1] != ends[2]


def test_mini_batches_get_there_too():
    settings = GradientDescentSettings(batch_size=10, learning_rate=1e-5, tolerance=5)
    assert descend(settings)[1] == "converged"


def test_a_start_that_is_good_enough_needs_no_iteration():
    iterations, reason, _ = descend(GradientDescentSettings(tolerance=1e9))
    assert (iterations, reason) == (0, "converged")


def test_a_batch_larger_than_the_data_is_an_error():
    with pytest.raises(UsageError, match="only 50 data points"):
        descend(GradientDescentSettings(batch_size=51))


def first_sizes(count: int, *report_at: int) -> list[int]:
    return list(islice(block_sizes(report_at), count))


def test_blocks_grow_up_to_a_limit():
    assert first_sizes(6) == [1, 3, 7, 15, 31, 63]
    assert first_sizes(30)[-1] == max(first_sizes(30)) == LAST_BLOCK


def test_the_blocks_of_a_recording_come_first_and_then_they_grow():
    assert first_sizes(8, 1, 3, 7, 15, 28, 48, 80, 121) == [1, 2, 4, 8, 13, 20, 32, 41]
    assert first_sizes(5, 1, 3, 7) == [1, 2, 4, 15, 31]
    assert first_sizes(6, 1, 4, 11) == first_sizes(6)


def test_a_step_that_is_not_after_the_one_before_makes_no_block():
    assert first_sizes(4, 0, 5, 5, 3, 6) == [5, 1, 7, 15]


@pytest.mark.parametrize("report_at", [*THINNED.values(), (1, 2), (121,), (5000,)])
@pytest.mark.parametrize("batch_size", [None, 50])
def test_the_reported_steps_do_not_change_the_descent(report_at, batch_size):
    settings = GradientDescentSettings(batch_size=batch_size)
    iterations, reason, batches = descend(settings, report_at=report_at)
    assert (iterations, reason) == (121, "converged")
    assert sum(batch.evaluations for batch in batches) == 121
    last = descend(settings)[2][-1].proposals[0].point
    assert np.allclose(batches[-1].proposals[0].point, last, rtol=1e-12)
    steps = np.cumsum([batch.steps for batch in batches]).tolist()
    assert steps[: len(report_at)] == [min(step, 121) for step in report_at]


@pytest.mark.parametrize("name", THINNED)
def test_a_recording_of_any_thinning_is_repeated(name):
    """Its steps are reported again, though this version would choose others.

    Another processor may round the last digits of an iterate otherwise.
    """
    (record,) = recordings.read_directory(RUNS / name)
    assert tuple(record.steps) == THINNED[name]
    events = replay(record).events
    assert len(events) == len(record.events)
    for event, recorded in zip(events, record.events, strict=True):
        assert first_difference(event, recorded) is None


def test_a_new_run_reports_its_own_steps():
    (record,) = recordings.read_directory(RUNS / OLDER)
    sink = EventList()
    run_spec(record.spec, sink=sink)
    assert [event.step for event in sink.events[1:-1]] == list(THINNED[NEWER])
    assert sink.events[-1] == record.stop
    assert sink.events[0] == record.events[0]
