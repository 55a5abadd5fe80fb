"""One strict constructor between what a server sends and the log.

Whatever a server says of text, finish, model and usage, :func:`build_reply` makes a reply of it
that can be written and read back; what has another type, or is beyond all reason, counts as not
said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from opro_cli.core.events import MAX_TEXT, Reply, Usage

MOST_TOKENS = 10**9
"""Tokens of one reply that are believed."""

RAW = 20_000
"""Characters of an answer that are kept where nothing in it could be read."""

MOST_BESIDE = 1_000_000
"""Characters that are kept beside an answer."""

SHORT = 200
"""Characters of a name."""

THINKING = ("thinking", "reasoning", "redacted_thinking")
"""Types of the parts of a content that are no part of the answer."""

THOUGHT_ALL = "all output tokens went into thinking"


def build_reply(
    *,
    text: Any,
    finish: Any,
    model: Any,
    usage: Usage | None,
    seconds: float = 0.0,
    detail: str = "",
    calls: int = 1,
    beside: Iterable[str] = (),
) -> Reply:
    """A reply that can be written and read back.

    Args:
        text: the answer.
        finish: as of :class:`Reply`.
        model: that has answered.
        usage: tokens, where the server says them.
        seconds: of the call.
        detail: why there is no text, or where it was.
        calls: as of :class:`Reply`.
        beside: texts that came with it and are no part of the answer, such as thinking.
    """
    words, notes = text_of(text), [detail] if detail else []
    if len(words) > MAX_TEXT:
        notes.append(f"only the first {MAX_TEXT:,} of {len(words):,} characters are kept")
    return Reply(
        text=_writable(words[:MAX_TEXT]),
        finish=_writable(name_of(finish)) or "unknown",
        model=_writable(name_of(model)),
        usage=usage,
        calls=calls,
        seconds=min(max(seconds, 0.0), 1e9),
        detail=_writable("; ".join(notes)[: RAW + 1000]),
        beside=_writable(_joined(beside, words)[:MOST_BESIDE]),
    )


def _joined(texts: Iterable[str], known: str) -> str:
    """The texts, each once, without one that is known already."""
    return "\n\n".join(
        text for text in dict.fromkeys(text.strip() for text in texts) if text and text not in known
    )


def lost_reply(why: str, seconds: float = 0.0) -> Reply:
    """A reply that was paid for and cannot be had, such as one beyond all size."""
    return build_reply(
        text="", finish="unreadable", model="", usage=None, seconds=seconds, detail=why
    )


def misread_reply(data: Any, body: str, seconds: float) -> Reply:
    """The reply for JSON that is no answer of the protocol: a text is one, all else is kept."""
    if not isinstance(data, str):
        return lost_reply(f"the answer is no object; the answer: {raw(body)}", seconds)
    return build_reply(
        text=data,
        finish="unknown",
        model="",
        usage=None,
        seconds=seconds,
        detail="the answer is a text alone",
    )


def usage_of(input_: Any, output: Any, *, thinking: Any = None, cached: Any = None) -> Usage | None:
    """Tokens, where the server says both numbers and both make sense; else None."""
    both = count_of(input_), count_of(output)
    if both[0] is None or both[1] is None:
        return None
    return Usage(both[0], both[1], count_of(thinking) or 0, count_of(cached) or 0)


def count_of(value: Any) -> int | None:
    """A number of tokens; None for anything that is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MOST_TOKENS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def text_of(value: Any) -> str:
    """A text; anything else as JSON, so that it can still be read."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):  # a number with thousands of digits
        return ""


def content_text(content: Any) -> str:
    """The text in a content: a text, a list of parts without the thinking, or anything else."""
    if isinstance(content, list):
        return "".join(_parts(content))
    return text_of(content)


def _parts(content: list[Any]) -> Iterator[str]:
    for part in content:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and not _is_thinking(part):
            found = part.get("text", part.get("content"))
            if isinstance(found, dict):  # {"text": {"value": …}}
                found = found.get("value")
            yield content_text(found) if isinstance(found, list) else text_of(found)


def _is_thinking(part: dict[str, Any]) -> bool:
    return part.get("type") in THINKING or bool(part.get("thought"))


def thoughts_in(content: Any) -> str:
    """The thinking among the parts of a content."""
    parts = content if isinstance(content, list) else []
    return thinking_text([p for p in parts if isinstance(p, dict) and _is_thinking(p)])


def thinking_text(content: Any) -> str:
    """The text of thinking, as one text or as a list of parts; empty where there is none."""
    if isinstance(content, list):
        parts = (
            part.get("thinking", part.get("text")) if isinstance(part, dict) else part
            for part in content
        )
        return "".join(thinking_text(part) for part in parts)
    return content if isinstance(content, str) else ""


def name_of(value: Any) -> str:
    """A short text, such as the name of a model; empty for a value that is no name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return str(value)[:SHORT]
    except ValueError:  # a number with thousands of digits
        return ""


def raw(body: str) -> str:
    """The beginning of an answer, for the detail of a reply in which nothing could be read."""
    return body if len(body) <= RAW else body[:RAW] + "…"


_LONE = re.compile("[\ud800-\udfff]")


def _writable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file can hold."""
    return text if text.isascii() else _LONE.sub("\ufffd", text)
