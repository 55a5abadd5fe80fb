"""Servers that refuse a parameter are asked again without it, once, and the user is told."""

from __future__ import annotations

import asyncio
import json

import pytest

from opro_cli.core.errors import Paused
from tests.asking import KEY, ask
from tests.loopback import Answer, chat, error, gemini

GEMINI = "gemini-3.5-flash-lite"


def oai(message: str, **fields) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", **fields}}


SHAPES = [
    lambda name: Answer(400, oai(f"Unsupported parameter: '{name}'.", param=name)),
    lambda name: Answer(
        422, {"detail": [{"loc": ["body", name], "msg": "Extra inputs are not permitted"}]}
    ),
    lambda name: Answer(
        400, [{"error": {"code": 400, "message": f'Unknown name "{name}": Cannot find field.'}}]
    ),
    lambda name: Answer(400, {"error": f"unknown field `{name}`"}),
    lambda name: Answer(422, {"message": {"detail": f"{name} is not supported"}}),
    lambda name: Answer(400, f"unrecognized option {name}".encode(), "text/plain"),
]


@pytest.mark.parametrize("refuse", SHAPES)
@pytest.mark.parametrize("name", ["seed", "temperature", "max_tokens", "response_format"])
def test_a_refused_parameter_is_left_out_from_then_on(name, refuse):
    def answer(asked):
        return refuse(name) if name in asked.body else chat("[1, 2]")

    found = ask(answer, times=3)
    assert found.error is None
    assert [name in asked.body for asked in found.asked] == [True, False, False, False]
    first, *later = found.replies
    assert first.attempts == 2
    assert name in first.troubles[0]
    assert all(not reply.troubles for reply in later)
    assert len(found.said) == 1
    assert name in found.said[0]
    other = {"max_tokens": "max_completion_tokens"}.get(name)
    assert other is None or found.asked[-1].body[other] == 100


def test_the_limit_of_tokens_goes_by_either_name_and_is_never_left_out():
    def answer(asked):
        used = "max_tokens" if "max_tokens" in asked.body else "max_completion_tokens"
        return Answer(400, oai(f"'{used}' is not supported", param=used))

    found = ask(answer)
    assert "is not supported" in found.error.message
    assert len(found.asked) == 2


def test_a_value_out_of_range_is_an_error_in_the_servers_words():
    said = "max_tokens is too large: 100. This model takes at most 50."
    found = ask([Answer(400, oai(said, param="max_tokens"))])
    assert said in found.error.message
    found = ask([Answer(422, {"detail": [{"loc": ["body", "temperature"], "msg": "at most 0.5"}]})])
    assert "body.temperature: at most 0.5" in found.error.message
    assert len(found.asked) == 1


def test_a_schema_gives_way_to_any_json_and_then_to_none():
    def answer(asked):
        form = asked.body.get("response_format", {}).get("type")
        if form == "json_schema":
            return Answer(400, oai("This model does not support json_schema"))
        return chat("[1, 2]")

    found = ask(answer, times=2)
    forms = [asked.body["response_format"]["type"] for asked in found.asked]
    assert forms == ["json_schema", "json_object", "json_object"]


def test_several_refusals_in_a_row():
    def answer(asked):
        for name in ("seed", "temperature", "max_tokens", "response_format"):
            if name in asked.body:
                return Answer(400, oai(f"{name} is unknown", param=name))
        return chat("[1, 2]")

    found = ask(answer, times=2)
    assert len(found.asked) == 6
    assert found.replies[0].attempts == 5
    assert len(found.said) == 4


def test_every_one_of_these_calls_counts_for_a_cap():
    def answer(asked):
        return Answer(400, oai("seed is unknown")) if "seed" in asked.body else chat("[1, 2]")

    with pytest.raises(Paused):
        ask(answer, caps={"max_calls": 1})
    found = ask(answer, caps={"max_calls": 2})
    assert found.budget.spent.calls == 2


def test_calls_in_flight_together_are_all_asked_again():
    import threading

    from opro_cli.core.model import ModelRequest, Request
    from opro_cli.llm import choose_model
    from opro_cli.llm.budget import Budget, BudgetSettings
    from opro_cli.llm.limiter import Limiter, LimitSettings
    from opro_cli.llm.model_pool import ModelPool
    from tests.loopback import Loopback

    together, said = threading.Barrier(4, timeout=20), []

    class Unlocked(Loopback):
        def _next(self, asked):
            self.asked.append(asked)
            if "max_tokens" in asked.body:
                together.wait()
                return Answer(400, oai("Use 'max_completion_tokens' instead of 'max_tokens'."))
            return chat("[1, 2]")

    server = Unlocked([])

    async def run(url):
        env = {"OPENAI_BASE_URL": url}
        pool = ModelPool(env, Limiter(LimitSettings()), Budget(BudgetSettings()), said.append)
        model = pool.open(choose_model(ModelRequest("openai:gpt"), env))
        await asyncio.gather(*(model.sample(Request("?", 1, 1, first=i)) for i in range(4)))
        await pool.close()

    with server.serving() as url:
        asyncio.run(run(url))
    assert len(server.asked) == 8
    assert len(said) == 1


@pytest.mark.parametrize("name", ["seed", "temperature", "thinking_level"])
def test_gemini_too(name):
    def answer(asked):
        config = asked.body["generationConfig"]
        held = "thinkingConfig" in config if name == "thinking_level" else name in config
        return error(400, "INVALID_ARGUMENT", f"{name} is not supported") if held else gemini("[1]")

    found = ask(answer, "gemini-3.1-flash-lite", times=2)
    assert len(found.asked) == 3
    assert name in found.reply.text + found.replies[0].troubles[0]


