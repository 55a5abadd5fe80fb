"""``openai:MODEL``: OpenAI, or any server with the same protocol, named by ``--base-url``."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.provider import (
    Env,
    ModelChoice,
    Pool,
    Provider,
    bare_name,
    hosted_choice,
    sendable,
)

KEY = "OPENAI_API_KEY"


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
        url = base_url(request, env)
        if url is not None:
            _check_url(url)
        elif not api_key(env):
            raise ModelUnavailable(
                f"{request.name} needs an API key, and there is none.",
                f"put {KEY}=… into .env, or name a server with --base-url",
            )
        return hosted_choice(request)

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.openai.client import OpenAIClient, OpenAIModel

        url = base_url(choice.request, pool.env)

        def connect() -> OpenAIClient:
            return OpenAIClient(pool.limits, api_key(pool.env), url)

        client = pool.client("openai", url or "", connect)
        return pool.hosted(OpenAIModel(bare_name(choice.name), client), choice)


PROVIDER = OpenAIProvider()


def base_url(request: ModelRequest, env: Env) -> str | None:
    """The server's address; None for OpenAI's own."""
    return request.base_url or env.get("OPENAI_BASE_URL", "").strip() or None


def api_key(env: Env) -> str:
    """The API key, or an empty text. Raises ModelUnavailable for a key that cannot be sent."""
    return sendable(env.get(KEY, "").strip(), KEY)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise UsageError(
            "The base URL holds credentials or a query, which would end up in logs.",
            f"put the key into {KEY}",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no address.", "as in --base-url http://localhost:8080/v1")
