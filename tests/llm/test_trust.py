"""A key goes to the provider's own server and to one that the user has named, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loopback import Answer, Loopback, chat, gemini, solution

KEY = "users-own-key-0123456789"
SMALL = ("--target", "w=15,b=14", "--points-per-step", "1", "--max-steps", "1", "--reps", "1")
RUN = ("run-opro", "--preset", "exp1", *SMALL, "--display", "none")
OPENAI = ("--model", "openai:gpt")


@pytest.fixture
def server():
    def answer(asked):
        return gemini(solution(1, 2)) if "contents" in asked.body else chat(solution(1, 2))

    found = Loopback(answer)
    with found.serving() as url:
        found.url = url
        yield found


def keys(server) -> list[str]:
    sent = (a.headers.get("x-goog-api-key") or a.headers.get("authorization") for a in server.asked)
    return [key.removeprefix("Bearer ") for key in sent]


@pytest.mark.parametrize(
    ("key", "url", "model"),
    [
        ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai:gpt"),
        ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "gemini-3.5-flash-lite"),
        ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "gemini-3.5-flash-lite"),
    ],
)
class TestOfAnEnvFile:
    def test_its_server_does_not_get_an_exported_key(
        self, opro, monkeypatch, server, key, url, model
    ):
        monkeypatch.setenv(key, KEY)
        Path(".env").write_text(f"{url}={server.url}\nMODEL_NAME={model}\n")
        done = opro(*RUN)
        assert done.exit_code == 2
        assert server.asked == []
        assert f"{key} (environment {key}) is not sent to {server.url}" in done.stderr
        assert f".env {url}" in done.stderr
        assert "--base-url" in done.stderr
        assert KEY not in done.stderr

    def test_its_server_gets_its_own_key(self, opro, server, key, url, model):
        Path(".env").write_text(f"{url}={server.url}\n{key}={KEY}\n")
        assert opro(*RUN, "--model", model).exit_code == 0
        assert keys(server) == [KEY]

    def test_its_key_goes_to_an_exported_server(self, opro, monkeypatch, server, key, url, model):
        monkeypatch.setenv(url, server.url)
        Path(".env").write_text(f"{key}={KEY}\n")
        assert opro(*RUN, "--model", model).exit_code == 0
        assert keys(server) == [KEY]


def preset(server) -> tuple[str, ...]:
    Path("mine.yaml").write_text(
        "problem: {kind: linear, targets: [{w: 15, b: 14}]}\n"
        f"opro: {{model: 'openai:gpt', base_url: '{server.url}/v1'}}\n"
    )
    return ("run-opro", "--preset", "mine.yaml", *SMALL, "--display", "none")


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_the_server_of_a_preset_gets_no_key(opro, monkeypatch, server, where):
    if where == ".env":
        Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    else:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    done = opro(*preset(server))
    assert done.exit_code == 2
    assert server.asked == []
    assert f"is not sent to {server.url}/v1 (base_url of the preset" in done.stderr


def test_a_server_of_a_preset_that_needs_no_key_is_asked(opro, server):
    assert opro(*preset(server)).exit_code == 0
    assert keys(server) == ["none"]


@pytest.mark.parametrize("how", ["flag", "setting", "variable"])
def test_the_user_names_the_server_of_a_preset(opro, monkeypatch, server, how):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    url, more = f"{server.url}/v1", ()
    if how == "variable":
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    else:
        more = {"flag": ("--base-url", url), "setting": ("--set", f"opro.base_url={url}")}[how]
    assert opro(*preset(server), *more).exit_code == 0
    assert keys(server) == [KEY]


def test_a_run_is_resumed_with_the_server_that_the_command_line_named(opro, monkeypatch, server):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    named = (*RUN, *OPENAI, "--base-url", f"{server.url}/v1", "--max-steps", "4")
    assert opro(*named, "--max-calls", "1").exit_code == 3
    assert opro("resume", "--max-calls", "9", "--display", "none").exit_code == 0
    assert keys(server) == [KEY] * 4


def test_a_strangers_run_is_not_resumed_with_the_users_key(opro, monkeypatch, server):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    named = (*RUN, *OPENAI, "--base-url", f"{server.url}/v1", "--max-steps", "4")
    assert opro(*named, "--max-calls", "1").exit_code == 3
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("another-user").absolute()))
    done = opro("resume", "--max-calls", "9", "--display", "none")
    assert done.exit_code == 2
    assert len(server.asked) == 1
    assert "is not sent to" in done.stderr
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    assert opro("resume", "--max-calls", "9", "--display", "none").exit_code == 0


def test_without_a_home_nothing_is_remembered_and_the_run_goes_on(opro, monkeypatch, server):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    Path("file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("file").absolute()))
    assert opro(*RUN, *OPENAI, "--base-url", f"{server.url}/v1").exit_code == 0


def test_vertex_credentials_go_to_no_server_of_an_env_file(opro, monkeypatch, server):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    Path(".env").write_text(f"GOOGLE_VERTEX_BASE_URL={server.url}\n")
    done = opro(*RUN, "--model", "vertex:gemini-3.5-flash-lite")
    assert done.exit_code == 2
    assert "of Google Cloud" in done.stderr
    assert server.asked == []


def test_a_dry_run_names_the_server(opro, monkeypatch, server):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    said = f"gemini-3.5-flash-lite is at {server.url} (environment GOOGLE_GEMINI_BASE_URL)"
    for how in ("--dry-run", "--print-config"):
        assert said in opro(*RUN, "--model", "gemini-3.5-flash-lite", how).stdout
        data = json.loads(opro(*RUN, "--model", "gemini-3.5-flash-lite", how, "--json").stdout)
        assert server.url in data["servers"]["gemini-3.5-flash-lite"]


def test_a_redirect_takes_the_key_nowhere(opro, monkeypatch, server):
    away = Loopback([Answer(307, {}, headers={"Location": f"{server.url}/v1/chat/completions"})])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with away.serving() as url:
        assert opro(*RUN, *OPENAI, "--base-url", url).exit_code == 1
    assert server.asked == []
