"""A model behind a server with OpenAI's protocol: OpenAI's own, Groq's, Ollama, vLLM.

Servers differ in the parameters that they take. A request begins with those of the protocol; where
a server refuses one and names it, the client asks again without it, and remembers that for the
model (see :mod:`opro_cli.llm.negotiation`). A request with a schema asks for JSON by that schema,
else for any JSON, else for nothing: the lenient parser reads the replies. A request with a grammar
goes to the completions endpoint, for models that continue text behind llama.cpp's server or vLLM.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import httpx2
import openai

from opro_cli.core.errors import LLMError, TransientError
from opro_cli.core.events import Reply
from opro_cli.core.model import ModelInfo, ModelRequest, Request
from opro_cli.llm.catalog import facts_of
from opro_cli.llm.faults import Fault, fault_error, fault_in, read_fault, status_in
from opro_cli.llm.gemini.quota import quota_error
from opro_cli.llm.http import TooLarge, http_client
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.negotiation import Parameter, Renegotiated, Shape, refused
from opro_cli.llm.network import route_to, split_query
from opro_cli.llm.openai.endpoints import endpoint_at
from opro_cli.llm.openai.reading import merged, plain_schema, read_body, read_completion
from opro_cli.llm.replies import build_reply, lost_reply, misread_reply

NO_KEY = "none"
"""Sent where there is no key: the client demands one."""

PARAMETERS = (
    Parameter(
        "response_format",
        (
            *("json_schema", "json_object", "schema", "grammar", "guided_json", "guided decoding"),
            *("structured output", "structured outputs", "structured_outputs", "json mode"),
        ),
        any_word=True,
    ),
    Parameter("seed", ("seeds",), any_word=True),
    Parameter("max_tokens", ("max_completion_tokens",)),
    Parameter("max_completion_tokens", ("max_tokens",)),
    Parameter("temperature"),
    Parameter("grammar"),
    Parameter("stop"),
)


class OpenAIClient:
    """The connections of a process to one server.

    Args:
        limits: calls in flight, and the timeout.
        base_url: the server. Its query is sent with every request.
        key: the API key; empty for none. It is sent as a header only.
        variable: the environment variable that holds the key, for hints.
    """

    def __init__(
        self, limits: LimitSettings, base_url: str, key: str = "", variable: str = ""
    ) -> None:
        self.timeout = limits.timeout
        self.shapes: dict[str, Shape] = {}
        """What the server takes, by model."""
        url, query = split_query(base_url)
        self.endpoint = endpoint_at(url)
        self.route = route_to(url)
        self.variable = variable or "the key"
        # Azure's older endpoints have a version in the query, and the key in a header of their own.
        azure = {"api-key": key} if key and "api-version" in query else {}
        self._http = http_client(url, self.route, limits.concurrency)
        self.openai = openai.AsyncOpenAI(
            api_key=key or NO_KEY,
            base_url=url,
            max_retries=0,
            timeout=None,
            default_query=query,
            default_headers=azure,
            http_client=self._http,
        )

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self.openai.close()


class OpenAIModel:
    """A model behind an OpenAI-compatible server.

    Args:
        model: its name, as the server knows it.
        client: the process's client for that server.
        asked: with what the user adds to every request.
        details: as of :class:`ModelInfo`.
    """

    def __init__(
        self,
        model: str,
        client: OpenAIClient,
        asked: ModelRequest | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        self.info = ModelInfo(model, details=details or {})
        self._name = model
        self._client = client
        self._facts = facts_of(model)
        self._asked = asked or ModelRequest(model)
        self._shape = client.shapes.setdefault(model, client.endpoint.shape())

    async def sample(self, request: Request) -> list[Reply]:
        """One call. Raises TransientError, QuotaError, Renegotiated or another LLMError."""
        path = "/chat/completions" if request.grammar is None else "/completions"
        shape = self._shape.copy()
        body = self._body(request, shape)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._client.timeout):
                response = await self._client.openai.post(
                    path,
                    cast_to=httpx2.Response,
                    body=merged(self._named(body), self._asked.extra_body),
                    options={"headers": dict(self._asked.headers)},
                )
            answer = response.text
        except (TimeoutError, openai.APITimeoutError):
            raise TransientError(
                f"{self._name} did not answer within {self._client.timeout:g} seconds.", late=True
            ) from None
        except openai.APIStatusError as error:
            said = read_fault(error.status_code, error.response.text, error.response.headers)
            return [self._refused(said, body, shape, time.monotonic() - began)]
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, TooLarge):
                return [lost_reply(str(cause), time.monotonic() - began)]
            self._unconnected(cause)
        return [self._read(answer, body, shape, round(time.monotonic() - began, 3))]

    def _read(self, answer: str, body: dict[str, Any], shape: Shape, seconds: float) -> Reply:
        data = read_body(answer)
        if data is not None and not isinstance(data, dict):
            return misread_reply(data, answer, seconds)
        if data is None:
            said = read_fault(200, answer).words
            raise TransientError(
                f"{self._name} answered with something that is no completion (a proxy's page?): "
                f"{said or 'nothing'}"
            )
        reply = read_completion(data, answer, seconds)
        failed = _error_in(data)
        if failed is None:
            return reply
        fault = fault_in(status_in(failed) or 400, failed)
        if reply.text:
            notes = [reply.detail] if reply.detail else []
            return replace(reply, detail="; ".join([*notes, f"with an error: {fault.words}"]))
        if reply.usage is None:
            return self._refused(fault, body, shape, seconds)
        error = fault_error(fault, self._name, hints=_hints(self._client.variable))
        error.free = False
        raise error

    def _body(self, request: Request, shape: Shape) -> dict[str, Any]:
        """The body of a request, without what the server has refused."""
        body: dict[str, Any] = {"model": self._name}
        if request.grammar is not None:
            body |= {"prompt": request.prompt, "grammar": request.grammar}
            body |= {"stop": list(request.stop)} if request.stop else {}
        else:
            system = [{"role": "system", "content": request.system}] if request.system else []
            body["messages"] = [*system, {"role": "user", "content": request.prompt}]
            form = _response_format(request, shape.schema)
            body |= {"response_format": form} if form else {}
        swapped = shape.swapped and request.grammar is None
        body["max_completion_tokens" if swapped else "max_tokens"] = request.max_tokens
        if request.temperature is not None and self._facts.temperature:
            body["temperature"] = request.temperature
        if request.seed is not None:
            body["seed"] = request.seed + request.first  # equal seeds would give equal replies
        if self._asked.reasoning_effort is not None and request.grammar is None:
            body["reasoning_effort"] = self._asked.reasoning_effort
        return {key: value for key, value in body.items() if key not in shape.left_out}

    def _named(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the server's own name of the seed."""
        name = self._client.endpoint.seed or "seed"
        return {name if key == "seed" else key: value for key, value in body.items()}

    def _refused(self, fault: Fault, body: dict[str, Any], shape: Shape, seconds: float) -> Reply:
        """A lost reply, where the server has found its own sample invalid; else raises."""
        if fault.sample is not None:
            return build_reply(
                text=fault.sample,
                finish="invalid",
                model=self._name,
                usage=None,
                seconds=seconds,
                detail=f"the server has found this reply invalid: {fault.words}",
            )
        if fault.status == 429 and any("QuotaFailure" in str(d) for d in fault.details):
            raise quota_error(f"{self._name} answered 429: {fault.words}", fault)
        if not fault.out_of_money:
            self._renegotiate(fault, body, shape)
        error = fault_error(fault, self._name, hints=_hints(self._client.variable))
        if fault.status in (401, 403) and not fault.out_of_money:
            error.message = (
                f"{self._name} answered {fault.status}: the API key was not accepted "
                f"({fault.words or 'nothing more was said'})."
            )
            error.args = (error.message,)
        raise error

    def _renegotiate(self, fault: Fault, body: dict[str, Any], shape: Shape) -> None:
        """Raises Renegotiated where the server names a parameter that can be left out."""
        found = refused(fault, list(body), PARAMETERS)
        if found is None:
            return
        name, now = found.name, self._shape
        if name == "response_format":
            whole = not any(fault.named(word) for word in ("json_schema", "schema", "grammar"))
            now.schema = max(now.schema, 2 if whole else shape.schema + 1)
            change = "any JSON is asked for" if now.schema == 1 else "no format is asked for"
        elif name in ("max_tokens", "max_completion_tokens"):
            if now.swapped == shape.swapped:
                if now.swaps:
                    return  # it refuses both names
                now.swapped, now.swaps = not now.swapped, 1
            other = "max_completion_tokens" if now.swapped else "max_tokens"
            change = f"{other} is sent instead"
        else:
            now.left_out.add(name)
            change = "it is left out"
        raise Renegotiated(
            f"{self._name} refuses {name}: from now on {change} ({fault.words}).", change + name
        )

    def _unconnected(self, cause: BaseException) -> NoReturn:
        said = str(cause) or type(cause).__name__
        if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            raise LLMError(
                f"{self._name}: the request cannot be sent as it is: {said}.",
                f"check {self._client.variable}, --base-url and opro.headers",
                free=True,
            ) from None
        route = self._client.route
        if isinstance(cause, httpx2.DecodingError):
            raise TransientError(f"{self._name}: {said}.") from None
        raise TransientError(
            f"The connection to {self._name} failed{route.words}: {said}.",
            route.hint or self._client.endpoint.running,
            free=isinstance(cause, httpx2.ConnectError),  # nothing was sent
        ) from None

    async def close(self) -> None:
        """Does nothing: models share the client, and the pool closes it."""


def _hints(variable: str) -> dict[int, str]:
    """What may help, by status."""
    return {
        401: f"check {variable}, and that it belongs to this server",
        403: f"check {variable}, and that it may use this model",
        404: "are the model's name and --base-url right?",
        **dict.fromkeys(range(300, 400), "is --base-url right? It usually ends in /v1"),
    }


def _response_format(request: Request, less: int) -> dict[str, Any] | None:
    if request.schema is None or less > 1:
        return None
    if less == 1:
        return {"type": "json_object"}
    form = {"name": "proposal", "schema": plain_schema(request.schema)}
    return {"type": "json_schema", "json_schema": form}


def _error_in(data: dict[str, Any]) -> dict[str, Any] | None:
    """The object with an error, where a completion, or its choice, is one."""
    if data.get("error") or status_in(data) is not None:
        return data
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) and choice.get("error") else None
