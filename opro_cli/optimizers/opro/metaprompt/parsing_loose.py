"""Objects that are almost JSON, as models write them where no schema holds them.

Read as meant: single and curly quotes, names and words without quotes, quotation marks within a
text, ``=`` for a colon, commas too many or left out, comments, tuples, ``True`` and ``None``, and
a last bracket that is missing. Whatever else is wrong ends the reading.
"""

from __future__ import annotations

import re
from typing import Any

MAX_DEPTH = 20

MAX_TOKENS = 20_000
"""Tokens read from one reply, at most, over all its objects."""

_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')

# A quotation mark ends a text only where one of these follows.
_AFTER = r"\s*+(?:[,:=;})\]]|//|/\*|\#|```|$)"

_TOKEN = re.compile(
    rf"""(?:\s++|//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+
    (?: "(?P<double>(?:\\.|[^"\\]|"(?!{_AFTER}))*+)"
      | '(?P<single>(?:\\.|[^'\\]|'(?!{_AFTER}))*+)'
      | (?P<mark>=>|[{{}}\[\]():=,;])
      | (?P<word>[^\s{{}}\[\]():=,;"'`]++)
      | (?P<end>```|$)
    )""",
    re.VERBOSE | re.DOTALL,
)

_QUOTE = re.compile(r"\s*+[\"']")

_CLOSES = {"{": "}", "[": "]", "(": ")"}

_WORDS = {"true": True, "false": False, "null": None, "none": None}

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)

_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class NotRead(ValueError):
    """The text is nothing that can be read."""


class CutOff(NotRead):
    """The text ends within an object."""


class LooseReader:
    """Reads objects in one text; all of them together take no more than ``MAX_TOKENS``."""

    def __init__(self, text: str) -> None:
        self.complete = True
        """Whether the last object has all its brackets."""
        self._text = text.translate(_STRAIGHT)
        self._tokens = 0
        self._at = 0

    def read(self, at: int) -> tuple[dict[str, Any], int]:
        """The object that begins here, and where it ends. Raises NotRead."""
        self._at, self.complete = at, True
        value = self._value(self._next(), 0)
        if not isinstance(value, dict):
            raise NotRead("no object")
        return value, self._at

    def _next(self) -> re.Match[str]:
        self._tokens += 1
        found = _TOKEN.match(self._text, self._at)
        if self._tokens > MAX_TOKENS:
            raise NotRead("too long")
        if found is None:
            cut = _QUOTE.match(self._text, self._at)
            raise CutOff("no end of a text") if cut else NotRead("an unknown character")
        if found["end"] is None:  # at the end there is an end again
            self._at = found.end()
        return found

    def _value(self, token: re.Match[str], depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotRead("nested too deeply")
        if token["mark"] == "{":
            return self._object(depth)
        if token["mark"] in ("[", "("):
            return self._array(_CLOSES[token["mark"]], depth)
        if token["word"] is not None:
            return self._words(token)
        return _quoted(token)

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (token := self._item("}")) is not None:
            key = token["word"] if token["word"] is not None else _quoted(token)
            if self._next()["mark"] not in (":", "=", "=>"):
                raise NotRead("a name without a value")
            found[key] = self._value(self._next(), depth + 1)
        return found

    def _array(self, closes: str, depth: int) -> list[Any]:
        found = []
        while (token := self._item(closes)) is not None:
            found.append(self._value(token, depth + 1))
        return found

    def _item(self, closes: str) -> re.Match[str] | None:
        """The first token of the next item; None where there is none, or the text ends.

        A text may end only behind a bracket or a quotation mark: a number may be cut off.
        """
        token = self._next()
        while token["mark"] in (",", ";"):
            token = self._next()
        if token["mark"] == closes:
            return None
        if token["end"] is None:
            return token
        if self._text[: self._at].rstrip()[-1:] in ("}", "]", ")", '"', "'"):
            self.complete = False
            return None
        raise CutOff("no end")

    def _words(self, token: re.Match[str]) -> Any:
        """A number as a text, a constant, or a text without quotes up to the next mark."""
        begin = token.start("word")
        while True:
            end = self._at
            after = _TOKEN.match(self._text, end)
            if after is None or after["word"] is None:
                break
            self._next()
        text = self._text[begin:end]
        return _WORDS.get(text.lower(), text)


def _quoted(token: re.Match[str]) -> str:
    text = token["double"] if token["double"] is not None else token["single"]
    if text is None:
        raise CutOff("no end") if token["mark"] is None else NotRead("a mark in place of a value")
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _CONTROL.get(escape[2], escape[2])
