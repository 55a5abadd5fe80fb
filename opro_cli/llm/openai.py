"""``openai:MODEL``: OpenAI, or any server that speaks its protocol, named by ``--base-url``."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

from opro_cli.errors import ModelUnavailable, UsageError
from opro_cli.llm.base import LLM
from opro_cli.llm.providers import Choice, Env, Models, Wanted, bare, hosted, sendable


def check(wanted: Wanted, env: Env) -> Choice:
    """Raises ModelUnavailable without the package or a key, UsageError for a wrong address."""
    if find_spec("openai") is None:
        raise ModelUnavailable(
            f"{wanted.spec} needs a package that is not installed.",
            "pip install 'opro-cli[openai]'",
        )
    url = base_url(wanted, env)
    if url is not None:
        _check_url(url)
    elif not _key(env):
        raise ModelUnavailable(
            f"{wanted.spec} needs an API key, and there is none.",
            "put OPENAI_API_KEY=… into .env, or name a server with --base-url",
        )
    return hosted(wanted)


def open_model(choice: Choice, models: Models) -> LLM:
    """The model behind retries, limiter and budget."""
    from opro_cli.llm.openai_client import OpenAI, OpenAIClient

    url = base_url(choice.wanted, models.env)
    client = models.client(
        "openai", url or "", lambda: OpenAIClient(models.limits, _key(models.env), url)
    )
    return models.hosted(OpenAI(bare(choice.spec), client), choice)


def base_url(wanted: Wanted, env: Env) -> str | None:
    """The server's address; None for OpenAI's own."""
    return wanted.base_url or env.get("OPENAI_BASE_URL", "").strip() or None


def _key(env: Env) -> str:
    return sendable(env.get("OPENAI_API_KEY", "").strip(), "OPENAI_API_KEY")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise UsageError(
            "The base URL holds credentials or a query, which would end up in logs.",
            "put the key into OPENAI_API_KEY",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no address.", "as in --base-url http://localhost:8080/v1")
