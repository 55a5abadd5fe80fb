"""Gemini: ``gemini-…`` on the Developer API with a key, ``vertex:MODEL`` on Vertex AI."""

from __future__ import annotations

import difflib

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.catalog import catalog, refuse_retired
from opro_cli.llm.gemini import OWN
from opro_cli.llm.provider import (
    Env,
    Listed,
    ModelChoice,
    Pool,
    Provider,
    bare_name,
    hosted_choice,
    sendable,
)
from opro_cli.llm.trust import Server, check_key, remember, server_of

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

KEY_PAGE = "https://aistudio.google.com/apikey"

VERTEX = "vertex:"

NEARLY = 0.9
"""How alike two names are, from 0 to 1, where one is held to be the other misspelled."""


class GeminiProvider(Provider):
    """Google's two APIs."""

    names = ("gemini-", VERTEX)
    help = "gemini-…, vertex:…"
    keys = KEYS
    packages = ("google-genai",)
    setup = "put GEMINI_API_KEY=… into .env"

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        refuse_retired(bare_name(request.name))
        vertex = request.name.startswith(VERTEX)
        if vertex and not env.get("GOOGLE_CLOUD_PROJECT", "").strip():
            raise ModelUnavailable(
                f"{request.name} needs a Google Cloud project.",
                "set GOOGLE_CLOUD_PROJECT (and GOOGLE_CLOUD_LOCATION, unless it is global)",
            )
        if not vertex and not api_key(env):
            raise ModelUnavailable(
                f"{request.name} needs an API key, and there is none.",
                f"{_misspelled(request.name)}put GEMINI_API_KEY=… into .env (keys: {KEY_PAGE}), "
                "or name a local model",
            )
        server = _server(request, env)
        if vertex:
            check_key(server, env, "", "of Google Cloud")
        else:
            check_key(server, env, _key_name(env))
        return hosted_choice(request, server.words, server.url or OWN[vertex])

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.gemini.client import GeminiModel, GoogleClient

        env, vertex = pool.env, choice.name.startswith(VERTEX)
        server = _server(choice.request, env)
        remember(server, env)
        url = server.url or None

        def connect() -> GoogleClient:
            if not vertex:
                return GoogleClient(pool.limits, key=api_key(env), base_url=url)
            project = env["GOOGLE_CLOUD_PROJECT"].strip()
            location = env.get("GOOGLE_CLOUD_LOCATION", "").strip() or "global"
            return GoogleClient(pool.limits, project=project, location=location, base_url=url)

        client = pool.client("vertex" if vertex else "gemini", url or "", connect)
        name, asked = bare_name(choice.name), choice.request
        model = GeminiModel(name, client, asked.candidates, asked, choice.details)
        return pool.hosted(model, choice)

    @override
    def automatic(self, env: Env) -> str:
        return catalog().default if api_key(env) else ""

    @override
    def listed(self, env: Env) -> list[Listed]:
        return [
            Listed(name, title, url, key, bool(env.get(key, "").strip()))
            for name, title, url, key in (
                ("gemini-", "Gemini", OWN[False], _key_name(env)),
                (VERTEX, "Vertex AI", OWN[True], "GOOGLE_CLOUD_PROJECT"),
            )
        ]


PROVIDER = GeminiProvider()


def api_key(env: Env) -> str:
    """The API key, or an empty text. Raises ModelUnavailable for a key that cannot be sent."""
    return sendable(env.get(_key_name(env), "").strip(), "GEMINI_API_KEY")


def _misspelled(name: str) -> str:
    """The known model whose name is nearly this one, as a question; empty for none."""
    known = list(catalog().models)
    near = [] if name in known else difflib.get_close_matches(name[:100], known, 1, NEARLY)
    return f"did you mean {near[0]}? Then: " if near else ""


def _key_name(env: Env) -> str:
    """The variable that holds the key."""
    return next((name for name in KEYS if env.get(name, "").strip()), KEYS[0])


def _server(request: ModelRequest, env: Env) -> Server:
    """The server. Raises UsageError for an address that is none."""
    vertex = request.name.startswith(VERTEX)
    variable = "GOOGLE_VERTEX_BASE_URL" if vertex else "GOOGLE_GEMINI_BASE_URL"
    server = server_of(request, env, variable)
    if server.url:
        from opro_cli.llm.network import checked_address

        checked_address(server.url, server.source)
    return server
