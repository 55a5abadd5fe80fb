"""google-genai itself against a server on the loopback interface."""

from __future__ import annotations

import asyncio
import json

import pytest

from opro_cli.core.errors import LLMError, QuotaError, TransientError
from opro_cli.core.events import Usage
from opro_cli.core.model import Request
from opro_cli.llm.gemini.client import GeminiModel, GoogleClient
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.retry import Retry
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.problems.regression.linear import LinearSettings
from tests.loopback import Answer, Loopback, error, gemini, solution, too_many

KEY = "AIzaSyD-marker-key-0123456789"


def request(samples: int = 1, **changes) -> Request:
    settings = LinearSettings(targets=[{"w": 15, "b": 14}])
    problem = settings.build(settings.targets[0], 0)
    prompt = FORMS["instruct"].write(problem, [((14, 14), 42747.8)], None)
    fields = {"temperature": 1.0, "max_tokens": prompt.max_tokens or 4096, "schema": prompt.schema}
    return Request(prompt.text, samples, 1, **(fields | changes))


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def ask(answers, *, model="gemini-3.5-flash-lite", attempts=6, timeout=30.0, made=None, n=1):
    """(replies, server, time) of one request through client and retries."""
    server, time = Loopback(answers), Time()
    limits = LimitSettings(attempts=attempts, timeout=timeout)

    async def run(url):
        client = GoogleClient(limits, key=KEY, base_url=url)
        llm = Retry(GeminiModel(model, client, n), Limiter(limits, time, time.sleep))
        try:
            return await llm.sample(made or request(n))
        finally:
            await client.close()

    with server.serving() as url:
        try:
            replies = asyncio.run(run(url))
        except LLMError as failed:
            failed.server, failed.time = server, time
            raise
    return replies, server, time


def test_a_good_reply_comes_with_tokens_and_the_served_model():
    (reply,), server, time = ask([gemini(solution(15, 14), model="gemini-9-served")])
    assert json.loads(reply.text)["solution"] == {"w": 15, "b": 14}
    assert (reply.finish, reply.model, reply.attempts) == ("stop", "gemini-9-served", 1)
    assert reply.usage == Usage(input=100, output=25, thinking=5)
    assert time.slept == []
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


def test_a_system_message_is_no_part_of_the_prompt():
    _, server, _ = ask([gemini(solution(1, 2))], made=request(system="Be brief."))
    body = server.asked[0].body
    assert body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert "Be brief" not in json.dumps(body["contents"])
    assert server.asked[0].path.startswith("/v1beta/models/")
    _, server, _ = ask([gemini(solution(1, 2))])
    assert "systemInstruction" not in server.asked[0].body


def test_the_key_travels_as_a_header_only():
    _, server, _ = ask([gemini(solution(1, 2))])
    asked = server.asked[0]
    assert asked.headers["x-goog-api-key"] == KEY
    assert KEY not in asked.path
    assert KEY not in json.dumps(asked.body)


def test_a_429_is_waited_out_as_long_as_the_server_says():
    answers = [too_many("37.5s"), too_many("0.2s"), gemini(solution(1, 2))]
    (reply,), server, time = ask(answers)
    assert reply.attempts == 3 == len(server.asked)
    assert 37.5 <= time.slept[0] <= 38.5
    assert 0.2 <= time.slept[1] <= 1.2
    assert len(reply.troubles) == 2
    assert "429" in reply.troubles[0]


def test_a_429_for_the_day_is_not_waited_out():
    answers = [too_many("37s", quota="GenerateRequestsPerDayPerProjectPerModel-FreeTier")]
    with pytest.raises(QuotaError, match=r"the day's quota is spent and is reset at") as caught:
        ask(answers)
    assert caught.value.time.slept == []
    assert len(caught.value.server.asked) == 1


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
def test_passing_faults_are_retried_with_a_growing_wait(code):
    fault = error(code, "UNAVAILABLE", "The model is overloaded.")
    (reply,), _, time = ask([fault, fault, fault, gemini(solution(1, 2))])
    assert reply.attempts == 4
    assert time.slept[0] <= 1 < time.slept[2]


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
    with pytest.raises(LLMError, match="credentials were not accepted") as caught:
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
    with pytest.raises(LLMError, match="a redirect, which is not followed"):
        ask([elsewhere])


def test_vertex_in_the_environment_changes_nothing(monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    _, server, _ = ask([gemini(solution(1, 2))])
    asked = server.asked[0]
    assert asked.path.startswith("/v1/models/")
    assert asked.headers["x-goog-api-key"] == KEY


def test_a_steps_samples_are_in_flight_together():
    import threading

    from opro_cli.core.sampler import Sampler

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
        client = GoogleClient(LimitSettings(), key=KEY, base_url=url)
        llm = GeminiModel("gemini-3.5-flash-lite", client)
        try:
            return await Sampler(llm, lambda event: None).sample(request(samples=8))
        finally:
            await client.close()

    with server.serving() as url:
        assert len(asyncio.run(run(url))) == 8


def test_vertex_is_asked_by_the_version_of_its_own(monkeypatch, tmp_path):
    """With a real login: the token of a file is exchanged for one of Google's."""

    def answer(asked):
        if asked.path != "/token":
            return gemini(solution(1, 2))
        kind = "urn:ietf:params:oauth:token-type:access_token"
        token = {"access_token": "from-the-loopback", "issued_token_type": kind}
        return Answer(body={**token, "token_type": "Bearer", "expires_in": 3600})

    server = Loopback(answer)

    async def run(url):
        (tmp_path / "subject").write_text("subject-token")
        login = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{url}/token",
            "credential_source": {"file": str(tmp_path / "subject")},
        }
        (tmp_path / "login.json").write_text(json.dumps(login))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "login.json"))
        client = GoogleClient(LimitSettings(), project="p", location="global", base_url=url)
        await GeminiModel("gemini-3.5-flash-lite", client).sample(request())
        await client.close()

    with server.serving() as url:
        asyncio.run(run(url))
    token, asked = server.asked
    assert "subject-token" in token.body
    assert asked.path.startswith("/v1beta1/projects/p/locations/global/")
    assert asked.headers["authorization"] == "Bearer from-the-loopback"
