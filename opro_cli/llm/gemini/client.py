"""Gemini through google-genai, on the Developer API and on Vertex AI.

One client serves every Gemini model of a process. Neither environment variables nor other installed
packages change its HTTP transport (httpx2) or its API. It does not retry: the SDK ignores the
server's ``retryDelay``, so :mod:`opro_cli.llm.retry` repeats calls.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from typing import Any, Self

import google.auth.exceptions
import httpx2
from google import genai
from google.genai import errors, types

from opro_cli.core.errors import LLMError, ModelUnavailable, TransientError
from opro_cli.core.events import Reply, Usage
from opro_cli.core.model import ModelInfo, Request
from opro_cli.llm.catalog import catalog, facts_of
from opro_cli.llm.gemini.quota import objects, quota_error
from opro_cli.llm.http import http_client
from opro_cli.llm.limiter import LimitSettings

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

LOGIN = "gcloud auth application-default login"


class GoogleClient:
    """The connections of a process to one of Google's two APIs.

    Args:
        limits: the calls in flight (the client keeps as many connections, so that no call waits
            for one), and the timeout.
        key: for the Developer API. It is sent as a header only.
        project: for Vertex AI, with ``location``; the credentials are the application default.
        base_url: another server with the same protocol.

    Raises:
        ModelUnavailable: there are no Google Cloud credentials.
    """

    def __init__(
        self,
        limits: LimitSettings,
        *,
        key: str = "",
        project: str = "",
        location: str = "",
        base_url: str | None = None,
    ) -> None:
        google_log = logging.getLogger("google_genai")
        google_log.addHandler(logging.NullHandler())
        google_log.propagate = False
        # `_content` handles a finish reason that the SDK does not know; it needs no warning.
        warnings.filterwarnings("ignore", message=r".* is not a valid ", category=UserWarning)
        self.timeout = limits.timeout
        self.vertex = bool(project)
        self._http = http_client(limits.concurrency)
        options = types.HttpOptions(
            base_url=base_url,
            timeout=round(limits.timeout * 1000),
            httpx_async_client=self._http,
        )
        if self.vertex:
            self.genai = genai.Client(
                vertexai=True,
                credentials=_credentials(),
                project=project,
                location=location,
                http_options=options,
            )
        else:
            self.genai = genai.Client(vertexai=False, api_key=key, http_options=options)

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self.genai.aio.aclose()
        await self._http.aclose()
        self.genai.close()


def _credentials() -> Any:
    """The application default credentials. Raises ModelUnavailable."""
    try:
        found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
        said = str(error).partition("\n")[0]
        raise ModelUnavailable(f"Vertex AI needs Google Cloud credentials: {said}", LOGIN) from None
    return found


class GeminiModel:
    """A Gemini model.

    Args:
        model: its name, such as ``gemini-3.5-flash-lite``.
        client: the process's client.
        candidates: replies that one call brings, where the model has that.
    """

    def __init__(self, model: str, client: GoogleClient, candidates: int = 1) -> None:
        self.info = ModelInfo(model, samples_per_call=candidates)
        self._name = model
        self._facts = facts_of(model)
        self._client = client
        # Aliases such as gemini-flash-latest exist on v1beta only.
        self._beta = client.vertex or model.endswith("-latest")
        self._last: tuple[Any, types.GenerateContentConfig] | None = None

    async def sample(self, request: Request) -> list[Reply]:
        """One call. Raises TransientError, QuotaError, or another LLMError."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._client.timeout):
                response = await self._client.genai.aio.models.generate_content(
                    model=self._name, contents=request.prompt, config=self._config(request)
                )
        except errors.APIError as error:
            raise self._explained(error) from None
        except TimeoutError:
            raise TransientError(
                f"{self._name} did not answer within {self._client.timeout:g} seconds."
            ) from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError):
            raise LLMError(
                f"{self._name}: the server's address or the key cannot be sent as it is.",
                "check GOOGLE_GEMINI_BASE_URL and GEMINI_API_KEY",
            ) from None
        except httpx2.TransportError as error:
            text = str(error) or type(error).__name__
            raise TransientError(f"The connection to {self._name} failed: {text}.") from None
        except google.auth.exceptions.GoogleAuthError as error:
            raise LLMError(f"Google Cloud refused the credentials: {error}.", LOGIN) from None
        except (ValueError, TypeError, AttributeError, RecursionError):
            # The SDK has parsed the body: it is not JSON, or JSON of another shape.
            raise TransientError(
                f"{self._name} answered with something that is no response (a proxy's page?)."
            ) from None
        return _replies(response, request.samples, round(time.monotonic() - started, 3))

    def _config(self, request: Request) -> types.GenerateContentConfig:
        """The configuration of a call: that of the call before, where only the seed differs."""
        key = (
            request.system,
            request.samples,
            request.max_tokens,
            request.temperature,
            request.schema,
        )
        if self._last is None or self._last[0] != key:
            self._last = key, self._new_config(request)
        if request.seed is None:
            return self._last[1]
        # Google promises no more than its best effort for seeds.
        return self._last[1].model_copy(update={"seed": request.seed + request.first})

    def _new_config(self, request: Request) -> types.GenerateContentConfig:
        # v1 has refused system instructions in the past; v1beta always takes them.
        beta = self._beta or bool(request.system)
        options = types.HttpOptions(api_version="v1beta" if beta else "v1")
        config: dict[str, Any] = {
            "max_output_tokens": request.max_tokens,
            "automatic_function_calling": {"disable": True},
        }
        if request.system:
            config["system_instruction"] = request.system
        if request.schema is not None:
            config["response_mime_type"] = "application/json"
            # Not as `response_schema`: the SDK would then parse the reply itself, and raise an
            # error on a hostile one before it is recorded.
            body = _Uncopied(generationConfig={"responseSchema": _upper(request.schema)})
            options = options.model_copy(update={"extra_body": body})
        config["http_options"] = options
        if request.samples > 1:
            config["candidate_count"] = request.samples
        if request.temperature is not None and self._facts.temperature:
            config["temperature"] = request.temperature
        levels = self._facts.thinking
        if "budget" in levels:
            config["thinking_config"] = {"thinking_budget": 0}
        elif levels:
            config["thinking_config"] = {"thinking_level": levels[0].upper()}
        return types.GenerateContentConfig.model_validate(config)

    def _explained(self, error: errors.APIError) -> LLMError:
        body = error.details if isinstance(error.details, dict) else {}
        details = objects(_object(body.get("error")).get("details"))
        said = str(error.message or error.status or "no message")
        message = f"{self._name} answered {error.code}: {said}"
        if error.code == 429:
            return quota_error(message, details)
        if error.code in (408, 500, 502, 503, 504):
            return TransientError(message)
        if error.code and 300 <= error.code < 400:
            return LLMError(
                f"{self._name} answered {error.code}, a redirect, which is not followed.",
                "is there a proxy in between, or a wrong GOOGLE_GEMINI_BASE_URL?",
            )
        if any(d.get("reason") == "API_KEY_INVALID" for d in details) or error.code in (401, 403):
            return LLMError(
                f"{self._name} answered {error.code}: the credentials were not accepted.",
                LOGIN
                if self._client.vertex
                else "check GEMINI_API_KEY; keys are made at https://aistudio.google.com/apikey",
            )
        if error.code == 404 or "no longer available" in said:
            successor = self._facts.successor or catalog().default
            return LLMError(message, f"is the name right? Today's default is {successor}")
        return LLMError(message)

    async def close(self) -> None:
        """Does nothing: models share the client, and the pool closes it."""