def test_the_user_passes_anything_on():
    more = {"chat_template_kwargs": {"enable_thinking": False}, "top_p": 0.9}
    found = ask(
        [chat("[1, 2]")],
        query="?api-version=2024-10-21",
        extra_body=json.dumps(more),
        headers=(("HTTP-Referer", "https://example.org"),),
        reasoning_effort="low",
    )
    (asked,) = found.asked
    assert asked.path == "/v1/chat/completions?api-version=2024-10-21"
    assert asked.body.items() >= {**more, "reasoning_effort": "low"}.items()
    assert asked.headers["http-referer"] == "https://example.org"
    assert asked.headers["api-key"] == KEY  # Azure's older endpoints read the key there


def test_to_gemini_too():
    found = ask(
        [gemini("[1, 2]")],
        GEMINI,
        extra_body='{"generationConfig": {"topK": 3}, "labels": {"a": "b"}}',
        headers=(("X-One", "1"),),
        reasoning_effort="high",
    )
    (asked,) = found.asked
    config = asked.body["generationConfig"]
    assert (config["topK"], asked.body["labels"]) == (3, {"a": "b"})
    assert "responseSchema" in config
    assert list(config["thinkingConfig"].values()) == ["HIGH"]
    assert asked.headers["x-one"] == "1"


def test_these_settings_reach_the_server_from_a_command(opro, monkeypatch):
    from tests.loopback import Loopback, solution

    server = Loopback([chat(solution(15, 14))])
    with server.serving() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        done = opro(
            *("run-opro", "--preset", "exp1", "--target", "w=15,b=14", "--model", "openai:gpt"),
            *("--set", "opro.reasoning_effort=low", "--set", "opro.extra_body={top_k: 5}"),
            *("--set", "opro.headers={X-One: one}", "--max-steps", "1", "--display", "none"),
        )
    assert done.exit_code == 0, done.stderr
    assert server.asked[0].body.items() >= {"reasoning_effort": "low", "top_k": 5}.items()
    assert server.asked[0].headers["x-one"] == "one"


@pytest.mark.parametrize("name", ["Authorization", "api-key", "X-Goog-Api-Key", "Cookie", "a b"])
def test_a_header_with_a_secret_is_refused_because_settings_are_logged(opro, name):
    done = opro("run-opro", "--set", f'opro.headers={{"{name}": "x"}}', "--dry-run")
    assert done.exit_code == 2
    assert "opro.headers" in done.stderr


SECRETS = [
    ("extra_body", '{"api_key": "abc"}'),
    ("extra_body", '{"tools": [{"server": {"authorization_token": "hunter-22"}}]}'),
    ("extra_body", '{"data_sources": [{"authentication": {"type": "x", "key": "hunter-22"}}]}'),
    ("extra_body", '{"x": {"y": ["Bearer hunter-22-abcdef"]}}'),
    ("extra_body", '{"url": "https://me:hunter-22@example.org/"}'),
    ("extra_body", '{"note": "sk-hunter-22-abcdefghijkl"}'),
    ("headers", '{"X-Custom": "Basic aHVudGVyLTIy"}'),
    ("headers", '{"X-Custom": "sk-proj-hunter-22-abcdefghijkl"}'),
    ("headers", '{"X-Custom": "the-key-hunter-22 of the environment"}'),
    ("extra_body", '{"x": "the-key-hunter-22"}'),
]


@pytest.mark.parametrize(("setting", "value"), SECRETS)
def test_a_secret_that_would_be_logged_is_refused_and_not_shown(opro, monkeypatch, setting, value):
    from pathlib import Path

    monkeypatch.setenv("OPENAI_API_KEY", "the-key-hunter-22")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    done = opro(
        *("run-opro", "-p", "exp1", "--target", "w=15,b=14", "--model", "openai:gpt"),
        *("--max-steps", "1", "--set", "limits.attempts=1", "--set", f"opro.{setting}={value}"),
    )
    assert done.exit_code == 2, done.stderr
    assert "log" in done.stderr
    assert "hunter" not in done.stderr + done.stdout
    assert not list(Path().rglob("run.json"))


def test_settings_that_only_sound_secret_are_sent():
    from opro_cli.optimizers import OPTIMIZERS

    body = {
        "max_completion_tokens": 5,
        "prompt_cache_key": "a",
        "thinking": {"budget_tokens": 1024},
        "skip_special_tokens": True,
        "stop_token_ids": [1],
        "logit_bias": {"50256": -100},
        "safety_identifier": "skeleton-of-a-hash-0123456789abcdef",
    }
    given = OPTIMIZERS["opro"](extra_body=body, headers={"X-Title": "Basic regression of lines"})
    assert given.extra_body == body


def test_settings_that_are_not_used_are_no_part_of_a_runs_hash():
    from opro_cli.optimizers import OPTIMIZERS

    section = OPTIMIZERS["opro"]
    assert not {"reasoning_effort", "extra_body", "headers"} & set(section().model_dump())
    given = section(extra_body={"b": 1, "a": {}}, headers={"X": "1"}, reasoning_effort="low")
    assert section.load(given.model_dump(mode="json")) == given
    (request,) = given.model_requests().values()
    assert {request} == set(given.model_requests().values())
    assert request.extra_body == '{"a": {}, "b": 1}'
