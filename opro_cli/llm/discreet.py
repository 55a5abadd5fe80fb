"""No key in what a server says: not in a reply, not in an error, in whatever encoding."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote, quote_plus

from opro_cli.errors import LLMError
from opro_cli.events import Reply
from opro_cli.llm.base import LLM, Form, Request

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")
SHORTEST = 8
"""Characters of the shortest key: a shorter word may stand in any text by chance."""
HIDDEN = "[key]"


def forms(env: Mapping[str, str]) -> list[str]:
    """Every key in the environment as it might be written, the longest first."""
    keys = {env[name].strip() for name in KEYS if len(env.get(name, "").strip()) >= SHORTEST}
    found = {form for key in keys for form in _forms(key)}
    return sorted(found, key=len, reverse=True)


def _forms(key: str) -> Iterable[str]:
    escaped = json.dumps(key)[1:-1]
    yield from (key, quote(key), quote(key, safe=""), quote_plus(key), html.escape(key))
    yield from (escaped, json.dumps(escaped)[1:-1], repr(key)[1:-1])
    yield from (base64.b64encode(key.encode()).decode().rstrip("="), key.encode().hex())


class Discreet:
    """A model whose replies and errors hold no key, even where the server sends it back.

    Args:
        llm: the model.
        secrets: what must not be seen, see :func:`forms`.
    """

    def __init__(self, llm: LLM, secrets: Iterable[str]) -> None:
        self._llm = llm
        self._secrets = tuple(secrets)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._llm.name

    @property
    def form(self) -> Form:
        """The model's form of meta-prompt."""
        return self._llm.form

    @property
    def samples_per_call(self) -> int:
        """As the model's."""
        return self._llm.samples_per_call

    async def sample(self, request: Request) -> list[Reply]:
        """The model's replies, without keys. Raises what the model raises, without keys."""
        try:
            replies = await self._llm.sample(request)
        except LLMError as error:
            error.message, error.hint = self._hide(error.message), self._hide(error.hint)
            error.args = (error.message,)
            raise
        return [
            replace(
                reply,
                text=self._hide(reply.text),
                finish=self._hide(reply.finish),
                model=self._hide(reply.model),
                detail=self._hide(reply.detail),
            )
            for reply in replies
        ]

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    async def close(self) -> None:
        """Close the model."""
        await self._llm.close()