class _Uncopied(dict[str, Any]):
    """A part of a request that never changes. The SDK would make a deep copy for every call."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _replies(response: types.GenerateContentResponse, samples: int, seconds: float) -> list[Reply]:
    """One reply for each sample requested; a missing candidate gives an empty reply."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        contents = [("", "blocked", f"prompt: {_name(feedback.block_reason)}")]
    else:
        contents = [_content(candidate) for candidate in response.candidates or []]
    missing = [("", "empty", "no candidates" if not contents else "fewer candidates than asked")]
    contents = (contents + missing * samples)[:samples]
    return [
        Reply(
            text=text,
            finish=finish,
            model=response.model_version or "",
            usage=_usage(response) if i == 0 else Usage(),
            calls=1 if i == 0 else 0,
            seconds=seconds,
            detail=detail,
        )
        for i, (text, finish, detail) in enumerate(contents)
    ]


def _usage(response: types.GenerateContentResponse) -> Usage | None:
    """Tokens of the whole call; thinking counts as output."""
    count = response.usage_metadata
    if count is None:
        return None
    thinking = count.thoughts_token_count or 0
    return Usage(
        input=count.prompt_token_count or 0,
        output=(count.candidates_token_count or 0) + thinking,
        thinking=thinking,
        cached=count.cached_content_token_count or 0,
    )


def _content(candidate: types.Candidate) -> tuple[str, str, str]:
    """Text, finish and detail of a candidate; never an exception."""
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


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _upper(schema: Any) -> Any:
    """A JSON schema with the names of types in capitals, as Google writes them."""
    if isinstance(schema, list):
        return [_upper(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    named = isinstance(schema.get("type"), str)
    return {
        key: value.upper() if named and key == "type" else _upper(value)
        for key, value in schema.items()
    }


def _name(value: Any) -> str:
    return str(getattr(value, "value", value) or "")
