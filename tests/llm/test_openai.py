"""The openai package against a server on the loopback interface, and against llama.cpp's own."""

from __future__ import annotations

import asyncio
import json

import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable, QuotaError, UsageError
from opro_cli.core.events import Usage
from opro_cli.core.model import ModelRequest, Request
from opro_cli.llm import choose_model
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.replies import read_reply
from opro_cli.problems.regression.linear import LinearSettings
from tests.loopback import Answer, Loopback, chat, solution

KEY = "sk-marker-key-0123456789"
LINEAR = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEM = LINEAR.build(LINEAR.targets[0], 0)


def request(form: str = "instruct", samples: int = 1, **changes) -> Request:
    prompt = FORMS[form].write(PROBLEM, [((20, 14), 1074396.9), ((14, 14), 42747.8)], 12824.0)
    fields = {
        "temperature": 1.0,
        "max_tokens": prompt.max_tokens or 4096,
        "schema": prompt.schema,
        "grammar": prompt.grammar,
        "stop": prompt.stop,
        "seed": 5,
    }
    return Request(prompt.text, samples, 1, **(fields | changes))


def ask(answers, made=None, attempts=3, timeout=20.0, times=1):
    """(replies of the last time, server) through the real client."""
    server = Loopback(answers)

    async def run(url):
        env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url + "/v1"}
        limits = LimitSettings(attempts=attempts, timeout=timeout)
        models = ModelPool(env, Limiter(limits), Budget(BudgetSettings()))
        models.limiter.sleep = lambda seconds: asyncio.sleep(0)
        models.limiter.quiet = lambda seconds: None
        try:
            llm = models.open(choose_model(ModelRequest("openai:gpt"), env))
            for _ in range(times):
                replies = await llm.sample(made or request())
            return replies
        finally:
            await models.close()

    with server.serving() as url:
        try:
            return asyncio.run(run(url)), server
        except LLMError as error:
            error.server = server
            raise


def test_a_good_reply_comes_with_tokens_and_the_served_model():
    usage = {
        "prompt_tokens": 90,
        "completion_tokens": 40,
        "total_tokens": 130,
        "completion_tokens_details": {"reasoning_tokens": 12},
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    (reply,), server = ask([chat(solution(15, 14), model="gpt-served", usage=usage)])
    assert read_reply(reply, "instruct", PROBLEM.space) == [(15, 14)]
    assert (reply.finish, reply.model) == ("stop", "gpt-served")
    assert reply.usage == Usage(input=90, output=40, thinking=12, cached=64)
    body = server.asked[0].body
    assert server.asked[0].path == "/v1/chat/completions"
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["reasoning", "solution"]
    assert body["temperature"] == 1.0
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_system_message_comes_before_the_prompt():
    made = request(system="Be brief.")
    _, server = ask([chat(solution(1, 2))], made)
    first, second = server.asked[0].body["messages"]
    assert first == {"role": "system", "content": "Be brief."}
    assert second == {"role": "user", "content": made.prompt}


def refusal(message: str, status: int = 400, **fields) -> Answer:
    return Answer(
        status, {"error": {"message": message, "type": "invalid_request_error", **fields}}
    )


def test_a_server_without_schemas_is_asked_without_and_read_forgivingly():
    def answer(asked):
        if "response_format" in asked.body:
            return refusal("response_format of type json_schema is not supported")
        return chat("The values fall with w.\n\nMy proposal is [15, 14].")

    (reply,), server = ask(answer, times=3)
    assert read_reply(reply, "instruct", PROBLEM.space) == [(15, 14)]
    forms = [a.body.get("response_format", {}).get("type") for a in server.asked]
    assert forms == ["json_schema", "json_object", None, None, None]


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503])
def test_passing_faults_are_retried(status):
    (reply,), server = ask([refusal("busy", status), chat(solution(1, 2))])
    assert reply.attempts == 2 == len(server.asked)
    assert str(status) in reply.troubles[0]


@pytest.mark.parametrize(
    "answer",
    [Answer(hang=True), Answer(200, b"<html>proxy</html>", "text/html"), Answer(body=b"{")],
)
def test_broken_answers_are_retried(answer):
    (reply,), _ = ask([answer, chat(solution(1, 2))])
    assert reply.attempts == 2


def test_a_429_waits_as_long_as_the_header_says():
    waits = []
    server = Loopback(
        [
            Answer(429, {"error": {"message": "slow down"}}, headers={"retry-after": "7"}),
            chat(solution(1, 2)),
        ]
    )

    async def run(url):
        env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url}
        models = ModelPool(env, Limiter(LimitSettings()), Budget(BudgetSettings()))
        models.limiter.quiet = waits.append
        llm = models.open(choose_model(ModelRequest("openai:gpt"), env))
        replies = await llm.sample(request())
        await models.close()
        return replies

    with server.serving() as url:
        assert asyncio.run(run(url))[0].attempts == 2
    assert waits == [7.0]


