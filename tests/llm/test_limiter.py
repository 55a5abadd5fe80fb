"""The limiter: calls in flight, calls a minute, and no call while the server asks to wait."""

from __future__ import annotations

import asyncio
import builtins

import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.llm.limiter import Limiter, LimitSettings


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
