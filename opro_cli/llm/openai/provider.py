"""``openai:MODEL``: OpenAI, or any server with the same protocol, named by ``--base-url``."""

from __future__ import annotations

from importlib.util import find_spec

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.openai import OWN
from opro_cli.llm.provider import (
    Env,
    ModelChoice,
    Pool,
    Provider,
    bare_name,
    hosted_choice,
    sendable,
)
from opro_cli.llm.trust import Server, check_key, remember, server_of

KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"


class OpenAIProvider(Provider):
    """OpenAI, and every server with the same protocol."""

    names = ("openai:",)
    help = "openai:…"
    keys = (KEY,)
    packages = ("openai",)

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        if find_spec("openai") is None:
            raise ModelUnavailable(
                f"{request.name} needs a package that is not installed.",
                "pip install 'opro-cli[openai]'",
            )
        server, key = _server(request, env), api_key(env)
        if not server.url and not key:
            raise ModelUnavailable(
                f"{request.name} needs an API key, and there is none.",
                f"put {KEY}=… into .env, or name a server with --base-url",
            )
        if key:
            check_key(server, env, KEY)
        return hosted_choice(request, server.words, server.url or OWN)

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.openai.client import OpenAIClient, OpenAIModel

        server = _server(choice.request, pool.env)
        if api_key(pool.env):
            remember(server, pool.env)

        def connect() -> OpenAIClient:
            return OpenAIClient(pool.limits, api_key(pool.env), server.url or None)

        client = pool.client("openai", server.url, connect)
        model = OpenAIModel(bare_name(choice.name), client, choice.request, choice.details)
        return pool.hosted(model, choice)


PROVIDER = OpenAIProvider()


def _server(request: ModelRequest, env: Env) -> Server:
    """The server. Raises UsageError for an address that is none."""
    server = server_of(request, env, URL)
    if server.url:
        from opro_cli.llm.network import checked_address

        checked_address(server.url, server.source, query=True)
    return server


def api_key(env: Env) -> str:
    """The API key, or an empty text. Raises ModelUnavailable for a key that cannot be sent."""
    return sendable(env.get(KEY, "").strip(), KEY)
