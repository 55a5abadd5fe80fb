"""``openai:MODEL``, ``groq:MODEL`` …: every server with OpenAI's protocol.

The servers are in ``endpoints.toml``. ``--base-url`` names any other, for ``openai:MODEL``.
"""

from __future__ import annotations

from importlib.util import find_spec

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.openai.endpoints import Endpoint, endpoint_of, endpoints
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


class OpenAIProvider(Provider):
    """OpenAI, and every server with the same protocol."""

    names = tuple(f"{name}:" for name in endpoints())
    help = "openai:…, groq:…, ollama:… and others (opro models)"
    keys = tuple(endpoint.key for endpoint in endpoints().values() if endpoint.key)
    packages = ("openai",)

    @override
    def meant(self, name: str) -> str:
        own = (e.name for e in endpoints().values() if name.lower().startswith(tuple(e.begins)))
        return next((f"{endpoint}:{name[:60]}" for endpoint in own), "")

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        endpoint = endpoint_of(request.name)
        server, key = _server(request, env), api_key(endpoint, env)
        keyless = not (server.url or key or endpoint.local)
        if find_spec("openai") is None:
            raise ModelUnavailable(
                f"{request.name} needs a package that is not installed.",
                "pip install 'opro-cli[openai]'"
                + (f", and put {endpoint.key}=… into .env" if keyless else ""),
            )
        if keyless:
            raise ModelUnavailable(
                f"{request.name} needs an API key, and there is none.",
                f"put {endpoint.key}=… into .env, or name a server with --base-url",
            )
        if key:
            check_key(server, env, endpoint.key)
        url = server.url or endpoint.url
        return hosted_choice(request, server.words, url, endpoint.price(request.name, url))

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.openai.client import OpenAIClient, OpenAIModel

        endpoint = endpoint_of(choice.name)
        server, key = _server(choice.request, pool.env), api_key(endpoint, pool.env)
        if key:
            remember(server, pool.env)

        def connect() -> OpenAIClient:
            return OpenAIClient(pool.limits, server.url or endpoint.url, key, endpoint.key)

        client = pool.client(endpoint.name, server.url, connect)
        model = OpenAIModel(bare_name(choice.name), client, choice.request, choice.details)
        return pool.hosted(model, choice)

    @override
    def listed(self, env: Env) -> list[Listed]:
        return [
            Listed(f"{e.name}:", e.title, e.url, e.key, bool(env.get(e.key, "").strip()), e.local)
            for e in endpoints().values()
        ]


PROVIDER = OpenAIProvider()


def _server(request: ModelRequest, env: Env) -> Server:
    """The server. Raises UsageError for an address that is none."""
    server = server_of(request, env, endpoint_of(request.name).variable)
    if server.url:
        from opro_cli.llm.network import checked_address

        checked_address(server.url, server.source, query=True)
    return server


def api_key(endpoint: Endpoint, env: Env) -> str:
    """The endpoint's key, or an empty text. Raises ModelUnavailable for one that cannot be sent."""
    return sendable(env.get(endpoint.key, "").strip(), endpoint.key)
