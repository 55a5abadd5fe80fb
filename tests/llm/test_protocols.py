"""Anthropic's protocol and Amazon Bedrock's, through pydantic-ai and the vendors' own clients."""

from __future__ import annotations

import json

import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable, Paused, TransientError
from opro_cli.core.events import Usage
from opro_cli.core.model import ModelRequest
from opro_cli.llm import choose_model, secret_names
from opro_cli.optimizers.opro.replies import read_reply
from opro_cli.problems.regression.linear import LinearSettings
from tests.asking import KEY, ask
from tests.loopback import Answer, claude, converse, solution

pytest.importorskip("pydantic_ai", reason="the extra `providers` is not installed")

CLAUDE, BEDROCK = "anthropic:claude-haiku-4-5", "bedrock:us.anthropic.claude-haiku-4-5-v1:0"
GOOD = {CLAUDE: claude, BEDROCK: converse}
MODELS = pytest.mark.parametrize("model", GOOD)
LINEAR = LinearSettings(targets=[{"w": 15, "b": 14}])
SPACE = LINEAR.build(LINEAR.targets[0], 0).space


def said(message: str, kind: str = "invalid_request_error") -> dict:
    """An error that both protocols' readers find."""
    return {"type": "error", "error": {"type": kind, "message": message}, "message": message}


@MODELS
def test_a_good_reply_comes_with_tokens_thinking_and_the_served_model(model):
    found = ask([GOOD[model](solution(15, 14), thought="Hmm, let me see.")], model)
    reply = found.reply
    assert read_reply(reply, "instruct", SPACE) == [(15, 14)]
    assert (reply.finish, reply.attempts) == ("stop", 1)
    assert reply.usage == Usage(100, 25, 0, 30)  # cached tokens are a part of the input
    assert reply.beside == "Hmm, let me see."
    assert reply.model in ("claude-haiku-4-5-20251001", BEDROCK.partition(":")[2])
    assert not found.said


@MODELS
def test_the_request_has_prompt_limit_temperature_and_schema(model):
    made = {"system": "Be brief.", "temperature": 0.5}
    (asked,) = ask([GOOD[model]("[1]")], model, made=made).asked
    body = json.dumps(asked.body)
    assert "What is better?" in body
    assert "Be brief." in body
    assert "reasoning" in body
    config = asked.body if model == CLAUDE else asked.body["inferenceConfig"]
    assert config["temperature"] == 0.5
    assert config["max_tokens" if model == CLAUDE else "maxTokens"] == 100
    assert asked.path.partition("?")[0] == (
        "/v1/messages"
        if model == CLAUDE
        else "/model/us.anthropic.claude-haiku-4-5-v1%3A0/converse"
    )


@MODELS
def test_only_its_own_credentials_are_sent_and_as_a_header(model):
    (asked,) = ask([GOOD[model]("[1]")], model).asked
    if model == CLAUDE:
        assert asked.headers.pop("authorization") == f"Bearer {KEY}"
    else:
        assert "Credential=AKIAMARKER0123456789/" in asked.headers["authorization"]
    assert KEY not in str((asked.headers, asked.body, asked.path))


@MODELS
def test_the_user_passes_headers_and_more_on(model):
    field = {"metadata": {"user_id": "u"}} if model == CLAUDE else {"top_k": 5}
    (asked,) = ask(
        [GOOD[model]("[1]")], model, headers=(("X-One", "1"),), extra_body=json.dumps(field)
    ).asked
    assert asked.headers["x-one"] == "1"
    assert "user_id" in str(asked.body) or "top_k" in str(asked.body)


@MODELS
@pytest.mark.parametrize(
    ("finish", "ours"),
    [
        ("max_tokens", "length"),
        ("refusal", "blocked"),
        ("stop_sequence", "stop"),
        ("some_future_reason", "some_future_reason"),
    ],
)
def test_each_end_of_a_reply_has_our_word(model, finish, ours):
    found = ask([GOOD[model]("[1, 2]", finish=finish)], model)
    assert (found.reply.finish, found.reply.text) == (ours, "[1, 2]")
    assert len(found.asked) == 1


@MODELS
@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 529])
def test_passing_faults_are_retried_by_us_alone(model, status):
    found = ask([Answer(status, said("busy")), GOOD[model]("[1]")], model)
    assert found.reply.attempts == 2 == len(found.asked)
    assert f"{status}: busy" in found.reply.troubles[0]


