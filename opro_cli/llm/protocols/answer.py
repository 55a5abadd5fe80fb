"""The answer of a server as it came, whatever the library between makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """What the server has answered to one request."""

    status: int = 0
    """0 where nothing came."""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


_CURRENT: ContextVar[Answer | None] = ContextVar("answer", default=None)


@contextlib.contextmanager
def kept() -> Iterator[Answer]:
    """Keep what is answered to the request that is made inside."""
    token = _CURRENT.set(answer := Answer())
    try:
        yield answer
    finally:
        _CURRENT.reset(token)


def keep(status: int, body: str, headers: Mapping[str, str]) -> None:
    """Called by the client's hook, also in a thread that has the context of the request."""
    answer = _CURRENT.get()
    if answer is not None:
        answer.status, answer.body, answer.headers = status, body, headers


async def keep_http(response: Any) -> None:
    """The hook of an HTTP client, see :func:`opro_cli.llm.http.http_client`."""
    await response.aread()
    keep(response.status_code, response.text, response.headers)


def keep_aws(response_dict: dict[str, Any], **_: Any) -> None:
    """The hook of botocore, for its event ``before-parse``."""
    body = response_dict.get("body", b"")
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
    keep(response_dict["status_code"], text, response_dict["headers"])
