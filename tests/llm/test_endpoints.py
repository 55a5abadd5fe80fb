"""The table of endpoints: each is asked in its own ways, and gets its own key and no other."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable, UsageError
from opro_cli.core.events import Usage
from opro_cli.core.model import FREE, ModelRequest, Request
from opro_cli.llm import PROVIDERS, choose_model, secret_names
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.openai.endpoints import SCHEMAS, endpoint_at, endpoints
from tests.asking import SCHEMA
from tests.loopback import Answer, Loopback, chat

NAMES = sorted(endpoints())
KEYS = {e.key: f"marker-key-of-{name}" for name, e in endpoints().items() if e.key}


def ask(name: str, answers, model="m", env=None, limits=None, **asked):
    """(replies, server, what was said) of an endpoint whose address names a loopback server."""
    server, said = Loopback(answers), []

    async def run(url: str):
        found = {**KEYS, endpoints()[name].variable: f"{url}/v1", **(env or {})}
        pool = ModelPool(
            found, Limiter(LimitSettings(**(limits or {}))), Budget(BudgetSettings()), said.append
        )
        pool.limiter.sleep = lambda seconds: asyncio.sleep(0)
        try:
            request = Request("?", 1, 1, temperature=1.0, seed=5, schema=SCHEMA, max_tokens=100)
            choice = choose_model(ModelRequest(f"{name}:{model}", **asked), found)
            return await pool.open(choice).sample(request)
        finally:
            await pool.close()

    with server.serving() as url:
        return asyncio.run(run(url)), server, said


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_whole(name):
    row = endpoints()[name]
    assert re.fullmatch("[a-z-]+", name)
    assert row.title
    assert row.source
    assert isinstance(row.read, date)
    assert row.schema in SCHEMAS
    parts = urlsplit(row.url)
    assert parts.scheme == ("http" if row.local else "https")
    assert not parts.query
    assert row.local or row.key
    assert row.key in ("", *secret_names())
    assert endpoint_at(row.url) is row


def test_two_endpoints_share_neither_key_nor_variable():
    for field in ("key", "variable", "url"):
        values = [getattr(row, field) for row in endpoints().values()]
        values = [value for value in values if value]
        assert len(values) == len(set(values)), field


@pytest.mark.parametrize("name", NAMES)
def test_an_endpoint_gets_its_own_key_and_no_other(name):
    (reply,), server, _ = ask(name, [chat("[1, 2]", model="m")])
    assert (reply.finish, reply.usage) == ("stop", Usage(100, 25))
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    key = endpoints()[name].key
    assert asked.headers["authorization"] == f"Bearer {KEYS.get(key, 'none')}"
    sent = str((asked.headers, asked.body, asked.path))
    assert not [other for other in KEYS if other != key and KEYS[other] in sent]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_an_endpoint_sends_back_is_shown_nowhere(name):
    if not endpoints()[name].key:
        pytest.skip("it has no key")
    key = KEYS[endpoints()[name].key]
    (reply,), _, said = ask(name, [Answer(503, {"error": {"message": key}}), chat(key, model=key)])
    assert key not in repr((reply, said))
    with pytest.raises(Exception) as caught:
        ask(name, [Answer(401, {"error": {"message": f"wrong key {key}"}})])
    assert "401" in str(caught.value)
    assert key not in repr(caught.value) + caught.value.hint
    assert "OPENAI" not in caught.value.hint or name == "openai"


@pytest.mark.parametrize("name", NAMES)
def test_the_key_goes_to_no_server_that_a_folder_names(name):
    row = endpoints()[name]
    if not row.key:
        pytest.skip("it has no key")

    class Env(dict):
        named = frozenset()

        def source(self, key):
            return f".env {key}" if key == row.variable else f"environment {key}"

    env = Env({row.key: KEYS[row.key], row.variable: "https://stranger.example/v1"})
    with pytest.raises(ModelUnavailable, match="is not sent to") as caught:
        choose_model(ModelRequest(f"{name}:m"), env)
    assert KEYS[row.key] not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_key_a_hosted_endpoint_says_which_one_it_needs(name):
    row = endpoints()[name]
    if row.local:
        assert choose_model(ModelRequest(f"{name}:m"), {}).price == FREE
        return
    with pytest.raises(ModelUnavailable, match="needs an API key") as caught:
        choose_model(ModelRequest(f"{name}:m"), {"OPENAI_API_KEY_": "k"})
    assert f"put {row.key}=… into .env" in caught.value.hint


def test_a_local_server_is_free_on_this_machine_only():
    def price(name, **env):
        return choose_model(ModelRequest(name), env).price

    assert price("ollama:qwen3:4b") == FREE
    assert price("ollama:gpt-oss:120b-cloud") is None
    assert price("ollama:qwen3:4b", OLLAMA_BASE_URL="http://[::1]:1/v1") == FREE
    assert price("ollama:qwen3:4b", OLLAMA_BASE_URL="http://10.0.0.9:11434/v1") is None
    assert price("ollama-cloud:qwen3", OLLAMA_API_KEY="k") is None


def body(name: str, url: str):
    """The body that goes to an address, as the client makes it."""
    from opro_cli.llm.openai.client import OpenAIClient, OpenAIModel

    client = OpenAIClient(LimitSettings(), url)
    model = OpenAIModel("m", client)
    request = Request("?", 1, 1, temperature=1.0, seed=5, schema=SCHEMA, max_tokens=100)
    made = model._named(model._body(request, model._shape.copy()))
    asyncio.run(client.close())
    return made


@pytest.mark.parametrize(
    ("name", "seed", "limit", "form"),
    [
        ("openai", None, "max_completion_tokens", "json_schema"),
        ("groq", "seed", "max_tokens", "json_schema"),
        ("mistral", "random_seed", "max_tokens", "json_schema"),
        ("deepseek", None, "max_tokens", "json_object"),
        ("cerebras", "seed", "max_completion_tokens", "json_schema"),
        ("ollama", "seed", "max_tokens", "json_schema"),
    ],
)
def test_a_request_has_the_words_of_its_server_from_the_first_call_on(name, seed, limit, form):
    made = body(name, endpoints()[name].url)
    assert made[limit] == 100
    assert made["response_format"]["type"] == form
    seeds = {key: value for key, value in made.items() if "seed" in key}
    assert seeds == ({seed: 5} if seed else {})
    assert not {"n", "logprobs", "top_logprobs", "logit_bias"} & set(made)


def test_the_ways_of_a_server_go_with_its_address_not_with_the_name():
    assert "random_seed" in body("openai", "https://api.mistral.ai/v1")
    unknown = body("mistral", "https://proxy.example/v1")
    assert (unknown["seed"], unknown["max_tokens"]) == (5, 100)


def test_a_refused_seed_is_left_out_under_its_own_name_too():
    def answer(asked):
        if "random_seed" in asked.body:
            said = {"detail": [{"loc": ["body", "random_seed"], "msg": "Extra inputs"}]}
            return Answer(422, said)
        return chat("[1, 2]", model="m")

    from opro_cli.llm.openai import client
    from opro_cli.llm.openai import endpoints as module

    real = module.endpoint_at

    def mistral(url):
        return endpoints()["mistral"] if "127.0.0.1" in url else real(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "endpoint_at", mistral)
        (reply,), server, _ = ask("mistral", answer)
    assert reply.attempts == 2
    assert ["random_seed" in asked.body for asked in server.asked] == [True, False]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("grok:llama", "groq:llama"), ("olama:qwen3:4b", "ollama:qwen3:4b"), ("xia:m", "xai:m")],
)
def test_a_misspelt_endpoint_is_corrected_with_the_model(typed, meant):
    with pytest.raises(UsageError) as caught:
        choose_model(ModelRequest(typed), {})
    assert meant in caught.value.hint


def test_auto_names_the_servers_for_which_there_is_a_key(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: False)
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(ModelRequest("auto"), {"GROQ_API_KEY": "k", "OPENAI_API_KEY": "a key"})
    assert caught.value.hint.startswith(
        "--model openai:MODEL (OPENAI_API_KEY is set), or --model groq:MODEL (GROQ_API_KEY is set)"
    )
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: True)
    notices = choose_model(ModelRequest("auto"), {"GROQ_API_KEY": "k"}).notices
    assert notices[1] == "A hosted model has to be named: --model groq:MODEL (GROQ_API_KEY is set)."


def test_a_local_server_that_does_not_run_is_asked_after():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{found.getsockname()[1]}/v1"
    from opro_cli.llm.openai import client

    with pytest.MonkeyPatch.context() as patch, pytest.raises(LLMError) as caught:
        patch.setattr(client, "endpoint_at", lambda url: replace(endpoints()["ollama"], url=url))
        ask("ollama", [], env={"OLLAMA_BASE_URL": closed}, limits={"attempts": 1})
    assert caught.value.hint == f"is Ollama running at {closed}?"


def test_each_is_listed_with_its_key_and_its_address():
    listed = {one.prefix: one for one in PROVIDERS["openai"].listed({"GROQ_API_KEY": "k"})}
    assert sorted(listed) == sorted(f"{name}:" for name in NAMES)
    assert listed["groq:"].here
    assert not listed["mistral:"].here
    assert listed["ollama:"].local
    assert listed["groq:"].server == "https://api.groq.com/openai/v1"


def test_the_page_of_models_names_every_endpoint_with_its_key():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    for name, row in endpoints().items():
        if name != "openai":
            assert f"| `{name}:` | {row.title}" in page
            assert f"`{row.key}`" in page or not row.key


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("o3-mini", "openai:o3-mini"),
        ("mistral-small", "mistral:mistral-small"),
        ("deepseek-chat", "deepseek:deepseek-chat"),
        ("claude-haiku-4-5", "anthropic:claude-haiku-4-5"),
    ],
)
def test_a_model_without_its_server_is_answered_with_both(typed, meant):
    with pytest.raises(UsageError) as caught:
        choose_model(ModelRequest(typed), {})
    assert f"did you mean {meant}?" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("gemini-3.5-flash-lit", "did you mean gemini-3.5-flash-lite? Then: put GEMINI_API_KEY"),
        ("gemini-3.5-flash-lite", "put GEMINI_API_KEY"),
        ("gemini-9-flash", "put GEMINI_API_KEY"),
    ],
)
def test_a_misspelt_gemini_is_corrected_before_a_key_is_asked_for(typed, near):
    with pytest.raises(UsageError) as caught:
        choose_model(ModelRequest(typed), {})
    assert caught.value.hint.startswith(near)
