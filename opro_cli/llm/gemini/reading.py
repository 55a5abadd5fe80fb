"""Reads what Gemini answers: candidates in every shape, and streams that were not requested."""

from __future__ import annotations

from typing import Any

from opro_cli.core.events import Reply, Usage
from opro_cli.llm.faults import parse, parse_events
from opro_cli.llm.replies import (
    THOUGHT_ALL,
    build_reply,
    content_text,
    count_of,
    name_of,
    raw,
    text_of,
    thoughts_in,
    usage_of,
)

BLOCKED = {
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
}


def read_body(body: str) -> Any:
    """The JSON of an answer; of a stream, the response that it makes. None for neither."""
    data = parse(body)
    if data is None:
        data = parse_events(body) or None
    if isinstance(data, list) and data:
        chunks = [chunk for chunk in data if isinstance(chunk, dict)]
        return _joined(chunks) if chunks else data
    return data


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The response that the chunks of a stream make."""
    found: dict[str, Any] = {}
    parts: list[Any] = []
    candidate: dict[str, Any] = {}
    for chunk in chunks:
        found |= chunk
        first = _objects(chunk.get("candidates"))[:1]
        for item in first:
            candidate |= {k: v for k, v in item.items() if v is not None}
            content = item.get("content")
            more = content.get("parts") if isinstance(content, dict) else None
            parts += more if isinstance(more, list) else []
    if candidate:
        found["candidates"] = [{**candidate, "content": {"role": "model", "parts": parts}}]
    return found


def read_response(data: dict[str, Any], body: str, samples: int, seconds: float) -> list[Reply]:
    """One reply for each sample requested; a missing candidate gives an empty reply."""
    feedback = _object(data.get("promptFeedback"))
    reason = name_of(feedback.get("blockReason"))
    candidates = _objects(data.get("candidates"))
    if reason:
        contents = [("", "blocked", f"prompt: {reason}")]
    else:
        contents = [_content(candidate, body) for candidate in candidates]
    why = "no candidates" if not contents else "fewer candidates than asked"
    if not contents and data.get("candidates"):
        why += f" that can be read; the answer: {raw(body)}"
    beside = [_beside(candidate) for candidate in candidates]
    if beside:
        beside[0] += [text_of(candidate) for candidate in candidates[samples:]]
    missing = [("", "empty", why)]
    contents = (contents + missing * samples)[:samples]
    return [
        build_reply(
            text=text,
            finish=finish,
            model=data.get("modelVersion"),
            usage=_usage(data.get("usageMetadata")) if i == 0 else Usage(),
            calls=1 if i == 0 else 0,
            seconds=seconds,
            detail=detail,
            beside=beside[i] if i < len(beside) else (),
        )
        for i, (text, finish, detail) in enumerate(contents)
    ]


def _beside(candidate: dict[str, Any]) -> list[str]:
    """The thinking of a candidate, and its calls of functions beside a text."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    calls = [text_of(p) for p in _objects(parts) if "text" not in p and content_text(parts).strip()]
    return [thoughts_in(parts), *calls]


def _usage(counts: Any) -> Usage | None:
    """Tokens of the whole call; thinking counts as output.

    Google leaves out a count of zero, but not all of them.
    """
    if not isinstance(counts, dict):
        return None
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    if not any(name in counts for name in names):
        return None
    prompt, output, thinking = (count_of(counts.get(name, 0)) for name in names)
    if output is None or thinking is None:
        return None
    cached = counts.get("cachedContentTokenCount")
    return usage_of(prompt, output + thinking, thinking=thinking, cached=cached)


def _content(candidate: dict[str, Any], body: str) -> tuple[str, str, str]:
    """Text, finish and detail of a candidate; never an exception."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    text, detail = content_text(parts), ""
    reason = name_of(candidate.get("finishReason"))
    if not text.strip():
        for part in _objects(parts):
            call = _object(part.get("functionCall"))
            if call.get("args"):
                text = text_of(call["args"])
                detail = "the answer is in the arguments of a function call"
                break
    if reason in BLOCKED:
        return text, "blocked", reason
    if reason == "MAX_TOKENS":
        return text, "length", detail if text.strip() else THOUGHT_ALL
    if not text.strip() and parts:
        detail = f"nothing could be read; the answer: {raw(body)}"
    if reason == "STOP":
        return text, "stop" if text.strip() else "empty", detail
    said = text_of(candidate.get("finishMessage"))
    return text, reason.lower() or "unknown", detail or said


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
