"""OpenAI, and every server with the same protocol: OpenRouter, Ollama, vLLM, llama.cpp's server.

A request with a schema asks for JSON by that schema. Where a server refuses schemas, the client
sends none from then on, and the lenient parser reads the replies. A request with a grammar goes to
the completions endpoint, for models that continue text behind llama.cpp's server or vLLM.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx2
import openai

from opro_cli.core.errors import LLMError, QuotaError, TransientError
from opro_cli.core.events import Reply, Usage
from opro_cli.core.model import ModelInfo, Request
from opro_cli.llm.catalog import facts_of
from opro_cli.llm.http import http_client
from opro_cli.llm.limiter import LimitSettings

NO_KEY = "none"
"""Sent where there is no key: the client demands one."""

BLOCKED = {"content_filter"}


class OpenAIClient:
    """The connections of a process to one server.

    Args:
        limits: calls in flight, and the timeout.
        key: the API key. It is sent as a header only.
        base_url: the server; None for OpenAI's.
    """

    def __init__(self, limits: LimitSettings, key: str = "", base_url: str | None = None) -> None:
        self.key = key
        self.timeout = limits.timeout
        self.schema_refused = False
        """Whether the server has refused a schema."""
        self._http = http_client(limits.concurrency, limits.timeout)
        self.openai = openai.AsyncOpenAI(
            api_key=key or NO_KEY, base_url=base_url, max_retries=0, http_client=self._http
        )

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self.openai.close()


class OpenAIModel:
    """A model behind an OpenAI-compatible server.

    Args:
        model: its name, as the server knows it.
        client: the process's client for that server.
    """

    def __init__(self, model: str, client: OpenAIClient) -> None:
        self.info = ModelInfo(model)
        self._name = model
        self._client = client
        self._facts = facts_of(model)

    async def sample(self, request: Request) -> list[Reply]:
        """One call. Raises TransientError, QuotaError, or another LLMError."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._client.timeout):
                reply = await self._ask(request)
        except TimeoutError:
            raise self._late() from None
        except openai.APITimeoutError:
            raise self._late() from None
        except openai.APIStatusError as error:
            raise self._explained(error) from None
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            cause = error.__cause__ or error
            raise TransientError(
                f"The connection to {self._name} failed: {str(cause) or type(cause).__name__}."
            ) from None
        except (openai.APIError, json.JSONDecodeError):
            raise TransientError(
                f"{self._name} answered with something that is not JSON (a proxy's page?)."
            ) from None
        seconds = round(time.monotonic() - started, 3)
        return [Reply(**reply, seconds=seconds)]

    def _late(self) -> TransientError:
        return TransientError(
            f"{self._name} did not answer within {self._client.timeout:g} seconds."
        )

    async def _ask(self, request: Request) -> dict[str, Any]:
        if request.grammar is not None:
            return await self._complete(request)
        if request.schema is None or self._client.schema_refused:
            return await self._chat(request, None)
        try:
            return await self._chat(request, request.schema)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            said = str(error).lower()
            if not any(word in said for word in ("response_format", "json_schema", "schema")):
                raise
            self._client.schema_refused = True
            return await self._chat(request, None)

    async def _chat(self, request: Request, schema: dict[str, Any] | None) -> dict[str, Any]:
        options = self._options(request)
        if schema is not None:
            form = {"name": "proposal", "schema": _plain(schema)}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        messages: Any = [{"role": "user", "content": request.prompt}]
        if request.system:
            messages.insert(0, {"role": "system", "content": request.system})
        options["max_completion_tokens" if self._is_openai() else "max_tokens"] = request.max_tokens
        response = await self._client.openai.chat.completions.create(
            model=self._name, messages=messages, **options
        )
        if not isinstance(response, openai.types.chat.ChatCompletion):
            raise TransientError(f"{self._name} answered with something that is no completion.")
        choice = response.choices[0] if response.choices else None
        text = (choice.message.content if choice and choice.message else None) or ""
        refusal = getattr(choice.message, "refusal", None) if choice and choice.message else None
        return _fields(response, choice, text, str(refusal or ""))

    async def _complete(self, request: Request) -> dict[str, Any]:
        options = self._options(request)
        response = await self._client.openai.completions.create(
            model=self._name,
            prompt=request.prompt,
            max_tokens=request.max_tokens,
            stop=list(request.stop) or None,
            extra_body={"grammar": request.grammar},
            **options,
        )
        choice = response.choices[0] if response.choices else None
        return _fields(response, choice, (choice.text if choice else "") or "", "")

    def _options(self, request: Request) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if request.temperature is not None and self._facts.temperature:
            options["temperature"] = request.temperature
        if request.seed is not None and not self._is_openai():
            options["seed"] = request.seed + request.first  # equal seeds would give equal replies
        return options

    def _is_openai(self) -> bool:
        return str(self._client.openai.base_url).startswith("https://api.openai.com")

    def _explained(self, error: openai.APIStatusError) -> LLMError:
        message = f"{self._name} answered {error.status_code}: {error.message or 'no message'}"
        if error.status_code == 429 and "insufficient_quota" in str(error.body):
            return QuotaError(f"the account's quota is spent ({message})")
        if error.status_code == 429:
            wait = _seconds(error.response.headers.get("retry-after"))
            return TransientError(message, wait=wait, too_many=True)
        if error.status_code in (408, 409) or error.status_code >= 500:
            return TransientError(message)
        if error.status_code in (401, 403):
            return LLMError(
                f"{self._name} answered {error.status_code}: the API key was not accepted.",
                "check OPENAI_API_KEY, and that it belongs to this server",
            )
        if 300 <= error.status_code < 400:
            return LLMError(
                f"{self._name} answered {error.status_code}, a redirect, which is not followed.",
                "is --base-url right? It usually ends in /v1",
            )
        if error.status_code == 404:
            return LLMError(message, "are the model's name and --base-url right?")
        return LLMError(message)

    async def close(self) -> None:
        """Does nothing: models share the client, and the pool closes it."""


def _fields(response: Any, choice: Any, text: str, refusal: str) -> dict[str, Any]:
    finish = str(choice.finish_reason or "unknown") if choice is not None else "empty"
    if refusal or finish in BLOCKED:
        finish, detail = "blocked", refusal or finish
    elif choice is None:
        detail = "no choices"
    else:
        finish, detail = "empty" if finish == "stop" and not text else finish, ""
    return {
        "text": text,
        "finish": finish,
        "detail": detail,
        "model": str(response.model or ""),
        "usage": _usage(response.usage),
    }


def _usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    inside = getattr(usage, "completion_tokens_details", None)
    cached = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        input=usage.prompt_tokens or 0,
        output=usage.completion_tokens or 0,
        thinking=(getattr(inside, "reasoning_tokens", None) or 0) if inside else 0,
        cached=(getattr(cached, "cached_tokens", None) or 0) if cached else 0,
    )


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the key that only Google defines."""
    return {key: value for key, value in schema.items() if key != "propertyOrdering"}


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
