"""One model behind a protocol of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import httpx2
from pydantic_ai.messages import ModelMessage, UserPromptPart
from pydantic_ai.messages import ModelRequest as Messages
from pydantic_ai.models import Model as Inner
from pydantic_ai.models import ModelRequestParameters, OutputObjectDefinition
from pydantic_ai.settings import ModelSettings

from opro_cli.core.errors import LLMError, TransientError
from opro_cli.core.events import Reply
from opro_cli.core.model import ModelInfo, ModelRequest, Request
from opro_cli.llm.catalog import facts_of
from opro_cli.llm.faults import Fault, fault_error, fault_in, parse, read_fault, status_in
from opro_cli.llm.http import TooLarge
from opro_cli.llm.negotiation import Parameter, Renegotiated, Shape, refused
from opro_cli.llm.network import Route
from opro_cli.llm.openai.reading import plain_schema, read_completion
from opro_cli.llm.protocols.answer import Answer, kept
from opro_cli.llm.provider import bare_name
from opro_cli.llm.replies import lost_reply, misread_reply

PARAMETERS = (
    Parameter(
        "schema",
        (
            *("output_config", "output_format", "outputConfig", "json_schema", "textFormat"),
            *("structured output", "structured outputs"),
        ),
        any_word=True,
    ),
    Parameter("temperature"),
    Parameter("thinking"),
)

UNSENT = {"ConnectError", "EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}
"""Errors, by name, of a connection that was never made: nothing was sent."""

LATE = {"ReadTimeout", "ReadTimeoutError"}
"""Errors, by name, of an answer that did not come in time."""


@dataclass
class Connection:
    """What the models of a process on one server share.

    Args:
        make: gives pydantic-ai's model of this name.
        read: turns an answer into a completion.
        stop: closes the connections.
        timeout: of a call, in seconds.
        key: the credentials in words, for hints.
        route: how the server is reached.
        extra: the setting of pydantic-ai with what the user adds to every request.
    """

    make: Callable[[str], Inner]
    read: Callable[[dict[str, Any]], dict[str, Any]]
    stop: Callable[[], Any]
    timeout: float
    key: str
    route: Route = field(default_factory=Route)
    extra: str = "extra_body"
    shapes: dict[str, Shape] = field(default_factory=dict)
    """What the server takes, by model."""

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        stopped = self.stop()
        if asyncio.iscoroutine(stopped):
            await stopped


class ProtocolModel:
    """A model that pydantic-ai asks.

    Args:
        connection: the process's connection to its server.
        asked: the model, with what the user adds to every request.
        details: as of :class:`ModelInfo`.
    """

    def __init__(
        self, connection: Connection, asked: ModelRequest, details: Mapping[str, str] | None = None
    ) -> None:
        self._name = bare_name(asked.name)
        self.info = ModelInfo(self._name, details=details or {})
        self._connection = connection
        self._inner = connection.make(self._name)
        self._facts = facts_of(self._name)
        self._asked = asked
        self._shape = connection.shapes.setdefault(self._name, Shape())

    async def sample(self, request: Request) -> list[Reply]:
        """One call. Raises TransientError, Renegotiated or another LLMError."""
        shape, began = self._shape.copy(), time.monotonic()
        system = request.system or None
        messages: list[ModelMessage]
        messages = [Messages(parts=[UserPromptPart(request.prompt)], instructions=system)]
        with kept() as answer:
            try:
                async with asyncio.timeout(self._connection.timeout):
                    await self._inner.request(
                        messages, self._settings(request, shape), self._parameters(request, shape)
                    )
            except TimeoutError:
                self._late()
            except Exception as error:  # noqa: BLE001 (whatever it makes of the answer, it is read below)
                if any(isinstance(cause, TooLarge) for cause in _causes(error)):
                    return [lost_reply(str(TooLarge()), time.monotonic() - began)]
                if not answer.status:
                    self._unanswered(error)
        seconds = round(time.monotonic() - began, 3)
        return [self._read(answer, request, shape, seconds)]

    def _settings(self, request: Request, shape: Shape) -> ModelSettings:
        settings = ModelSettings(max_tokens=request.max_tokens)
        if request.temperature is not None and self._facts.temperature:
            settings["temperature"] = request.temperature
        if self._asked.reasoning_effort is not None:
            settings["thinking"] = self._asked.reasoning_effort
        if self._asked.headers:
            settings["extra_headers"] = dict(self._asked.headers)
        if self._asked.extra_body:
            settings[self._connection.extra] = parse(self._asked.extra_body)
        for name in shape.left_out:
            settings.pop(name, None)
        return settings

    def _parameters(self, request: Request, shape: Shape) -> ModelRequestParameters:
        """With the schema, where the model and the server take one."""
        if request.schema is None or shape.schema or not self._takes_schema:
            return ModelRequestParameters()
        form = OutputObjectDefinition(plain_schema(request.schema), name="proposal", strict=True)
        return ModelRequestParameters(output_mode="native", output_object=form)

    @property
    def _takes_schema(self) -> bool:
        return bool(self._inner.profile.get("supports_json_schema_output"))

    def _read(self, answer: Answer, request: Request, shape: Shape, seconds: float) -> Reply:
        if not 200 <= answer.status < 300:
            fault = read_fault(answer.status, answer.body, answer.headers)
            self._refused(fault, request, shape)
        data = parse(answer.body)
        if data is not None and not isinstance(data, dict):
            return misread_reply(data, answer.body, seconds)
        if data is None:
            said = read_fault(200, answer.body).words
            raise TransientError(
                f"{self._name} answered with something that is no reply (a proxy's page?): "
                f"{said or 'nothing'}"
            )
        completion = self._connection.read(data)
        if completion is data and (status := status_in(data)) is not None:
            self._refused(fault_in(status, data), request, shape)
        reply = read_completion(completion, answer.body, seconds)
        return reply if reply.model else replace(reply, model=self._name)  # Bedrock does not say

    def _refused(self, fault: Fault, request: Request, shape: Shape) -> NoReturn:
        """Raises the error for what the server says; Renegotiated, where it takes less."""
        if not fault.out_of_money:
            self._renegotiate(fault, request, shape)
        key = self._connection.key
        hints = {
            401: f"check {key}",
            403: f"check {key}, and that it may use this model",
            404: "is the model's name right?",
            **dict.fromkeys(range(300, 400), "is --base-url right?"),
        }
        error = fault_error(fault, self._name, hints=hints)
        if fault.status in (401, 403) and not fault.out_of_money:
            error.message = (
                f"{self._name} answered {fault.status}: the credentials were not accepted "
                f"({fault.words or 'nothing more was said'})."
            )
            error.args = (error.message,)
        raise error

    def _renegotiate(self, fault: Fault, request: Request, shape: Shape) -> None:
        """Raises Renegotiated where the server names a part that can be left out."""
        sent = {"temperature"} - shape.left_out
        if request.schema is not None and not shape.schema and self._takes_schema:
            sent.add("schema")
        found = refused(fault, sorted(sent), PARAMETERS)
        if found is None:
            return
        if found.name == "schema":
            self._shape.schema, change = 1, "no format is asked for"
        else:
            self._shape.left_out.add(found.name)
            change = "it is left out"
        raise Renegotiated(
            f"{self._name} refuses {found.name}: from now on {change} ({fault.words}).",
            change + found.name,
        )

    def _late(self) -> NoReturn:
        raise TransientError(
            f"{self._name} did not answer within {self._connection.timeout:g} seconds.", late=True
        ) from None

    def _unanswered(self, error: Exception) -> NoReturn:
        """Raises the error for a request to which nothing came back."""
        causes = list(_causes(error))
        names = {type(cause).__name__ for cause in causes}
        said = str(causes[-1]).partition("\n")[0] or type(causes[-1]).__name__
        if names & LATE:
            self._late()
        unusable = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
        connected = any(
            isinstance(cause, httpx2.HTTPError | OSError) or "HTTPClientError" in _bases(cause)
            for cause in causes
        )
        if not connected or any(isinstance(cause, unusable) for cause in causes):
            raise LLMError(
                f"{self._name}: the request could not be sent: {said}.",
                f"check {self._connection.key}, the model's name and --base-url",
                free=True,
            ) from None
        route = self._connection.route
        raise TransientError(
            f"The connection to {self._name} failed{route.words}: {said}.",
            route.hint,
            free=bool(names & UNSENT),
        ) from None

    async def close(self) -> None:
        """Does nothing: models share the connection, and the pool closes it."""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what has caused it, the first cause last."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        seen.append(found)
        found = found.__cause__ or found.__context__
    yield from seen


def _bases(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
