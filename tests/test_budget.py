"""Caps are kept before a call, with the calls in flight counted."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opro_cli.errors import Paused
from opro_cli.events import Reply, Usage
from opro_cli.llm.base import Price, Request
from opro_cli.llm.budget import Amount, Budget, Budgeted, BudgetSettings
from tests.doubles import Scripted

PRICE = Price(1.0, 10.0)


def request(prompt="x" * 1000, max_tokens=1000) -> Request:
    return Request(prompt, 1, 1, max_tokens=max_tokens)


def spend(caps: BudgetSettings, calls: int, output: int = 500, at_once: int = 50, clock=None):
    """(budget, calls answered, most in flight) after so many calls were wanted."""
    in_flight = most = answered = 0

    class Model(Scripted):
        async def sample(self, request):
            nonlocal in_flight, most, answered
            in_flight += 1
            most = max(most, in_flight)
            await asyncio.sleep(0)
            in_flight -= 1
            answered += 1
            return [Reply("[1, 2]", "stop", "m", Usage(300, output))]

    async def run():
        budget = Budget(caps) if clock is None else Budget(caps, clock=clock)
        llm = Budgeted(Model(lambda r, i: ""), budget, lambda served: PRICE)
        slots = asyncio.Semaphore(at_once)

        async def one():
            async with slots:
                return await llm.sample(request())

        outcomes = await asyncio.gather(*(one() for _ in range(calls)), return_exceptions=True)
        assert all(isinstance(o, list | Paused) for o in outcomes), outcomes
        return budget

    return asyncio.run(run()), answered, most


ONE = PRICE.of(300, 500)  # what a call takes
WORST = PRICE.of(1000, 1000)  # what it could have taken


def test_without_caps_everything_is_answered_and_priced():
    budget, answered, most = spend(BudgetSettings(), 100)
    assert (answered, most) == (100, 50)
    assert budget.spent == Amount(100, 100 * 800, pytest.approx(100 * ONE))
    assert budget.why == ""


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 1.0), st.integers(1, 1000), st.integers(1, 60))
def test_a_cap_on_cost_is_never_passed_by_more_than_one_call(cap, output, at_once):
    budget, _, _ = spend(BudgetSettings(max_cost=cap), 200, output, at_once)
    assert budget.spent.cost < cap + PRICE.of(300, output)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200_000), st.integers(1, 60))
def test_a_cap_on_tokens_is_never_passed_by_more_than_one_call(cap, at_once):
    budget, _, _ = spend(BudgetSettings(max_tokens=cap), 200, 500, at_once)
    assert budget.spent.tokens < cap + 800


@given(st.integers(1, 150), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_a_cap_on_calls_is_exact(cap, at_once):
    budget, answered, _ = spend(BudgetSettings(max_calls=cap), 200, 500, at_once)
    assert answered == budget.spent.calls == cap


def test_a_cap_is_used_up_before_it_stops():
    budget, answered, most = spend(BudgetSettings(max_cost=1.0), 1000)
    assert budget.spent.cost >= 1.0
    assert budget.why.startswith("$1.00")
    assert answered == -(-1.0 // ONE)
    assert most > 40  # far from the cap, nothing waits


def test_close_to_the_cap_calls_wait_for_those_in_flight():
    _, _, most = spend(BudgetSettings(max_cost=3 * WORST), 20)
    assert most == 3


def test_a_cap_smaller_than_one_call_allows_one():
    budget, answered, _ = spend(BudgetSettings(max_cost=ONE / 100), 20)
    assert answered == 1
    assert "max_cost" in str(spent_reason(budget))


def spent_reason(budget: Budget) -> str:
    with pytest.raises(Paused) as caught:
        budget.check()
    return caught.value.reason


def test_a_cap_on_time_begins_nothing_after_it():
    now = iter(float(i) for i in range(10_000))
    budget, answered, _ = spend(BudgetSettings(max_time=30), 100, clock=lambda: next(now))
    assert 0 < answered < 100
    assert spent_reason(budget) == "max_time"
    assert "30 seconds" in budget.why


def test_what_was_spent_before_counts():
    async def run():
        budget = Budget(BudgetSettings(max_calls=10), spent=Amount(9, 0, 0.0))
        llm = Budgeted(Scripted(lambda r, i: "[1, 2]"), budget, lambda served: PRICE)
        await llm.sample(request())
        with pytest.raises(Paused):
            await llm.sample(request())

    asyncio.run(run())


def test_a_failed_call_gives_back_what_was_set_aside():
    from opro_cli.errors import LLMError

    async def run():
        budget = Budget(BudgetSettings(max_cost=WORST))

        def answer(request, sample):
            raise LLMError("no")

        llm = Budgeted(Scripted(answer), budget, lambda served: PRICE)
        for _ in range(3):
            with pytest.raises(LLMError):
                await llm.sample(request())
        return budget

    budget = asyncio.run(run())
    assert budget.spent == Amount()
    budget.check()


def test_a_reply_from_another_model_has_that_models_price():
    prices = {"cheap": Price(1, 1), "dear": Price(100, 100)}

    async def run():
        budget = Budget(BudgetSettings())

        def answer(request, sample):
            return Reply("", "stop", "dear", Usage(1_000_000, 0))

        llm = Budgeted(Scripted(answer, name="cheap"), budget, prices.get)
        return (await llm.sample(request()))[0], budget

    reply, budget = asyncio.run(run())
    assert reply.cost == budget.spent.cost == 100


def test_an_unknown_price_is_not_zero():
    async def run():
        llm = Budgeted(Scripted(lambda r, i: "x"), Budget(BudgetSettings()), lambda served: None)
        return (await llm.sample(request()))[0]

    assert asyncio.run(run()).cost is None


def test_a_reply_without_token_counts_has_no_cost():
    async def run():
        llm = Budgeted(
            Scripted(lambda r, i: Reply("x", "stop", "m")),
            Budget(BudgetSettings()),
            lambda served: PRICE,
        )
        return (await llm.sample(request()))[0]

    assert asyncio.run(run()).cost is None
