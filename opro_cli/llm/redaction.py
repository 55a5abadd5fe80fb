"""Removes keys from everything a server sends: replies and errors, in any encoding."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import quote, quote_plus

from opro_cli.core.errors import LLMError
from opro_cli.core.events import Reply
from opro_cli.core.model import Model, Request, Wrapper

SHORTEST = 8
"""Characters of the shortest key: a shorter word can occur in any text by chance."""

HIDDEN = "[key]"


def key_forms(env: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Every way in which the keys may be written, the longest first.

    Args:
        env: environment variables.
        names: those that hold keys.
    """
    values = {env.get(name, "").strip() for name in names}
    forms = {form for key in values if len(key) >= SHORTEST for form in _forms(key)}
    return sorted(forms, key=len, reverse=True)


def _forms(key: str) -> Iterable[str]:
    escaped = json.dumps(key)[1:-1]
    yield from (key, quote(key), quote(key, safe=""), quote_plus(key), html.escape(key))
    yield from (escaped, json.dumps(escaped)[1:-1], repr(key)[1:-1])
    yield from (base64.b64encode(key.encode()).decode().rstrip("="), key.encode().hex())


class Redacted(Wrapper):
    """A model whose replies and errors hold no key, even where the server sends it back.

    Args:
        inner: the model.
        secrets: the texts to remove, see :func:`key_forms`.
    """

    def __init__(self, inner: Model, secrets: Iterable[str]) -> None:
        super().__init__(inner)
        self._secrets = tuple(secrets)

    async def sample(self, request: Request) -> list[Reply]:
        """The model's replies, without keys. The errors of the model are without keys too."""
        try:
            replies = await self.inner.sample(request)
        except LLMError as error:
            error.message, error.hint = self._redact(error.message), self._redact(error.hint)
            error.args = (error.message,)
            raise
        return [
            replace(reply, **{f.name: self._redact(getattr(reply, f.name)) for f in fields(reply)})
            for reply in replies
        ]

    def _redact(self, value: Any) -> Any:
        """A text, or the texts of a tuple, without keys; any other value as it is."""
        if isinstance(value, tuple):
            return tuple(self._redact(item) for item in value)
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, HIDDEN)
        return value
