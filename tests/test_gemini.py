"""google-genai itself against a server on the loopback interface."""

from __future__ import annotations

import asyncio
import json

import pytest

from opro_cli.errors import LLMError, TransientError
from opro_cli.events import Usage
from opro_cli.llm.base import Request
from opro_cli.llm.gemini import Gemini
from opro_cli.llm.retry import Retry
from opro_cli.metaprompt import FORMS
from opro_cli.problems.linear import LinearSettings
from tests.loopback import Answer, Loopback, error, gemini, solution, too_many

KEY = "AIzaSyD-marker-key-0123456789"


class Waits:
    """Instead of sleeping."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def request(samples: int = 1, **changes) -> Request:
    settings = LinearSettings(targets=[{"w": 15, "b": 14}])
    problem = settings.build(settings.targets[0], 0)
    prompt = FORMS["instruct"].write(problem, [((14, 14), 42747.8)], None)
    fields = {"temperature": 1.0, "max_tokens": prompt.max_tokens, "schema": prompt.schema}
    return Request(prompt.text, samples, 1, **(fields | changes))


def ask(answers, *, model="gemini-3.5-flash-lite", attempts=6, timeout=30.0, made=None):
    """(replies, server, waits) of one request through client and retries."""
    server, waits = Loopback(answers), Waits()

    async def run(url):
        llm = Retry(Gemini(model, KEY, base_url=url, timeout=timeout), attempts, waits)
        try:
            return await llm.sample(made or request())
        finally:
            await llm.close()

    with server.serving() as url:
        try:
            replies = asyncio.run(run(url))
        except LLMError as failed:
            failed.server, failed.waits = server, waits
            raise
    return replies, server, waits


def test_a_good_reply_comes_with_tokens_and_the_served_model():
    (reply,), server, waits = ask([gemini(solution(15, 14), model="gemini-9-served")])
    assert json.loads(reply.text)["solution"] == {"w": 15, "b": 14}
    assert (reply.finish, reply.model, reply.attempts) == ("stop", "gemini-9-served", 1)
    assert reply.usage == Usage(input=100, output=25, thinking=5)
    assert waits.asked == []
    assert server.asked[0].path == "/v1/models/gemini-3.5-flash-lite:generateContent"


def test_the_request_asks_for_structured_json_with_reasoning_first():
    _, server, _ = ask([gemini(solution(1, 2))])
    body = server.asked[0].body
    config = body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    schema = config["responseSchema"]
    ordering = schema.get("property_ordering") or schema.get("propertyOrdering")
    assert ordering == ["reasoning", "solution"] == schema["required"]
    assert schema["properties"]["solution"]["properties"]["w"]["type"] == "INTEGER"
    assert "value: 42747" in body["contents"][0]["parts"][0]["text"]
    assert "temperature" not in config  # this model ignores it
    assert config["thinkingConfig"] == {"thinking_level": "MINIMAL"}


def test_temperature_is_sent_to_models_that_honour_it():
    _, server, _ = ask([gemini(solution(1, 2))], model="gemini-2.5-flash")
    config = server.asked[0].body["generationConfig"]
    assert config["temperature"] == 1.0
    assert config["thinkingConfig"] in ({"thinking_budget": 0}, {"thinkingBudget": 0})


def test_the_key_travels_as_a_header_only():
    _, server, _ = ask([gemini(solution(1, 2))])
    asked = server.asked[0]
    assert {k.lower(): v for k, v in asked.headers.items()}["x-goog-api-key"] == KEY
    assert KEY not in asked.path
    assert KEY not in json.dumps(asked.body)


def test_a_429_is_waited_out_as_long_as_the_server_says():
    answers = [too_many("37.5s"), too_many("0.2s"), gemini(solution(1, 2))]
    (reply,), server, waits = ask(answers)
    assert reply.attempts == 3 == len(server.asked)
    assert 37.5 <= waits.asked[0] <= 38.5
    assert 0.2 <= waits.asked[1] <= 1.2


def test_a_429_for_the_day_is_not_waited_out():
    answers = [too_many("37s", quota="GenerateRequestsPerDayPerProjectPerModel-FreeTier")]
    with pytest.raises(LLMError, match="429") as caught:
        ask(answers)
    assert caught.value.waits.asked == []
    assert "day's quota" in caught.value.hint


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
def test_passing_faults_are_retried_with_a_growing_wait(code):
    fault = error(code, "UNAVAILABLE", "The model is overloaded.")
    (reply,), _, waits = ask([fault, fault, fault, gemini(solution(1, 2))])
    assert reply.attempts == 4
    assert waits.asked[0] <= 1 < waits.asked[2]


def test_retries_are_bounded():
    with pytest.raises(LLMError, match=r"503: .*\(after 3 attempts\)") as caught:
        ask([error(503, "UNAVAILABLE", "The model is overloaded.")], attempts=3)
    assert len(caught.value.server.asked) == 3
    assert not isinstance(caught.value, TransientError)


def test_a_page_instead_of_json_is_a_passing_fault():
    page = Answer(200, b"<html>proxy</html>", "text/html")
    (reply,), _, _ = ask([page, gemini(solution(1, 2))])
    assert reply.attempts == 2


def test_a_closed_connection_is_a_passing_fault():
    (reply,), _, _ = ask([Answer(hang=True), gemini(solution(1, 2))])
    assert reply.attempts == 2


def test_a_reply_that_does_not_come_is_given_up_on():
    with pytest.raises(LLMError, match=r"did not answer within|connection .* failed"):
        ask([Answer(body={}, delay=20)], timeout=0.3, attempts=1)


@pytest.mark.parametrize(
    ("answer", "finish", "detail"),
    [
        (Answer(body={"promptFeedback": {"blockReason": "SAFETY"}}), "blocked", "prompt: SAFETY"),
        (gemini(None, finish="SAFETY"), "blocked", "SAFETY"),
        (gemini(None, finish="RECITATION"), "blocked", "RECITATION"),
        (gemini(None, finish="MAX_TOKENS"), "length", "all output tokens went into thinking"),
        (gemini('{"reasoning": "so', finish="MAX_TOKENS"), "length", ""),
        (Answer(body={"candidates": []}), "empty", "no candidates"),
        (Answer(body={}), "empty", "no candidates"),
        (gemini(None), "empty", ""),
        (gemini("[1, 2]", finish="SOME_FUTURE_REASON"), "some_future_reason", ""),
    ],
)
def test_a_reply_without_a_solution_is_a_reply(answer, finish, detail):
    (reply,), server, _ = ask([answer])
    assert (reply.finish, reply.detail) == (finish, detail)
    assert len(server.asked) == 1


def test_thoughts_are_no_part_of_the_text():
    (reply,), _, _ = ask([gemini("[1, 2]", thought="maybe [9, 9]")])
    assert reply.text == "[1, 2]"


def test_an_invalid_key_is_said_without_showing_it():
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    refused = error(400, "INVALID_ARGUMENT", f"API key not valid: {KEY}", details)
    with pytest.raises(LLMError, match="API key was not accepted") as caught:
        ask([refused])
    assert KEY not in caught.value.message + caught.value.hint
    assert len(caught.value.server.asked) == 1


def test_an_unknown_model_names_one_that_exists():
    missing = error(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1")
    with pytest.raises(LLMError, match="404") as caught:
        ask([missing], model="gemini-9")
    assert "gemini-3.5-flash-lite" in caught.value.hint
    assert len(caught.value.server.asked) == 1


def test_a_redirect_is_not_followed():
    elsewhere = Answer(302, {}, headers={"Location": "http://127.0.0.1:9/"})
    with pytest.raises(LLMError):
        ask([elsewhere], attempts=1)


def test_vertex_in_the_environment_changes_nothing(monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    _, server, _ = ask([gemini(solution(1, 2))])
    asked = server.asked[0]
    assert asked.path.startswith("/v1/models/")
    assert {k.lower(): v for k, v in asked.headers.items()}["x-goog-api-key"] == KEY


def test_a_steps_samples_are_in_flight_together():
    import threading

    from opro_cli.recorder import Recorder

    together = threading.Barrier(8, timeout=20)

    def answer(asked):
        together.wait()  # no reply before eight requests are here
        return gemini(solution(1, 2))

    class Unlocked(Loopback):
        def _next(self, asked):
            self.asked.append(asked)
            return answer(asked)

    server = Unlocked([])

    async def run(url):
        llm = Gemini("gemini-3.5-flash-lite", KEY, base_url=url)
        try:
            return await Recorder(llm, lambda event: None).sample(request(samples=8))
        finally:
            await llm.close()

    with server.serving() as url:
        assert len(asyncio.run(run(url))) == 8
