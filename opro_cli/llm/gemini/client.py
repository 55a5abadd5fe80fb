"""Gemini through google-genai, on the Developer API and on Vertex AI.

One client serves every Gemini model of a process. Neither environment variables nor other installed
packages change its HTTP transport (httpx2) or its API. The SDK gives the answer as it came: it
neither parses it nor retries, because it ignores the server's ``retryDelay``;
:mod:`opro_cli.llm.retry` repeats calls. A schema that the server refuses is sent with less in it
from then on (see :mod:`opro_cli.llm.negotiation`).
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import google.auth.exceptions
import httpx2
from google import genai
from google.genai import errors, types

from opro_cli.core.errors import LLMError, ModelUnavailable, TransientError
from opro_cli.core.events import Reply, Usage
from opro_cli.core.model import ModelInfo, ModelRequest, Request
from opro_cli.llm.catalog import catalog, facts_of
from opro_cli.llm.faults import Fault, fault_error, fault_in, read_fault, status_in
from opro_cli.llm.gemini import OWN
from opro_cli.llm.gemini.quota import quota_error
from opro_cli.llm.gemini.reading import read_body, read_response
from opro_cli.llm.gemini.request import new_config
from opro_cli.llm.gemini.schema import LESS, NO_BOUNDS, NO_SCHEMA, WHOLE, dialect
from opro_cli.llm.http import TooLarge, http_client
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.negotiation import Parameter, Renegotiated, Shape, refused
from opro_cli.llm.network import certificates_unreadable, route_to, ssl_context
from opro_cli.llm.replies import lost_reply, misread_reply

LOGIN = "gcloud auth application-default login"

KEYS = "check GEMINI_API_KEY; keys are made at https://aistudio.google.com/apikey"

PARAMETERS = (
    Parameter(
        "responseSchema",
        (
            *("response_schema", "schema", "enum", "too many states", "response_mime_type"),
            *("responseMimeType", "json mode", "structured output", "structured outputs"),
        ),
        any_word=True,
    ),
    Parameter("seed", any_word=True),
    Parameter(
        "thinking",
        (
            *("thinking_level", "thinking_budget", "thinking_config"),
            *("thinkingLevel", "thinkingBudget", "thinkingConfig"),
        ),
    ),
    Parameter("temperature"),
)


class GoogleClient:
    """The connections of a process to one of Google's two APIs.

    Args:
        limits: the calls in flight (the client keeps as many connections, so that no call waits
            for one), and the timeout.
        key: for the Developer API. It is sent as a header only.
        project: for Vertex AI, with ``location``; the credentials are the application default.
        base_url: another server with the same protocol.

    Raises:
        ModelUnavailable: there are no Google Cloud credentials, or the proxy or the certificates
            cannot be used.
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
        warnings.filterwarnings("ignore", message=r".* is not a valid ", category=UserWarning)
        self.timeout = limits.timeout
        self.key = key
        self.vertex = bool(project)
        self.shapes: dict[str, Shape] = {}
        """What the server takes, by model."""
        url = base_url or OWN[self.vertex]
        self.route = route_to(url)
        self._http = http_client(url, self.route, limits.concurrency)
        # Never used: the SDK would read proxies and certificates for clients that it does not need.
        unused: dict[str, Any] = {"verify": ssl_context("http:"), "trust_env": False}
        options = types.HttpOptions(
            base_url=base_url,
            httpx_async_client=self._http,
            httpx_client=httpx2.Client(**unused),
            client_args=unused,
            async_client_args={"ssl": unused["verify"], **unused},
        )
        login: dict[str, Any] = {"vertexai": False, "api_key": key}
        if self.vertex:
            login = {"vertexai": True, "project": project, "location": location}
            login["credentials"] = _credentials()
        try:
            self.genai = genai.Client(http_options=options, **login)
        except OSError as error:  # the SDK reads certificates that it does not use
            raise certificates_unreadable(error) from None

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
        asked: with what the user adds to every request.
        details: as of :class:`ModelInfo`.
    """

    def __init__(
        self,
        model: str,
        client: GoogleClient,
        candidates: int = 1,
        asked: ModelRequest | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        self.info = ModelInfo(model, samples_per_call=candidates, details=details or {})
        self._name = model
        self._facts = facts_of(model)
        self._client = client
        self._asked = asked or ModelRequest(model)
        self._shape = client.shapes.setdefault(model, Shape())
        # Aliases such as gemini-flash-latest exist on v1beta only.
        self._beta = model.endswith("-latest")
        self._last: tuple[Any, types.GenerateContentConfig] | None = None

    async def sample(self, request: Request) -> list[Reply]:
        """One call. Raises TransientError, QuotaError, Renegotiated or another LLMError."""
        shape = self._shape.copy()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._client.timeout):
                response = await self._client.genai.aio.models.generate_content(
                    model=self._name, contents=request.prompt, config=self._config(request, shape)
                )
        except errors.APIError as error:
            said = _fault(error)
            if isinstance(error.response, httpx2.Response) and said.status in range(200, 300):
                seconds = round(time.monotonic() - began, 3)
                return self._read(error.response.text, request, shape, seconds)
            self._refused(said, request, shape)
        except TimeoutError:
            raise TransientError(
                f"{self._name} did not answer within {self._client.timeout:g} seconds.", late=True
            ) from None
        except TooLarge as error:
            lost = lost_reply(str(error), time.monotonic() - began)
            return [lost, *[replace(lost, calls=0, usage=Usage())] * (request.samples - 1)]
        except httpx2.DecodingError as error:
            raise TransientError(f"{self._name}: {error}.") from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError):
            raise LLMError(
                f"{self._name}: the server's address, the key or a header cannot be sent as it is.",
                "check GOOGLE_GEMINI_BASE_URL, GEMINI_API_KEY and opro.headers",
                free=True,
            ) from None
        except httpx2.TransportError as error:
            text, route = str(error) or type(error).__name__, self._client.route
            raise TransientError(
                f"The connection to {self._name} failed{route.words}: {text}.",
                route.hint,
                free=isinstance(error, httpx2.ConnectError),  # nothing was sent
            ) from None
        except google.auth.exceptions.GoogleAuthError as error:
            raise LLMError(f"Google Cloud refused the credentials: {error}.", LOGIN) from None
        except (ValueError, TypeError, AttributeError, RecursionError):
            # The SDK parses the body of an error: it is not JSON, or JSON of another shape.
            raise TransientError(
                f"{self._name} answered with an error that cannot be read (a proxy's page?)."
            ) from None
        answer = response.sdk_http_response.body if response.sdk_http_response else None
        seconds = round(time.monotonic() - began, 3)
        return self._read(answer or "", request, shape, seconds)

    def _read(self, body: str, request: Request, shape: Shape, seconds: float) -> list[Reply]:
        data = read_body(body)
        if data is not None and not isinstance(data, dict):
            lost = misread_reply(data, body, seconds)
            return [lost, *[replace(lost, calls=0, usage=Usage())] * (request.samples - 1)]
        if data is None:
            said = read_fault(200, body).words
            raise TransientError(
                f"{self._name} answered with something that is no response (a proxy's page?): "
                f"{said or 'nothing'}"
            )
        if not data.get("candidates") and status_in(data) is not None:
            self._refused(fault_in(status_in(data) or 400, data), request, shape)
        return read_response(data, body, request.samples, seconds)

    def _config(self, request: Request, shape: Shape) -> types.GenerateContentConfig:
        """The configuration of a call: that of the call before, where only the seed differs."""
        key = (
            request.system,
            request.samples,
            request.max_tokens,
            request.temperature,
            request.schema,
            shape,
        )
        if self._last is None or self._last[0] != key:
            # v1 has refused system instructions in the past; v1beta always takes them.
            beta = self._beta or bool(request.system)
            version = "v1beta1" if self._client.vertex else "v1beta" if beta else "v1"
            self._last = key, new_config(request, self._asked, self._facts, shape, version)
        if request.seed is None or "seed" in shape.left_out:
            return self._last[1]
        # Google promises no more than its best effort for seeds.
        return self._last[1].model_copy(update={"seed": request.seed + request.first})

    def _refused(self, fault: Fault, request: Request, shape: Shape) -> NoReturn:
        """Raises the error for what the server says; Renegotiated, where it takes less."""
        message = f"{self._name} answered {fault.status}: {self._without_key(fault.words)}"
        if fault.out_of_money:
            error = fault_error(fault, self._name)
            error.message = self._without_key(error.message)
            error.args = (error.message,)
            raise error
        if fault.status == 429:
            raise quota_error(message, fault)
        reasons = {detail.get("reason") for detail in fault.details}
        if "API_KEY_INVALID" in reasons or fault.status in (401, 403):
            raise LLMError(
                f"{self._name} answered {fault.status}: the credentials were not accepted "
                f"({self._without_key(fault.words) or 'nothing more was said'}).",
                LOGIN if self._client.vertex else KEYS,
                free=True,
            )
        self._renegotiate(fault, request, shape)
        successor = self._facts.successor or catalog().default
        hints = {
            404: f"is the name right? Today's default is {successor}",
            **dict.fromkeys(
                range(300, 400), "is there a proxy in between, or a wrong GOOGLE_GEMINI_BASE_URL?"
            ),
        }
        error = fault_error(fault, self._name, hints=hints)
        error.message = self._without_key(error.message)
        error.args = (error.message,)
        if "no longer available" in fault.words:
            error.hint = hints[404]
        raise error

    def _renegotiate(self, fault: Fault, request: Request, shape: Shape) -> None:
        """Raises Renegotiated where the server names a part that can be left out."""
        sent = {"seed", "thinking", "temperature"} - shape.left_out
        if self._asked.reasoning_effort is not None:
            sent.discard("thinking")
        if request.schema is not None and shape.schema <= NO_SCHEMA:
            sent.add("responseSchema")
        found = refused(fault, sorted(sent), PARAMETERS)
        if found is None:
            return
        now, change = self._shape, "it is left out"
        if found.name == "responseSchema":
            now.schema = max(now.schema, _less(shape.schema, request.schema))
            change = LESS[now.schema]
        else:
            now.left_out.add(found.name)
        words = self._without_key(fault.words)
        raise Renegotiated(
            f"{self._name} refuses {found.name}: from now on {change} ({words}).",
            change + found.name,
        )

    def _without_key(self, text: str) -> str:
        return text.replace(self._client.key, "[key]") if self._client.key else text

    async def close(self) -> None:
        """Does nothing: models share the client, and the pool closes it."""


def _less(level: int, schema: Any) -> int:
    """The next level that changes anything."""
    if level == WHOLE and dialect(schema) == dialect(schema, bounds=False):
        return NO_SCHEMA
    return max(level + 1, NO_BOUNDS)


def _fault(error: errors.APIError) -> Fault:
    response = error.response
    if isinstance(response, httpx2.Response):
        return read_fault(response.status_code, response.text, response.headers)
    return fault_in(error.code or 500, error.details)
