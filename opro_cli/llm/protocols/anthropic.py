"""``anthropic:MODEL``: Anthropic, or another server with its Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.protocols import OWN
from opro_cli.llm.protocols.checks import check_effort, check_installed
from opro_cli.llm.provider import Env, Listed, ModelChoice, Pool, Provider, hosted_choice, sendable
from opro_cli.llm.trust import Server, check_key, remember, server_of

if TYPE_CHECKING:
    from opro_cli.llm.protocols.model import Connection

KEY, URL = "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"

HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""Headers that Anthropic's package adds to every request: they may hold a key, too."""


class AnthropicProvider(Provider):
    """Anthropic's models."""

    names = ("anthropic:",)
    help = "anthropic:…"
    keys = (KEY, "ANTHROPIC_AUTH_TOKEN", HEADERS)
    packages = ("pydantic-ai-slim", "anthropic")

    @override
    def meant(self, name: str) -> str:
        return f"anthropic:{name[:60]}" if name.lower().startswith("claude-") else ""

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        check_installed(request, "pydantic_ai", "anthropic")
        check_effort(request)
        if not _api_key(env):
            raise ModelUnavailable(
                f"{request.name} needs an API key, and there is none.", f"put {KEY}=… into .env"
            )
        server = _server(request, env)
        for name in (KEY, HEADERS):
            if env.get(name):
                check_key(server, env, name)
        return hosted_choice(request, server.words, server.url or OWN)

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.protocols.model import ProtocolModel

        server = _server(choice.request, pool.env)
        remember(server, pool.env)
        url, key = server.url or OWN, _api_key(pool.env)
        limits = pool.limits
        connection = pool.client(
            "anthropic", server.url, lambda: connect(url, key, limits.timeout, limits.concurrency)
        )
        return pool.hosted(ProtocolModel(connection, choice.request, choice.details), choice)

    @override
    def listed(self, env: Env) -> list[Listed]:
        return [Listed("anthropic:", "Anthropic", OWN, KEY, bool(env.get(KEY, "").strip()))]


PROVIDER = AnthropicProvider()


def _api_key(env: Env) -> str:
    """The API key, or an empty text. Raises ModelUnavailable for a key that cannot be sent."""
    return sendable(env.get(KEY, "").strip(), KEY)


def _server(request: ModelRequest, env: Env) -> Server:
    """The server. Raises UsageError for an address that is none."""
    server = server_of(request, env, URL)
    if server.url:
        from opro_cli.llm.network import checked_address

        checked_address(server.url, server.source)
    return server


def connect(url: str, key: str, timeout: float, connections: int) -> Connection:
    """The connection to a server. Raises ModelUnavailable.

    Args:
        url: the server.
        key: the API key. It is sent as a header only.
        timeout: of a call, in seconds.
        connections: kept open at most.
    """
    import anthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider as Inner

    from opro_cli.llm.http import http_client
    from opro_cli.llm.network import route_to
    from opro_cli.llm.protocols.answer import keep_http
    from opro_cli.llm.protocols.model import Connection
    from opro_cli.llm.protocols.reading import from_anthropic

    route = route_to(url)
    http = http_client(url, route, connections)
    http.event_hooks = {"response": [keep_http]}
    client = anthropic.AsyncAnthropic(
        api_key=key, base_url=url, max_retries=0, timeout=None, http_client=http
    )
    provider = Inner(anthropic_client=client)
    return Connection(
        make=lambda name: AnthropicModel(name, provider=provider),
        read=from_anthropic,
        stop=client.close,
        timeout=timeout,
        key=KEY,
        route=route,
    )
