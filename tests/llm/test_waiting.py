"""Waits between calls end with the command: at the first Ctrl-C, and when its time is over."""

from __future__ import annotations

import asyncio
import time

import pytest

from opro_cli.core.errors import LLMError, Paused
from opro_cli.core.model import ModelRequest, Request
from opro_cli.llm import choose_model
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from tests.asking import KEY, ask
from tests.loopback import Answer, Loopback, chat, too_many

MODELS = ["openai:gpt", "gemini-3.5-flash-lite"]


def refused(status: int) -> Answer:
    return Answer(status, {"error": {"message": "busy"}}, headers={"Retry-After": "60"})


def waited(answers, model="openai:gpt", *, calls=1, stop_after=None, limits=None, **caps):
    """(outcomes, seconds, requests) of calls at once; after a time, the command is stopped."""
    server = Loopback(answers)

    async def run(url):
        env = {"OPENAI_API_KEY": KEY, "GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}
        env["OPENAI_BASE_URL"] = url
        budget = Budget(BudgetSettings(**caps))
        pool = ModelPool(env, Limiter(LimitSettings(**(limits or {}))), budget)
        opened = pool.open(choose_model(ModelRequest(model), env))
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, budget.stop, "", "")
        began = time.monotonic()
        asked = (opened.sample(Request("?", 1, 1, first=i)) for i in range(calls))
        found = await asyncio.gather(*asked, return_exceptions=True)
        taken = time.monotonic() - began
        await pool.close()
        return found, taken

    with server.serving() as url:
        found, seconds = asyncio.run(run(url))
    return found, seconds, len(server.asked)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("ends", [{"stop_after": 1.0}, {"max_time": 1.0}])
def test_a_wait_that_the_server_asks_for_ends_with_the_command(model, status, ends):
    found, seconds, asked = waited([refused(status)], model, calls=3, **ends)
    assert all(isinstance(one, Paused) for one in found)
    assert seconds < 10
    assert asked <= 3


@pytest.mark.parametrize(
    "limits", [{"requests_per_minute": 1}, {"tokens_per_minute": 100, "concurrency": 1}]
)
@pytest.mark.parametrize("ends", [{"stop_after": 1.0}, {"max_time": 1.0}])
def test_a_wait_for_a_rate_ends_with_the_command(limits, ends):
    found, seconds, asked = waited([chat("[1, 2]")], calls=8, limits=limits, **ends)
    assert any(isinstance(one, list) for one in found)
    assert any(isinstance(one, Paused) for one in found)
    assert seconds < 10
    assert asked < 8


def test_a_wait_before_any_fault_is_known_ends_too():
    found, seconds, _ = waited([too_many("60s")], MODELS[1], calls=1, stop_after=0.5)
    assert isinstance(found[0], Paused)
    assert seconds < 10


def test_a_call_in_flight_is_awaited_after_the_stop():
    slow = Answer(body=chat("[1, 2]").body, delay=1.5)
    found, seconds, _ = waited([slow], stop_after=0.3)
    assert found[0][0].text == "[1, 2]"
    assert seconds >= 1.4


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_names_no_time_is_not_asked_without_a_pause(status):
    answer = Answer(status, {"error": {"message": "busy"}}, headers={"Retry-After": "0"})
    found = ask([answer] * 5 + [chat("[1, 2]")], attempts=6)
    assert found.reply.attempts == 6
    assert found.waits[0] == 0.0
    assert all(seconds >= 0.5 for seconds in found.waits[1:])


@pytest.mark.parametrize("model", MODELS)
def test_a_call_without_an_answer_in_time_is_late_and_may_have_been_billed(model):
    late = Answer(body={}, delay=2.0)
    found = ask([late], model, attempts=1, timeout=0.4, caps={"max_tokens": 10_000_000})
    assert "did not answer within 0.4 seconds" in found.error.message
    assert found.error.__cause__.late
    assert not found.error.__cause__.free
    assert found.budget.spent.tokens > 100  # as reserved


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", [408, 504, 524])
def test_a_gateway_that_waited_too_long_is_late_too(model, status):
    found = ask([Answer(status, {"error": {"message": "timeout"}})], model, attempts=1)
    assert found.error.__cause__.late
    assert not found.error.__cause__.free


def test_a_refused_parameter_before_a_fault_is_among_the_attempts():
    def answer(asked):
        if "seed" in asked.body:
            return Answer(400, {"error": {"message": "seed is not supported"}})
        return Answer(503, {"error": {"message": "busy"}})

    found = ask(answer, attempts=2)
    assert (found.error.attempts, len(found.asked)) == (3, 3)
    assert "(after 3 attempts)" in found.error.message


def test_each_of_them_is_told_of_where_the_reply_comes_in_the_end():
    answers = iter([503, 400, 503, 200])

    def answer(asked):
        status = next(answers)
        said = {400: "seed is not supported", 503: "busy"}
        if status == 200:
            return chat("[1, 2]")
        return Answer(status, {"error": {"message": said[status]}})

    found = ask(answer, attempts=9)
    assert (found.reply.attempts, len(found.reply.troubles)) == (4, 3)
    assert ["busy" in said for said in found.reply.troubles] == [True, False, True]


def test_a_server_that_refuses_everything_one_after_the_other_counts_every_call():
    turns = iter(range(1000))

    def answer(asked):
        name = [n for n in asked.body if n in ("seed", "temperature", "response_format")]
        if name:
            return Answer(400, {"error": {"message": f"{name[0]} is not supported"}})
        return Answer(400, {"error": {"message": f"no, {next(turns)}"}})

    found = ask(answer, attempts=1)
    assert isinstance(found.error, LLMError)
    assert found.error.attempts == len(found.asked)
    assert found.budget.spent.calls == len(found.asked)
