"""Which model a name means, what a provider declares, and what all hosted models share."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from opro_cli.core.errors import LLMError, ModelUnavailable, UsageError
from opro_cli.core.events import Reply
from opro_cli.core.model import FREE, ModelRequest, Request
from opro_cli.llm import (
    PROVIDERS,
    choose_model,
    extra_versions,
    model_help,
    package_names,
    provider_of,
    secret_names,
)
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.provider import ModelChoice, Provider, hosted_choice, same_model
from opro_cli.llm.redaction import HIDDEN
from opro_cli.llm.retry import throttled
from tests.doubles import Scripted

SECRET = "a-secret-of-acme"


class Acme(Provider):
    """A provider of an installed package."""

    names = ("acme:",)
    help = "acme:…"
    keys = ("ACME_KEY",)
    packages = ("acme-sdk",)
    setup = "buy ACME_KEY"
    automatic_notice = "Acme it is."

    def __init__(self, answer) -> None:
        self._answer = answer

    def check(self, request, env):
        return hosted_choice(request)

    def open(self, choice, pool):
        return pool.hosted(Scripted(self._answer, name=choice.name), choice)

    def automatic(self, env):
        return "acme:big" if env.get("ACME_KEY") else ""


@pytest.fixture
def acme():
    """Register the provider with an answer to every request."""

    def add(answer=lambda request, sample: "[1, 2]"):
        PROVIDERS.add("acme", Acme(answer))

    yield add
    if "acme" in PROVIDERS:
        PROVIDERS.remove("acme")


def pool(env=None, notify=lambda text: None, **limits) -> ModelPool:
    return ModelPool(
        env or {}, Limiter(LimitSettings(**limits)), Budget(BudgetSettings()), notify=notify
    )


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("local", "local"),
        ("local:model.gguf", "local"),
        ("gemini-3.5-flash-lite", "gemini"),
        ("vertex:gemini-3.5-flash-lite", "gemini"),
        ("openai:gpt", "openai"),
        ("groq:llama", "openai"),
        ("ollama:qwen3:4b", "openai"),
        ("ollama-cloud:qwen3", "openai"),
    ],
)
def test_a_name_has_one_provider(name, provider):
    assert provider_of(name) is PROVIDERS[provider]
    assert [key for key in PROVIDERS if PROVIDERS[key].knows(name)] == [provider]


@pytest.mark.parametrize("name", ["locally", "gemini", "nonsense", ""])
def test_an_unknown_name_is_an_error_with_all_names(name):
    with pytest.raises(UsageError, match=f"no model '{name}'") as caught:
        choose_model(ModelRequest(name), {})
    assert caught.value.hint.endswith(
        "models: auto, local, local:NAME, local:PATH.gguf, gemini-…, vertex:…, openai:…, groq:…, "
        "ollama:… and others (opro models), anthropic:…, bedrock:…"
    )


def test_auto_is_gemini_with_a_key():
    choice = choose_model(ModelRequest("auto", samples=3), {"GEMINI_API_KEY": "k"})
    assert (choice.name, choice.ability, choice.hosted) == (
        "gemini-3.5-flash-lite",
        "instruct",
        True,
    )
    assert choice.request.samples == 3


def test_auto_is_the_local_model_without_a_key(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: True)
    choice = choose_model(ModelRequest("auto"), {})
    assert (choice.name, choice.ability, choice.price) == ("local", "continue", FREE)
    assert (choice.hosted, choice.shares_prompt, choice.concurrency) == (False, True, 1)
    assert choice.notices[0] == (
        "No Gemini API key found, so the model is the local one (Gemma 3 270M)."
    )


def test_auto_without_any_model_names_both_ways_out(monkeypatch, acme):
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: False)
    with pytest.raises(ModelUnavailable, match="no Gemini API key, and the local") as caught:
        choose_model(ModelRequest("auto"), {})
    assert caught.value.hint == ("put GEMINI_API_KEY=… into .env, or pip install 'opro-cli[local]'")
    acme()
    choice = choose_model(ModelRequest("auto"), {"ACME_KEY": SECRET})
    assert (choice.name, choice.notices) == ("acme:big", ("Acme it is.",))


def test_a_new_provider_is_in_the_help_and_in_the_provenance(acme):
    acme()
    assert model_help().endswith("anthropic:…, bedrock:…, acme:…")
    assert package_names()[-1] == "acme-sdk"
    ours = ("HF_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY")
    assert secret_names()[:5] == ours
    assert secret_names()[-1] == "ACME_KEY"
    assert extra_versions() == {"compact-model-recipe": "1"}


def test_no_text_of_a_new_providers_reply_or_error_holds_its_key(acme):
    def answer(request, sample):
        if request.step == 2:
            raise LLMError(f"no {SECRET}", f"not {SECRET}")
        texts = dict.fromkeys(("text", "finish", "model", "detail"), f"x {SECRET} y")
        return Reply(**texts, troubles=(SECRET,), attempts=2)

    acme(answer)

    async def ask(step):
        models = pool({"ACME_KEY": SECRET})
        model = models.open(choose_model(ModelRequest("acme:big"), {}))
        return (await model.sample(Request("?", 1, step)))[0]

    reply = asyncio.run(ask(1))
    assert SECRET not in repr(reply)
    assert reply.text == f"x {HIDDEN} y"
    with pytest.raises(LLMError) as caught:
        asyncio.run(ask(2))
    assert caught.value.message == f"no {HIDDEN}"
    assert SECRET not in repr(caught.value) + caught.value.hint


def test_a_model_is_opened_once(acme):
    acme()
    models = pool()
    first = models.open(choose_model(ModelRequest("acme:big"), {}))
    assert first is models.open(choose_model(ModelRequest("acme:big", samples=2), {}))
    assert first is models.open(choose_model(ModelRequest("acme:big", strict=True), {}))
    assert first is not models.open(choose_model(ModelRequest("acme:small"), {}))


def test_another_model_that_answers_is_reported_once_or_an_error():
    said = []
    models = pool(notify=said.append)
    on_reply = models.on_reply(hosted_choice(ModelRequest("openai:gpt")))
    for served in ("gpt", "gpt-2026-01-01", "other", "other", "third"):
        on_reply(Reply("", "stop", served))
    assert [text.partition(";")[0] for text in said] == [
        "gpt was asked for, and other has answered",
        "gpt was asked for, and third has answered",
    ]
    on_reply = models.on_reply(hosted_choice(ModelRequest("openai:gpt", strict=True)))
    on_reply(Reply("", "stop", "gpt"))
    with pytest.raises(LLMError, match="other has answered"):
        on_reply(Reply("", "stop", "other"))
    local = ModelChoice(ModelRequest("local"), "continue", 1, FREE)
    assert models.on_reply(local) is None


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("openai/gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "openai/gpt-4o", True),
        ("vendor/Model-X", "model-x", True),
        ("accounts/a/models/m", "m", True),
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", False),
        ("gpt-4", "gpt-4-0125-preview", True),
        ("gpt-4", "gpt-4-32k", False),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", True),
        ("claude-3-5-sonnet-latest", "claude-3-5-haiku-20241022", False),
        ("gemini-flash-latest", "gemini-3.5-flash", True),
        ("gemini-flash-latest", "models/gemini-3.5-flash-lite", False),
        ("llama3", "llama3:latest", True),
        ("qwen2.5", "qwen2.5:7b", False),
        ("vendor/m:free", "vendor/m", True),
        ("gemini-3.5-flash", "gemini-3.5-flash-8b", False),
    ],
)
def test_prefixes_and_dates_make_no_other_model(asked, served, same):
    assert same_model(asked, served) == same


def test_the_same_notice_is_not_repeated_too_soon():
    now, said = [0.0], []
    notify = throttled(said.append, 30, lambda: now[0])
    for time, text in ((0, "a"), (10, "a"), (20, "b"), (29, "a"), (31, "a"), (32, "b")):
        now[0] = time
        notify(text)
    assert said == ["a", "b", "a"]


def test_reading_the_names_imports_nothing_heavy():
    code = (
        "import sys; from opro_cli.llm import model_help, secret_names; model_help();"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    )
    heavy = ["pydantic", "yaml", "numpy", "httpx2", "google", "openai", "xllamacpp", "asyncio"]
    command = [sys.executable, "-c", code, *heavy]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
