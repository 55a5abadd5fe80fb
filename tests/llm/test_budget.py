"""Caps are kept before a call, with the calls in flight counted."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opro_cli.core.errors import Paused
from opro_cli.core.events import Reply, Usage
from opro_cli.core.model import Price, Request
from opro_cli.llm.budget import MARGIN, Amount, Budget, BudgetSettings
from opro_cli.llm.budgeted import Budgeted
from tests.doubles import Scripted

PRICE = Price(1.0, 10.0)


def request(prompt="x" * 1000, max_tokens=1000) -> Request:
    return Request(prompt, 1, 1, max_tokens=max_tokens)


def spend(caps: BudgetSettings, calls: int, output: int = 500, at_once: int = 50, clock=None):
    """(budget, calls answered, most in flight) after `calls` calls were asked for."""
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
    budget, answered, most = spend(BudgetSettings(max_cost=4.0), 1000)
    assert budget.spent.cost >= 4.0
    assert budget.why.startswith("$4.00")
    assert answered == -(-4.0 // ONE)
    assert most > 40  # far from the cap, nothing waits


def test_close_to_the_cap_calls_wait_for_those_in_flight():
    # The first call is made alone, to see how much one takes; then three at once have room.
    _, _, most = spend(BudgetSettings(max_cost=ONE + 3 * MARGIN * WORST), 20)
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


@pytest.mark.parametrize("free", [True, False])
def test_a_failed_call_counts_and_its_tokens_unless_the_server_has_refused_it(free):
    from opro_cli.core.errors import LLMError

    def answer(request, sample):
        raise LLMError("no", free=free)

    async def run():
        budget = Budget(BudgetSettings(max_cost=WORST))
        model = Budgeted(Scripted(answer), budget, lambda served: PRICE)
        with pytest.raises(LLMError):
            await model.sample(request())
        return budget

    budget = asyncio.run(run())
    assert budget.spent.calls == 1
    assert budget.spent.cost == pytest.approx(0.0 if free else WORST)


def test_a_cancelled_call_counts_with_all_it_could_take():
    async def run():
        budget = Budget(BudgetSettings(max_calls=5))
        model = Budgeted(Hanging(), budget, lambda served: PRICE)
        call = asyncio.create_task(model.sample(request()))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return budget

    budget = asyncio.run(run())
    assert budget.spent.calls == 1
    assert budget.spent.cost == pytest.approx(WORST)


class Hanging(Scripted):
    """A model that never answers."""

    def __init__(self):
        super().__init__(lambda request, sample: "")

    async def sample(self, request):
        await asyncio.Event().wait()


@pytest.mark.parametrize("cap", ["max_cost", "max_tokens"])
def test_a_server_that_reports_no_tokens_is_charged_what_was_reserved(cap):
    told = []

    async def run():
        budget = Budget(BudgetSettings(**{cap: 2.5 * WORST if cap == "max_cost" else 1}))
        silent = Scripted(lambda request, sample: Reply("x", "stop", "m", None))
        model = Budgeted(silent, budget, lambda served: PRICE, notify=told.append)
        with pytest.raises(Paused):
            for _ in range(10):
                await model.sample(request())
        return len(silent.requests)

    assert asyncio.run(run()) == (3 if cap == "max_cost" else 1)
    assert "does not report its tokens" in told[0]


def test_a_call_that_takes_more_than_was_reserved_makes_later_ones_reserve_more():
    """So a cap is passed by no more than one call, whatever a server says."""
    huge = 10 * (request().max_tokens + len(request().prompt))

    async def run():
        budget = Budget(BudgetSettings(max_tokens=5 * huge // 2))
        liar = Scripted(lambda request, sample: Reply("x", "stop", "m", Usage(0, huge)))
        model = Budgeted(liar, budget, lambda served: PRICE)
        calls = [model.sample(request()) for _ in range(10)]
        await asyncio.gather(*calls, return_exceptions=True)
        return len(liar.requests)

    assert asyncio.run(run()) == 3


@pytest.mark.parametrize("honest", [1, 5, 20])
@pytest.mark.parametrize("cap", [{"max_tokens": 60_000}, {"max_cost": 0.3}])
def test_a_server_that_lies_later_on_passes_a_cap_by_one_call_too(honest, cap):
    huge = 7 * request().max_tokens

    async def run():
        budget = Budget(BudgetSettings(**cap))
        taken = iter([200] * honest + [huge] * 1000)

        class Liar(Scripted):
            async def sample(self, request):
                usage = Usage(300, next(taken))
                await asyncio.sleep(0.001)
                return [Reply("x", "stop", "m", usage)]

        model = Budgeted(Liar(lambda r, i: ""), budget, lambda served: PRICE)
        calls = [model.sample(request()) for _ in range(400)]
        await asyncio.gather(*calls, return_exceptions=True)
        return budget.spent

    spent = asyncio.run(run())
    assert spent.tokens <= cap.get("max_tokens", 1e9) + 300 + huge
    assert spent.cost <= cap.get("max_cost", 1e9) + PRICE.of(300, huge)


def test_what_is_learnt_of_calls_in_flight_together_does_not_multiply():
    honest = [Usage(300, 100)] * 4

    async def run():
        usages = iter([*honest, *[Usage(300, 4 * request().max_tokens)] * 20])
        budget = Budget(BudgetSettings(max_tokens=10_000_000))

        class Model(Scripted):
            async def sample(self, request):
                usage = next(usages)
                await asyncio.sleep(0.001)
                return [Reply("x", "stop", "m", usage)]

        model = Budgeted(Model(lambda r, i: ""), budget, lambda served: PRICE)
        await asyncio.gather(*(model.sample(request()) for _ in range(24)))
        told = []

        class Observer:
            def called(self, request, calls, tokens, cost):
                told.append(tokens)

            def failed(self, request, message, *, free):
                pass

        usages = iter(honest)
        await model.sample(Request("x" * 1000, 1, 1, max_tokens=1000, observer=Observer()))
        return told

    (reserved,) = asyncio.run(run())
    assert 4000 < reserved < 10_000


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


def test_a_request_that_counts_as_more_calls_than_the_cap_names_the_least_that_lets_it_begin():
    async def run(cap):
        budget = Budget(BudgetSettings(max_calls=cap), Amount(calls=1))
        model = Scripted(lambda r, i: "[1, 2]")
        llm = Budgeted(model, budget, lambda served: None, calls=lambda request: 8)
        await llm.sample(request())
        return budget

    for cap in (1, 2, 8):
        budget = Budget(BudgetSettings(max_calls=cap), Amount(calls=1))
        llm = Budgeted(Scripted(lambda r, i: ""), budget, lambda served: None, lambda request: 8)
        with pytest.raises(Paused):
            asyncio.run(llm.sample(request()))
        assert budget.why == f"1 of {cap} calls are made, and the next request counts as 8"
        assert budget.least_calls == 9
    assert asyncio.run(run(budget.least_calls)).spent.calls == 9