@MODELS
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_server_names_is_kept(model, status):
    busy = Answer(status, said("slow down"), headers={"Retry-After": "7"})
    found = ask([busy, GOOD[model]("[1]")], model)
    assert found.waits[0] == 7.0
    assert found.reply.attempts == 2


@MODELS
@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang=True),
        Answer(200, b"<html>proxy</html>", "text/html"),
        Answer(body=b'{"content": ['),
        Answer(body=b""),
    ],
    ids=["hang", "page", "cut", "empty"],
)
def test_broken_answers_are_retried(model, answer):
    found = ask([answer, GOOD[model]("[1]")], model)
    assert found.reply.attempts == 2 == len(found.asked)


@MODELS
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, said(f"invalid {KEY}")), "the credentials were not accepted"),
        (Answer(403, said("no access to the model")), "the credentials were not accepted"),
        (Answer(404, said("no such model")), "404: no such model"),
        (Answer(400, said("max_tokens is too large")), "400: max_tokens is too large"),
        (Answer(302, {}, headers={"Location": "http://127.0.0.1:9/"}), "a redirect"),
    ],
    ids=["401", "403", "404", "400", "302"],
)
def test_lasting_faults_are_said_at_once_in_the_servers_words_without_the_key(model, answer, words):
    found = ask([answer], model, caps={"max_tokens": 10_000})
    assert words in found.error.message
    assert KEY not in found.error.message + found.error.hint + str(found.error.__cause__)
    assert len(found.asked) == 1
    assert found.budget.spent.tokens == 0


@MODELS
def test_a_spent_account_pauses_the_command(model):
    with pytest.raises(Paused) as caught:
        ask([Answer(400, said("Your credit balance is too low to use the API"))], model)
    assert caught.value.reason == "quota"


@MODELS
def test_a_paid_reply_is_kept_whatever_its_form(model):
    odd = [
        {**GOOD[model]("[1, 2]").body, "usage": "many"},
        {**GOOD[model]("[1, 2]").body, "id": 5, "type": None, "metrics": []},
        {k: v for k, v in GOOD[model]("[1, 2]").body.items() if "stop" not in k},
    ]
    for body in odd:
        found = ask([Answer(body=body)], model)
        assert found.reply.text == "[1, 2]"
        assert len(found.asked) == 1
    nothing = ask([Answer(body={"content": [], "output": {"message": {"content": []}}})], model)
    assert (nothing.reply.text, nothing.reply.usage) == ("", None)
    listed = ask([Answer(body=["[1, 2]"])], model)
    assert "[1, 2]" in listed.reply.detail


@MODELS
def test_an_error_inside_a_200_is_an_error(model):
    found = ask([Answer(body={"error": {"message": "overloaded", "code": 503}})], model, attempts=1)
    assert isinstance(found.error.__cause__, TransientError)
    assert "503: overloaded" in found.error.message


@MODELS
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("temperature", "`temperature` is deprecated for this model."),
        ("schema", "output_config.format: structured outputs are not supported by this model"),
    ],
)
def test_what_the_server_refuses_is_left_out_from_then_on(model, name, words):
    def answer(asked):
        held = "reasoning" if name == "schema" else "temperature"
        if held in json.dumps(asked.body):
            return Answer(400, said(words))
        return GOOD[model]("[1, 2]")

    found = ask(answer, model, times=2)
    assert found.error is None
    assert len(found.asked) == 3
    assert found.replies[0].attempts == 2
    assert len(found.said) == 1


@MODELS
def test_a_reply_that_does_not_come_is_given_up_on(model):
    caps = {"max_tokens": 10_000}
    found = ask([Answer(body={}, delay=9)], model, attempts=1, timeout=0.5, caps=caps)
    assert "did not answer within 0.5 seconds" in found.error.message
    assert found.error.__cause__.late
    assert found.budget.spent.tokens > 100  # it may have been billed


@MODELS
def test_a_server_that_is_not_there_took_nothing(model, monkeypatch):
    from contextlib import nullcontext

    from tests.loopback import Loopback

    monkeypatch.setattr(Loopback, "serving", lambda self: nullcontext("http://127.0.0.1:1"))
    found = ask([], model, attempts=1, caps={"max_tokens": 10_000})
    assert "The connection to" in found.error.message
    assert found.budget.spent.tokens == 0


