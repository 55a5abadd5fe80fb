"""Gemini through google-genai: async, structured JSON, explicit timeout, no silent failure.

The SDK is kept on its httpx2 transport and on the Developer API whatever the environment says,
and retries nothing by itself: :mod:`opro_cli.llm.retry` does, because the SDK ignores the
server's ``retryDelay``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import warnings
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from opro_cli.errors import LLMError, TransientError
from opro_cli.events import Reply, Usage
from opro_cli.llm.base import Form, Request
from opro_cli.llm.known import known, table

TIMEOUT = 120.0
"""Seconds for one call, thinking included."""
IN_FLIGHT = 64
"""Calls in flight at once. The pool has as many connections, so none waits inside the client."""

BLOCKED = {
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
}


class Gemini:
    """A Gemini model on the Developer API.

    Args:
        model: its name, such as ``gemini-3.5-flash-lite``.
        key: the API key. It is sent as a header and appears nowhere else.
        base_url: another server that speaks the same protocol.
    """

    form: Form = "instruct"
    samples_per_call = 1

    def __init__(
        self, model: str, key: str, *, base_url: str | None = None, timeout: float = TIMEOUT
    ) -> None:
        logging.getLogger("google_genai").addHandler(logging.NullHandler())
        logging.getLogger("google_genai").propagate = False
        # A finish reason this SDK does not know is handled here; it needs no warning.
        warnings.filterwarnings("ignore", message=r".* is not a valid ", category=UserWarning)
        self.name = model
        self._known = known(model)
        self._key = key
        self._timeout = timeout
        self._http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT),
            follow_redirects=False,
        )
        self._client = genai.Client(
            api_key=key,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version="v1beta" if model.endswith("-latest") else "v1",
                timeout=round(timeout * 1000),
                httpx_async_client=self._http,
            ),
        )
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def sample(self, request: Request) -> list[Reply]:
        """One call, one reply. Raises LLMError, or TransientError where it may be tried again."""
        async with self._slots:
            started = time.monotonic()
            try:
                async with asyncio.timeout(self._timeout):
                    response = await self._client.aio.models.generate_content(
                        model=self.name, contents=request.prompt, config=self._config(request)
                    )
            except errors.APIError as error:
                raise self._explained(error) from None
            except TimeoutError:
                raise TransientError(
                    f"{self.name} did not answer within {self._timeout:g} seconds."
                ) from None
            except httpx2.TransportError as error:
                text = str(error) or type(error).__name__
                raise TransientError(f"The connection to {self.name} failed: {text}.") from None
            except json.JSONDecodeError:
                raise TransientError(
                    f"{self.name} answered with something that is not JSON (a proxy's page?)."
                ) from None
            return [self._reply(response, time.monotonic() - started)]

    def _config(self, request: Request) -> types.GenerateContentConfig:
        config: dict[str, Any] = {
            "max_output_tokens": request.max_tokens,
            "automatic_function_calling": {"disable": True},
        }
        if request.schema is not None:
            config["response_mime_type"] = "application/json"
            config["response_schema"] = request.schema
        if request.temperature is not None and self._known.temperature:
            config["temperature"] = request.temperature
        levels = self._known.thinking
        if "budget" in levels:
            config["thinking_config"] = {"thinking_budget": 0}
        elif levels:
            config["thinking_config"] = {"thinking_level": levels[0].upper()}
        return types.GenerateContentConfig.model_validate(config)

    def _reply(self, response: types.GenerateContentResponse, seconds: float) -> Reply:
        count = response.usage_metadata
        usage = None
        if count is not None:
            thinking = count.thoughts_token_count or 0
            usage = Usage(
                input=count.prompt_token_count or 0,
                output=(count.candidates_token_count or 0) + thinking,
                thinking=thinking,
                cached=count.cached_content_token_count or 0,
            )
        text, finish, detail = _content(response)
        return Reply(
            text=text,
            finish=finish,
            model=response.model_version or "",
            usage=usage,
            seconds=round(seconds, 3),
            detail=detail,
        )

    def _explained(self, error: errors.APIError) -> LLMError:
        body = error.details if isinstance(error.details, dict) else {}
        problem = body.get("error")
        problem = problem if isinstance(problem, dict) else {}
        details = [d for d in problem.get("details") or [] if isinstance(d, dict)]
        said = self._without_key(str(error.message or error.status or "no message"))
        message = f"{self.name} answered {error.code}: {said}"
        if error.code == 429:
            return _quota(message, details)
        if error.code in (408, 500, 502, 503, 504):
            return TransientError(message)
        if any(d.get("reason") == "API_KEY_INVALID" for d in details) or error.code in (401, 403):
            return LLMError(
                f"{self.name} answered {error.code}: the API key was not accepted.",
                "check GEMINI_API_KEY; keys are made at https://aistudio.google.com/apikey",
            )
        if error.code == 404 or "no longer available" in said:
            successor = self._known.successor or table().default
            return LLMError(message, f"is the name right? Today's default is {successor}")
        return LLMError(message)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aio.aclose()
        await self._http.aclose()
        self._client.close()


def _content(response: types.GenerateContentResponse) -> tuple[str, str, str]:
    """Text, finish and detail of a response; never an exception."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        return "", "blocked", f"prompt: {_name(feedback.block_reason)}"
    if not response.candidates:
        return "", "empty", "no candidates"
    candidate = response.candidates[0]
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    reason = _name(candidate.finish_reason)
    if reason == "STOP":
        return text, "stop" if text else "empty", ""
    if reason == "MAX_TOKENS":
        return text, "length", "" if text else "all output tokens went into thinking"
    if reason in BLOCKED:
        return text, "blocked", reason
    return text, reason.lower() or "unknown", ""


def _name(value: Any) -> str:
    return str(getattr(value, "value", value) or "")


def _quota(message: str, details: list[dict[str, Any]]) -> LLMError:
    """A 429: wait as long as the server says, unless a day's quota is spent."""
    kinds = [
        str(violation.get("quotaId", ""))
        for d in details
        if str(d.get("@type", "")).endswith("QuotaFailure")
        for violation in d.get("violations") or []
    ]
    if any("PerDay" in kind for kind in kinds):
        return LLMError(message, "the day's quota is spent; it is reset at midnight Pacific time")
    for d in details:
        if str(d.get("@type", "")).endswith("RetryInfo"):
            return TransientError(message, wait=_seconds(d.get("retryDelay")))
    return TransientError(message)


def _seconds(text: Any) -> float | None:
    try:
        return max(0.0, float(str(text).removesuffix("s")))
    except ValueError:
        return None
