"""The limiter: calls in flight, calls a minute, and no call while the server asks to wait."""

from __future__ import annotations

import asyncio
import builtins

import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable, TransientError
from opro_cli.core.model import Request
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.retry import Retry
from tests.doubles import Scripted


def test_no_more_calls_at_once_than_allowed():
    running = most = 0

    async def run():
        limiter = Limiter(LimitSettings(concurrency=3))

        async def one():
            nonlocal running, most
            async with limiter.call():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(run())
    assert most == 3


class Time:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def test_quiet_holds_back_every_call_not_just_the_one_that_met_it():
    async def run():
        time = Time()
        limiter = Limiter(LimitSettings(), time, time.sleep)
        begun = []

        async def one():
            async with limiter.call():
                begun.append(time.now)

        await one()
        limiter.quiet(30)
        limiter.quiet(5)  # the longer wait counts
        await asyncio.gather(*(one() for _ in range(5)))
        return begun

    first, *rest = asyncio.run(run())
    assert first == 0
    assert len(rest) == 5
    assert all(begun >= 30 for begun in rest)


@pytest.mark.parametrize("limits", [{"requests_per_minute": 600}, {"tokens_per_minute": 60_000}])
def test_a_rate_a_minute_is_evened_out(limits):
    """600 calls a minute are 10 a second, 50 in the first five seconds at most."""

    async def run():
        limiter = Limiter(LimitSettings(**limits))
        limiter.used(100)
        begun = 0

        async def one():
            nonlocal begun
            async with limiter.call():
                begun += 1

        tasks = [asyncio.create_task(one()) for _ in range(200)]
        for _ in range(50):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return begun

    assert 45 <= asyncio.run(run()) <= 55


def test_a_slow_rate_still_lets_one_call_through():
    async def run():
        limiter = Limiter(LimitSettings(requests_per_minute=2))
        async with limiter.call():
            pass

    asyncio.run(run())


def test_without_the_package_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "aiolimiter":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    Limiter(LimitSettings())
    with pytest.raises(ModelUnavailable) as caught:
        Limiter(LimitSettings(requests_per_minute=5))
    assert "opro-cli[limits]" in caught.value.hint


async def held(limiter: Limiter, calls: int) -> int:
    """How many of these calls are in flight at once."""
    most = running = 0

    async def one() -> None:
        nonlocal most, running
        async with limiter.call():
            running += 1
            most = max(most, running)
            for _ in range(5):
                await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(calls)))
    return most


def test_calls_that_are_late_are_halved_and_grow_again():
    told, time = [], Time()

    async def run() -> tuple[int, int]:
        limiter = Limiter(LimitSettings(concurrency=8), time, time.sleep)
        limiter.notify = told.append
        async with limiter.call(), limiter.call(), limiter.call(), limiter.call():
            limiter.slow_down("Calls are too late")
            limiter.slow_down("Calls are too late")  # of the same round: once is enough
        slow = await held(limiter, 20)
        for _ in range(40):
            limiter.used(100)
        return slow, await held(limiter, 20)

    # Half of the four in flight; and later never more than the setting.
    assert asyncio.run(run()) == (2, 8)
    assert told == [
        "Calls are too late: now at most 2 calls at once, down from 8; "
        "--concurrency sets a number to begin with."
    ]


class Flaky(Scripted):
    """Fails for a while, by the clock, then answers."""

    def __init__(self, time: Time, until: float) -> None:
        super().__init__(lambda request, sample: "[1, 2]")
        self.time, self.until = time, until

    async def sample(self, request: Request):
        if self.time.now < self.until:
            raise TransientError("too many", wait=20.0, too_many=True)
        return await super().sample(request)


@pytest.mark.parametrize(("minutes", "answered"), [(3, True), (30, False)])
def test_passing_faults_are_outlasted_for_minutes_not_a_number_of_attempts(minutes, answered):
    async def run():
        time = Time()
        limiter = Limiter(LimitSettings(), time, time.sleep)
        model = Retry(Flaky(time, 60.0 * minutes), limiter, clock=time)
        try:
            return (await model.sample(Request("p", 1, 1)))[0].attempts
        except LLMError as error:
            return error

    outcome = asyncio.run(run())
    if answered:
        assert outcome > 6
    else:
        assert "--concurrency" in outcome.hint
