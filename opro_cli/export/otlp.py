"""``--to otlp``: traces for every tool that takes OpenTelemetry's protocol.

A file holds the protocol's JSON, one request a line. A server gets the same as protobuf over HTTP,
at ``/v1/traces``.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any
from urllib.parse import unquote

from typing_extensions import override

from opro_cli.core import __version__
from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.export.course import read_course
from opro_cli.export.spans import Span, Value, spans_of
from opro_cli.export.target import Destination, Exported, ExportFailed, Target, write_file
from opro_cli.runs.store import StoredRun

PATH = "/v1/traces"

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
"""The variable with headers for the server, as ``name=value,name=value``."""

BATCH = 256
"""Spans a request."""

ATTEMPTS, PASSING = 5, (429, 502, 503, 504)
"""Attempts for one request, and the statuses after which it is repeated."""

LONGEST_WAIT = 60.0
"""Seconds that a server may ask to wait."""

IDS = ("traceId", "spanId", "parentSpanId")


class OtlpTarget(Target):
    """Traces in OpenTelemetry's protocol."""

    summary = "traces in OpenTelemetry's protocol: a server, or a file of JSON lines"
    to_path = to_server = True

    @override
    def check(self, where: Destination) -> None:
        super().check(where)
        here = find_spec("opentelemetry") and find_spec("opentelemetry.proto")
        if where.endpoint and not here:
            raise UsageError(
                "The export to a server needs a package that is not installed.",
                "pip install 'opro-cli[otlp]'; -o FILE needs none",
            )

    @override
    def export(self, runs: Sequence[StoredRun], where: Destination) -> Exported:
        spans = (s for run in runs for s in spans_of(read_course(run), texts=where.texts))
        requests = (request_of(batch, where) for batch in _batches(spans))
        counts = {"runs": len(runs), "spans": 0}
        if where.path is not None:
            lines = []
            for request in requests:
                counts["spans"] += _number_of(request)
                lines.append(json.dumps(request, ensure_ascii=False) + "\n")
            write_file(where.path, "".join(lines))
            return Exported(str(where.path), counts)
        url = where.endpoint.rstrip("/")
        url = url if url.endswith(PATH) else url + PATH
        notes = []
        with _Sender(url, where) as sender:
            for request in requests:
                counts["spans"] += _number_of(request)
                notes += sender.send(request)
        return Exported(url, counts, tuple(dict.fromkeys(notes)))


TARGET = OtlpTarget()


def _batches(spans: Iterator[Span]) -> Iterator[list[Span]]:
    while batch := list(islice(spans, BATCH)):
        yield batch


def _number_of(request: dict[str, Any]) -> int:
    return len(request["resourceSpans"][0]["scopeSpans"][0]["spans"])


def request_of(spans: Sequence[Span], where: Destination) -> dict[str, Any]:
    """An ExportTraceServiceRequest in the protocol's JSON, in which ids are hexadecimal."""
    about = _attributes({"service.name": "opro", "service.version": __version__}, where)
    scope = {"name": "opro_cli", "version": __version__}
    made = [_span(span, where) for span in spans]
    return {
        "resourceSpans": [
            {"resource": {"attributes": about}, "scopeSpans": [{"scope": scope, "spans": made}]}
        ]
    }


def _span(span: Span, where: Destination) -> dict[str, Any]:
    made: dict[str, Any] = {
        "traceId": span.trace,
        "spanId": span.id,
        "name": where.redact(span.name),
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes, where),
    }
    if span.parent:
        made["parentSpanId"] = span.parent
    if span.error:
        made["status"] = {"code": 2, "message": where.redact(span.error) if where.texts else ""}
    return made


def _attributes(values: Mapping[str, Value], where: Destination) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value, where)} for key, value in values.items()]


def _value(value: Value, where: Destination) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_value(item, where) for item in value]}}
    return {"stringValue": where.redact(value)}


def protobuf(request: dict[str, Any]) -> bytes:
    """The request as protobuf, whose JSON writes ids in base 64."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in IDS:
            if name in span:
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    made = ParseDict(request, trace_service_pb2.ExportTraceServiceRequest())
    return bytes(made.SerializeToString())


def headers_of(text: str) -> dict[str, str]:
    """The headers in a variable. Raises UsageError, without showing them."""
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, sign, value = pair.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not sign or not name or not (name + value).isascii() or not value.isprintable():
            raise UsageError(f"{HEADERS} holds no headers.", "write name=value,name=value")
        found[name] = value
    return found


class _Sender:
    """Sends requests to one server, and follows no redirect."""

    def __init__(self, url: str, where: Destination) -> None:
        import httpx2

        from opro_cli.llm.network import route_to, ssl_context

        self._url, self._where = url, where
        self._headers = headers_of((where.env or {}).get(HEADERS, ""))
        self._http = httpx2.Client(
            verify=ssl_context(url), proxy=route_to(url).proxy, trust_env=False, timeout=60.0
        )

    def __enter__(self) -> _Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, request: dict[str, Any]) -> list[str]:
        """Send a request; the sentences that the server has for the user. Raises ExportFailed."""
        import httpx2

        from opro_cli.llm.faults import read_fault

        headers = {**self._headers, "Content-Type": "application/x-protobuf"}
        body = protobuf(request)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._http.post(self._url, content=body, headers=headers)
            except httpx2.HTTPError as error:
                raise ExportFailed(
                    f"{self._url} cannot be reached: {str(error) or type(error).__name__}.",
                    "is the server running, and --endpoint right?",
                ) from None
            if answer.status_code not in PASSING or attempt == ATTEMPTS:
                break
            fault = read_fault(answer.status_code, answer.text, answer.headers)
            time.sleep(
                min(2.0 ** (attempt - 1) if fault.wait is None else fault.wait, LONGEST_WAIT)
            )
        if answer.status_code != 200:
            said = read_fault(answer.status_code, answer.text).words
            raise ExportFailed(
                f"{self._url} answered {answer.status_code}: {self._without_keys(said)}",
                f"headers for the server, such as a key, are read from {HEADERS}",
            )
        return self._partial(answer.content)

    def _partial(self, content: bytes) -> list[str]:
        """What the server has not taken."""
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        try:
            said = trace_service_pb2.ExportTraceServiceResponse.FromString(content).partial_success
        except DecodeError:  # some servers answer in words
            return []
        if not said.rejected_spans and not said.error_message:
            return []
        words = self._without_keys(clean(said.error_message, 200))
        return [
            f"The server has rejected {said.rejected_spans} spans: {words or 'it says no more'}."
        ]

    def _without_keys(self, text: str) -> str:
        for value in self._headers.values():
            text = text.replace(value, "[key]") if len(value) >= 8 else text
        return self._where.redact(text)
