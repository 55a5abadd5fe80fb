"""Runs share one event loop, in the slots of their models."""

from __future__ import annotations

import asyncio

from opro_cli.core.errors import Paused, RunFailed
from opro_cli.core.model import ModelRequest
from opro_cli.core.optimizer import Limits
from opro_cli.llm.provider import ModelChoice
from opro_cli.optimizers.base import OptimizerSettings
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.optimizers.random_search import RandomSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.runs.executor import Executor
from opro_cli.runs.jobs import Job
from opro_cli.runs.record import new_record


def job(optimizer: OptimizerSettings, repetition: int = 0) -> Job:
    problem = LinearSettings(targets=[{"w": 1, "b": 2}])
    spec = RunSpec("p", problem, repetition, optimizer, 0, Limits(1))
    return Job(spec, new_record(spec))


def asking(repetition: int = 0, model: str = "m") -> Job:
    return job(OproSettings(model=model), repetition)


def executor(concurrency: int, *jobs: Job) -> Executor:
    """An executor for these jobs, with this number of runs at once for each model."""
    requests = {r for one in jobs for r in one.spec.model_requests().values()}
    return Executor({request: choice(request, concurrency) for request in requests})


def choice(request: ModelRequest, concurrency: int) -> ModelChoice:
    return ModelChoice(request, "instruct", concurrency, None)


def peak_of(concurrency: int, *jobs: Job) -> int:
    """The most runs that were made at once."""
    running = peak = 0

    async def make(job: Job) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1

    asyncio.run(executor(concurrency, *jobs).run(jobs, make))
    return peak


def test_runs_share_the_loop_and_one_failure_is_its_own():
    order = []
    fails, pauses, works = (asking(repetition) for repetition in range(3))

    async def make(job: Job) -> None:
        for _ in range(2):
            await asyncio.sleep(0)
            order.append(job.spec.repetition)
        if job is fails:
            raise RunFailed("no")
        if job is pauses:
            raise Paused("max_calls")

    asyncio.run(executor(3, fails).run([fails, pauses, works], make))
    assert sorted(order) == [0, 0, 1, 1, 2, 2]
    assert order[:3] == [0, 1, 2]


def test_no_more_runs_at_once_than_allowed():
    assert peak_of(3, *[asking(repetition) for repetition in range(10)]) == 3


def test_each_model_has_slots_of_its_own():
    assert peak_of(2, *[asking(i, model) for i in range(5) for model in ("m", "n")]) == 4


def test_runs_without_a_model_are_made_one_after_the_other():
    assert peak_of(3, *[job(RandomSettings(), repetition) for repetition in range(5)]) == 1