def test_an_answer_without_an_end_is_cut_off(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.http.MOST_BYTES", 1000)
    found = ask([claude("x" * 5000)], CLAUDE)
    assert found.reply.text == ""
    assert "larger than" in found.reply.detail


def test_a_token_of_aws_is_never_sent_in_clear(monkeypatch):
    """It is sent as it is, unlike a pair of keys, so botocore wants a server with TLS."""
    monkeypatch.setattr("opro_cli.llm.protocols.bedrock.PAIR", ("NO_ID", "NO_SECRET"))
    monkeypatch.setattr("opro_cli.llm.protocols.bedrock.TOKEN", "OPENAI_API_KEY")
    found = ask([converse("[1]")], BEDROCK)
    assert "Bearer authorization requires an HTTPS endpoint" in found.error.message
    assert not found.asked


def test_a_pair_of_aws_keys_signs_and_is_never_sent_or_shown(monkeypatch):
    import asyncio

    from opro_cli.core.model import Request
    from opro_cli.llm.budget import Budget, BudgetSettings
    from opro_cli.llm.limiter import Limiter, LimitSettings
    from opro_cli.llm.model_pool import ModelPool
    from tests.asking import BEDROCK_URL
    from tests.loopback import Loopback

    secret, said_ = "marker-secret-access-key-0123456789", []
    server = Loopback([Answer(403, said(f"The security token {secret} is invalid"))])

    async def run(url):
        env = {"AWS_ACCESS_KEY_ID": "AKIAMARKER0123456789", "AWS_SECRET_ACCESS_KEY": secret}
        env |= {"AWS_SESSION_TOKEN": "marker-session", "AWS_REGION": "eu-west-1", BEDROCK_URL: url}
        pool = ModelPool(env, Limiter(LimitSettings()), Budget(BudgetSettings()), said_.append)
        try:
            await pool.open(choose_model(ModelRequest(BEDROCK), env)).sample(Request("?", 1, 1))
        finally:
            await pool.close()

    with server.serving() as url, pytest.raises(LLMError) as caught:
        asyncio.run(run(url))
    assert secret not in repr((caught.value, caught.value.hint, said_))
    (asked,) = server.asked
    assert "Credential=AKIAMARKER0123456789/" in asked.headers["authorization"]
    assert "/eu-west-1/bedrock/" in asked.headers["authorization"]
    assert secret not in str((asked.headers, asked.body, asked.path))


def test_every_variable_with_credentials_is_redacted():
    assert {
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    } <= set(secret_names())


@pytest.mark.parametrize(
    ("name", "env", "words"),
    [
        (CLAUDE, {}, "put ANTHROPIC_API_KEY=… into .env"),
        (BEDROCK, {"HOME": "/nowhere"}, "put AWS_BEARER_TOKEN_BEDROCK=… into .env"),
        (BEDROCK, {"AWS_BEARER_TOKEN_BEDROCK": "k"}, "set AWS_REGION"),
        (
            BEDROCK,
            {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "evil.example/#"},
            "check AWS_REGION",
        ),
    ],
)
def test_what_cannot_work_is_said_before_the_start(name, env, words, monkeypatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(ModelRequest(name), env)
    assert words in caught.value.hint


@MODELS
def test_an_unknown_amount_of_thinking_is_refused(model):
    env = {"ANTHROPIC_API_KEY": "k", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "us-east-1"}
    with pytest.raises(ModelUnavailable, match="reasoning_effort 'much'"):
        choose_model(ModelRequest(model, reasoning_effort="much"), env)


@MODELS
def test_without_the_packages_the_extra_is_named(model, monkeypatch):
    monkeypatch.setattr("opro_cli.llm.protocols.checks.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(ModelRequest(model), {"ANTHROPIC_API_KEY": "k"})
    assert caught.value.hint == "pip install 'opro-cli[providers]'"


@pytest.mark.parametrize(
    ("model", "variable", "key"),
    [
        (CLAUDE, "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
        (CLAUDE, "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"),
        (BEDROCK, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_BEARER_TOKEN_BEDROCK"),
    ],
)
def test_credentials_go_to_no_server_that_a_folder_names(model, variable, key):
    class Env(dict):
        named = frozenset()

        def source(self, name):
            return f"environment {name}" if name == key else f".env {name}"

    env = Env({"ANTHROPIC_API_KEY": "k", "AWS_REGION": "us-east-1", variable: "https://x.example"})
    env[key] = "marker-key-0123456789"
    with pytest.raises(ModelUnavailable, match="is not sent to"):
        choose_model(ModelRequest(model), env)
