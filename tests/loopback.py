"""Servers on the loopback interface that answer like a provider: real sockets, no patching."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:  # a form, or bytes, and no JSON
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw


@dataclass
class Answer:
    """What the server sends back. ``hang`` closes the connection without a word."""

    status: int = 200
    body: Any = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    delay: float = 0.0


@dataclass
class Asked:
    """A request the server has received."""

    path: str
    headers: dict[str, str]
    body: Any


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # many calls begin at once


class Loopback:
    """Answers requests with a list of answers, in order; the last one is repeated."""

    def __init__(self, answers: list[Answer] | Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        self._answers = answers
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def _next(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if callable(self._answers):
                return self._answers(asked)
            return self._answers[min(len(self.asked), len(self._answers)) - 1]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The server's address, while it serves."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                raw = self.rfile.read(length)
                asked = Asked(
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    _parsed(raw),
                )
                answer = outer._next(asked)
                if answer.delay:
                    outer._stopped.wait(answer.delay)
                if answer.hang:
                    self.close_connection = True
                    return
                body = answer.body
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                with contextlib.suppress(ConnectionError):  # the client may have given up
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        server = _Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self._stopped.set()
            server.shutdown()
            server.server_close()
            thread.join()


def gemini(
    text: str | None,
    *,
    finish: str = "STOP",
    model: str = "gemini-3.5-flash-lite",
    usage: dict[str, int] | None = None,
    thought: str | None = None,
) -> Answer:
    """A generateContent response with one candidate."""
    parts = [] if thought is None else [{"text": thought, "thought": True}]
    parts += [] if text is None else [{"text": text}]
    candidate: dict[str, Any] = {"finishReason": finish, "index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    return Answer(
        body={
            "candidates": [candidate],
            "modelVersion": model,
            "usageMetadata": usage
            or {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 5},
        }
    )


def chat(
    text: str | None,
    *,
    finish: str = "stop",
    model: str = "gpt",
    refusal: str | None = None,
    usage: dict[str, Any] | None = None,
) -> Answer:
    """A chat completion with one choice, in OpenAI's form."""
    return Answer(
        body={
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": text, "refusal": refusal},
                }
            ],
            "usage": usage or {"prompt_tokens": 100, "completion_tokens": 25, "total_tokens": 125},
        }
    )


def claude(text: str, *, finish: str = "end_turn", thought: str | None = None) -> Answer:
    """A message in Anthropic's form, with one block of text."""
    thinking = [{"type": "thinking", "thinking": thought, "signature": "s"}] if thought else []
    return Answer(
        body={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5-20251001",
            "content": [*thinking, {"type": "text", "text": text}],
            "stop_reason": finish,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 60,
                "output_tokens": 25,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 10,
            },
        }
    )


def converse(text: str, *, finish: str = "end_turn", thought: str | None = None) -> Answer:
    """A response of Amazon Bedrock's Converse API."""
    thinking = [{"reasoningContent": {"reasoningText": {"text": thought}}}] if thought else []
    return Answer(
        body={
            "output": {"message": {"role": "assistant", "content": [*thinking, {"text": text}]}},
            "stopReason": finish,
            "usage": {
                "inputTokens": 60,
                "outputTokens": 25,
                "totalTokens": 125,
                "cacheReadInputTokens": 30,
                "cacheWriteInputTokens": 10,
            },
            "metrics": {"latencyMs": 1},
        }
    )


def solution(w: float, b: float, reasoning: str = "because") -> str:
    """A reply's text in the form our instruction asks for."""
    return json.dumps({"reasoning": reasoning, "solution": {"w": w, "b": b}})


def error(code: int, status: str, message: str, details: list[Any] | None = None) -> Answer:
    """An error in Google's form."""
    body = {"code": code, "message": message, "status": status, "details": details or []}
    return Answer(code, {"error": body})


def too_many(delay: str | None, quota: str = "GenerateRequestsPerMinutePerProject") -> Answer:
    """A 429, with the wait the server asks for."""
    details: list[Any] = [
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": quota, "quotaValue": "20"}],
        }
    ]
    if delay is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    return error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", details)
