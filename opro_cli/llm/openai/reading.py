"""Reads what a server with OpenAI's protocol answers: completions in every shape, and streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from opro_cli.core.events import Reply
from opro_cli.llm.faults import parse, parse_events
from opro_cli.llm.replies import (
    THOUGHT_ALL,
    build_reply,
    content_text,
    name_of,
    raw,
    text_of,
    thinking_text,
    thoughts_in,
    usage_of,
)

BLOCKED = {"content_filter"}

METADATA = {"id", "object", "created", "model", "usage", "choices", "system_fingerprint"}
"""Fields of a completion in which there is no text."""

REASONING = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message in which some servers put the answer."""


def read_body(body: str) -> Any:
    """The JSON of an answer. A server may send a stream although the request did not ask for one:
    then the completion is put together from its parts.

    None where the answer is neither.
    """
    data = parse(body)
    if data is None:
        return _joined(parse_events(body))
    if isinstance(data, list):
        return data[0] if len(data) == 1 else _joined(data) or data
    return data


def read_completion(data: dict[str, Any], body: str, seconds: float) -> Reply:
    """The reply in a completion. Whatever is not as the protocol says counts as not said."""
    usage = _object(data.get("usage"))
    choice = _first(data.get("choices")) or _other_choice(data)
    text, finish, detail = _read_choice(choice) if choice is not None else ("", "empty", "")
    if choice is None:
        detail = "no choices"
    if not text.strip() and finish not in ("blocked", "length") and _holds_more(data, choice):
        detail = f"{detail or 'nothing could be read'}; the answer: {raw(body)}"
    return build_reply(
        text=text,
        finish=finish,
        model=data.get("model"),
        usage=usage_of(
            usage.get("prompt_tokens", usage.get("input_tokens")),
            usage.get("completion_tokens", usage.get("output_tokens")),
            thinking=_object(usage.get("completion_tokens_details")).get("reasoning_tokens"),
            cached=_object(usage.get("prompt_tokens_details")).get("cached_tokens"),
        ),
        seconds=seconds,
        detail=detail,
        beside=_beside(data, text),
    )


def _other_choice(data: dict[str, Any]) -> dict[str, Any] | None:
    """The choice in an answer of a neighbouring protocol: Ollama's own, Anthropic's, Responses."""
    finish = data.get("stop_reason", data.get("done_reason")) or "unknown"
    if isinstance(data.get("message"), dict):
        return {"message": data["message"], "finish_reason": finish}
    if isinstance(data.get("content"), list):
        return {"message": {"content": data["content"]}, "finish_reason": finish}
    output = data.get("output")
    for item in output if isinstance(output, list) else []:
        if _object(item).get("type") == "message":
            return {"message": {"content": item.get("content")}, "finish_reason": finish}
    return None


def _beside(data: dict[str, Any], text: str) -> Iterator[str]:
    """What came beside the text of a completion: thinking, calls of tools, further choices."""
    choices = data.get("choices")
    for number, choice in enumerate(choices if isinstance(choices, list) else []):
        message = choice.get("message") if isinstance(choice, dict) else None
        if number or not isinstance(message, dict):
            yield text_of(choice) if number else ""
            continue
        yield thoughts_in(message.get("content"))
        yield from (thinking_text(message.get(name)) for name in REASONING)
        for name in ("tool_calls", "function_call"):
            call = message.get(name)
            if call and text != _elsewhere({name: call})[0]:
                yield text_of(call)


def _read_choice(choice: dict[str, Any]) -> tuple[str, str, str]:
    """Text, finish and detail of a choice."""
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": message}
    finish = name_of(choice.get("finish_reason")) or "unknown"
    content = text = content_text(message.get("content"))
    detail = ""
    refusal = text_of(message.get("refusal") or None)
    if refusal or finish in BLOCKED:
        return text, "blocked", refusal or finish
    if not text.strip():
        text = text_of(choice.get("text"))
    if not text.strip():
        text, detail = _elsewhere(message)
        if detail and finish == "length" and "tool" not in detail:
            return "", finish, f"{THOUGHT_ALL}: {raw(text)}"
    if not text.strip():
        text = content  # spaces are kept as they came
        finish = "empty" if finish == "stop" else finish
        detail = THOUGHT_ALL if finish == "length" else ""
    return text, finish, detail


def _elsewhere(message: dict[str, Any]) -> tuple[str, str]:
    """The text of a message without a content, and where it was."""
    calls = message.get("tool_calls")
    call = _first(calls) if calls else None
    function = _object(call.get("function")) if call else _object(message.get("function_call"))
    arguments = text_of(function.get("arguments"))
    if arguments.strip():
        return arguments, "the answer is in the arguments of a tool call"
    for name in REASONING:
        text = thinking_text(message.get(name))
        if text.strip():
            return text, f"the content is empty; the answer is in {name}"
    return "", ""


def _holds_more(data: dict[str, Any], choice: dict[str, Any] | None) -> bool:
    """Whether an answer without a text holds anything else than an empty message."""
    if choice is None:
        return bool(data.get("choices")) or bool(set(data) - METADATA)
    message = choice.get("message", choice)
    if not isinstance(message, dict):
        return message is not None
    return any(v for k, v in message.items() if k not in ("role", "content", "refusal"))


def _joined(chunks: Iterable[Any]) -> dict[str, Any] | None:
    """The completion that the events of a stream make."""
    found: dict[str, Any] = {}
    message: dict[str, Any] = {}
    finish: Any = None
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        found |= {k: v for k, v in chunk.items() if k != "choices" and v is not None}
        choice = _first(chunk.get("choices"))
        if choice is None:
            continue
        finish = choice.get("finish_reason") or finish
        delta = choice.get("delta", choice.get("message"))
        pieces = dict(delta) if isinstance(delta, dict) else {"content": choice.get("text")}
        call = _first(pieces.pop("tool_calls", None))
        if call is not None:
            pieces["arguments"] = _object(call.get("function")).get("arguments")
        for name, piece in pieces.items():
            if name != "role" and (text := content_text(piece)):
                message[name] = message.get(name, "") + text
    if not found and not message:
        return None
    if "arguments" in message:
        message["function_call"] = {"arguments": message.pop("arguments")}
    if message or finish:
        found["choices"] = [{"message": message, "finish_reason": finish}]
    return found


def _first(value: Any) -> dict[str, Any] | None:
    """The first object of a list; None where there is none."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return None
    return value[0]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def plain_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the key that only Google defines."""
    return {key: value for key, value in schema.items() if key != "propertyOrdering"}


def merged(body: dict[str, Any], extra: str) -> dict[str, Any]:
    """A request's body with the user's additions, which win."""
    more = json.loads(extra) if extra else {}
    return {**body, **more}
