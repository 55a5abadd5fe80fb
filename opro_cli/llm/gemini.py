"""Gemini: ``gemini-…`` on the Developer API with a key, ``vertex:MODEL`` on Vertex AI."""

from __future__ import annotations

from opro_cli.errors import ModelUnavailable
from opro_cli.llm.base import LLM
from opro_cli.llm.known import refuse_retired
from opro_cli.llm.providers import Choice, Env, Models, Wanted, bare, hosted, sendable

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
KEY_PAGE = "https://aistudio.google.com/apikey"


def key(env: Env) -> str:
    """The API key, or an empty text."""
    found = next((env[name].strip() for name in KEYS if env.get(name, "").strip()), "")
    return sendable(found, "GEMINI_API_KEY")


def check(wanted: Wanted, env: Env) -> Choice:
    """Raises ModelUnavailable without a key (or a project), and for a retired model."""
    refuse_retired(bare(wanted.spec))
    vertex = wanted.spec.startswith("vertex:")
    if vertex and not env.get("GOOGLE_CLOUD_PROJECT", "").strip():
        raise ModelUnavailable(
            f"{wanted.spec} needs a Google Cloud project.",
            "set GOOGLE_CLOUD_PROJECT (and GOOGLE_CLOUD_LOCATION, unless it is global)",
        )
    if not vertex and not key(env):
        raise ModelUnavailable(
            f"{wanted.spec} needs an API key, and there is none.",
            f"put GEMINI_API_KEY=… into .env (keys: {KEY_PAGE}), or use --model local",
        )
    return hosted(wanted)


def open_model(choice: Choice, models: Models) -> LLM:
    """The model behind retries, limiter and budget. Raises ModelUnavailable."""
    from opro_cli.llm.gemini_client import Gemini, GoogleClient

    env, vertex = models.env, choice.spec.startswith("vertex:")
    default = "GOOGLE_VERTEX_BASE_URL" if vertex else "GOOGLE_GEMINI_BASE_URL"
    url = choice.wanted.base_url or env.get(default)

    def connect() -> GoogleClient:
        if not vertex:
            return GoogleClient(models.limits, key=key(env), base_url=url)
        project = env["GOOGLE_CLOUD_PROJECT"].strip()
        location = env.get("GOOGLE_CLOUD_LOCATION", "").strip() or "global"
        return GoogleClient(models.limits, project=project, location=location, base_url=url)

    client = models.client("vertex" if vertex else "gemini", url or "", connect)
    return models.hosted(Gemini(bare(choice.spec), client, choice.wanted.candidates), choice)
