"""Collects the replies of the engine, which come in chunks."""

from __future__ import annotations

import time
from typing import Any

from opro_cli.core.events import Reply, Usage


class Replies:
    """Collects the streamed chunks of a request's samples."""

    def __init__(self, samples: int, model: str) -> None:
        self._model = model
        self._text = [""] * samples
        self._finish = ["empty"] * samples
        self._usage: list[Usage | None] = [None] * samples
        self._last = 0
        self._started = self.ended = time.monotonic()
        self.error = ""
        self.needs = 0
        """Tokens that the request needs, where the context was too small; otherwise 0."""

    def take(self, chunk: dict[str, Any]) -> None:
        """Add a chunk."""
        if "error" in chunk:
            error = chunk["error"]
            self.error = str(error.get("message", error))
            if error.get("type") == "exceed_context_size_error":
                self.needs = int(error["n_prompt_tokens"]) * 5 // 4 + 64
            return
        for choice in chunk.get("choices", ()):
            i = int(choice["index"])
            delta = choice.get("delta", {}).get("content") or choice.get("text") or ""
            self._text[i] += delta
            if choice.get("finish_reason"):
                self._finish[i] = str(choice["finish_reason"])
                self._last = i
        if "usage" in chunk:  # with, or right after, the end of a sample
            self._usage[self._last] = _usage(chunk["usage"], shared=self._last > 0)

    def finished(self) -> list[Reply]:
        """The replies, after the last chunk."""
        seconds = round(self.ended - self._started, 3)
        return [
            Reply(text, finish, self._model, usage, seconds=seconds)
            for text, finish, usage in zip(self._text, self._finish, self._usage, strict=True)
        ]


def _usage(usage: dict[str, Any], shared: bool) -> Usage:
    """Tokens of one sample; those of the shared prompt count with the first sample."""
    prompt = 0 if shared else int(usage.get("prompt_tokens", 0))
    return Usage(input=prompt, output=int(usage.get("completion_tokens", 0)))
