"""A server on the loopback interface that answers like Gemini, after a while.

    python benchmarks/loopback.py --latency 0.3

prints its address and serves until it is stopped. The reply follows from the prompt and the seed
alone, so the same question has the same answer, whenever it is asked and however often.
``GET /count`` says how many requests it has answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Server(asyncio.Protocol):
    """One connection. Requests on it are answered in turn, as HTTP/1.1 has it."""

    latency = 0.0
    asked = 0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in the buffer, each after the latency."""
        self._buffer += data
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            length = _content_length(head)
            if not end or len(rest) < length:
                return
            body, self._buffer = rest[:length], rest[length:]
            if head.startswith(b"GET /count"):
                self._send(json.dumps({"asked": Server.asked}).encode())
                continue
            Server.asked += 1
            loop = asyncio.get_running_loop()
            loop.call_later(Server.latency, self._send, answer(body))

    def _send(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEAD % len(body) + body)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def answer(body: bytes) -> bytes:
    """A generateContent response: a point drawn from a hash of prompt and seed."""
    asked = json.loads(body)
    prompt = asked["contents"][0]["parts"][0]["text"]
    seed = asked.get("generationConfig", {}).get("seed", 0)
    drawn = hashlib.sha256(f"{seed}/{prompt}".encode()).digest()
    # Never a target of the experiments: a run is as long as it is allowed to be.
    w, b = drawn[0] % 100 - 50, -60 - drawn[1] % 40
    text = json.dumps(
        {"reasoning": "The values fall in this direction. " * 4, "solution": {"w": w, "b": b}}
    )
    usage = {"promptTokenCount": len(prompt) // 3, "candidatesTokenCount": len(text) // 4}
    content = {"role": "model", "parts": [{"text": text}]}
    return json.dumps(
        {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": usage,
            "modelVersion": "gemini-3.5-flash-lite",
        }
    ).encode()


async def serve(latency: float) -> None:
    """Serve for ever, after printing the address."""
    Server.latency = latency
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(latency: float) -> Iterator[str]:
    """The address of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), "--latency", str(latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Parse and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.3, metavar="SECONDS")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