def test_a_spent_account_is_a_quota():
    from opro_cli.core.errors import Paused

    spent = refusal("You exceeded your current quota", 429, code="insufficient_quota")
    with pytest.raises(Paused) as caught:
        ask([spent])
    assert caught.value.reason == "quota"
    assert isinstance(caught.value.__cause__, QuotaError)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(f"Incorrect API key provided: {KEY}", 401), "the API key was not accepted"),
        (refusal("model gpt does not exist", 404), "404"),
        (refusal("nonsense", 422), "422"),
        (Answer(302, {}, headers={"Location": "http://127.0.0.1:9/"}), "a redirect"),
    ],
)
def test_lasting_faults_are_said_at_once_without_the_key(answer, said):
    with pytest.raises(LLMError, match=said) as caught:
        ask([answer])
    assert KEY not in caught.value.message + caught.value.hint
    assert len(caught.value.server.asked) == 1


def test_a_reply_that_does_not_come_is_given_up_on():
    with pytest.raises(LLMError, match="did not answer within"):
        ask([Answer(body={}, delay=20)], timeout=0.3, attempts=1)


@pytest.mark.parametrize(
    ("answer", "finish"),
    [
        (chat(None, refusal="I will not"), "blocked"),
        (chat("", finish="content_filter"), "blocked"),
        (chat('{"reasoning": "so', finish="length"), "length"),
        (chat(""), "empty"),
        (Answer(body={**chat("x").body, "choices": []}), "empty"),
        (chat("[1, 2]", finish="some_future_reason"), "some_future_reason"),
    ],
)
def test_a_reply_without_a_solution_is_a_reply(answer, finish):
    (reply,), server = ask([answer])
    assert reply.finish == finish
    assert len(server.asked) == 1


def test_a_list_goes_to_the_completions_endpoint():
    body = {
        "id": "c",
        "object": "text_completion",
        "created": 0,
        "model": "base",
        "choices": [{"index": 0, "text": "15, b=14", "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 8, "total_tokens": 58},
    }
    (reply,), server = ask([Answer(body=body)], request("list"))
    assert read_reply(reply, "list", PROBLEM.space) == [(15, 14)]
    assert server.asked[0].path == "/v1/completions"
    assert server.asked[0].body["stop"] == ["\n"]
    assert server.asked[0].body["grammar"].startswith("root ::=")


@pytest.mark.parametrize(
    ("env", "url", "said"),
    [
        ({}, None, "needs an API key"),
        ({}, "http://user:secret@host/v1", "holds credentials"),
        ({}, "https://host/v1?key=secret", "holds credentials"),
        ({}, "localhost:8080", "no address"),
        ({}, "ftp://host", "no address"),
    ],
)
def test_what_cannot_work_is_said_before_the_start(env, url, said):
    with pytest.raises(UsageError, match=said) as caught:
        choose_model(ModelRequest("openai:gpt", base_url=url), env)
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_server_of_ones_own_needs_no_key():
    assert (
        choose_model(ModelRequest("openai:gpt", base_url="http://localhost:1/v1"), {}).price is None
    )


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.openai.provider.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(ModelRequest("openai:gpt"), {"OPENAI_API_KEY": "k"})
    assert "opro-cli[openai]" in caught.value.hint


@pytest.fixture(scope="module")
def llama_server():
    """llama.cpp's own HTTP server, serving the embedded model."""
    import xllamacpp

    from opro_cli.llm.local.model import _own_signals, _quiet
    from opro_cli.llm.local.model_file import model_file

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file("local")[0])
    params.n_parallel, params.n_ctx, params.verbosity = 4, 8192, -1
    params.warmup = params.fit_params = False
    with _quiet(), _own_signals():
        server = xllamacpp.Server(params)
    yield server.listening_address
    with _quiet():
        del server


@pytest.mark.model
@pytest.mark.parametrize(("form", "name"), [("instruct", "openai"), ("list", "llamacpp")])
def test_a_run_on_llama_cpps_own_server(opro, llama_server, form, name, monkeypatch):
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", f"{llama_server}/v1")
    done = opro(
        "run-opro",
        "--model",
        f"{name}:gemma-3-270m",
        "--target",
        "w=16,b=10",
        "--points-per-step",
        "2",
        "--max-steps",
        "1",
        "--set",
        f"opro.metaprompt={form}",
        "--strategy",
        "paper",
        "--set",
        "opro.max_output_tokens=24",
        "--json",
    )
    assert done.exit_code == 0, done.stderr
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert line["steps"] >= 1
    assert line["calls"] == 2 * line["steps"]
    assert line["tokens"]["input"] > 100
    assert 0 < line["tokens"]["output"] <= 24 * line["calls"]
    # Nobody knows what a server with OpenAI's protocol costs; one of one's own costs nothing.
    assert line["cost"] == {"openai": None, "llamacpp": 0.0}[name]
    if form == "list":
        assert line["distinct_pairs"] > 5
