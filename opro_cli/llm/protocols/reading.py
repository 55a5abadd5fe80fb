"""Turns the answers of both protocols into completions, which :mod:`opro_cli.llm.openai.reading`
reads."""

from __future__ import annotations

from typing import Any

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""The words of both protocols for the end of a reply, and those of OpenAI's."""


def from_anthropic(data: dict[str, Any]) -> dict[str, Any]:
    """The completion in an answer of Anthropic's Messages API."""
    usage = _object(data.get("usage"))
    read, written = (usage.get(f"cache_{kind}_input_tokens") for kind in ("read", "creation"))
    return _completion(
        data,
        content=data.get("content"),
        finish=data.get("stop_reason"),
        model=data.get("model"),
        tokens=(_sum(usage.get("input_tokens"), read, written), usage.get("output_tokens"), read),
    )


def from_bedrock(data: dict[str, Any]) -> dict[str, Any]:
    """The completion in an answer of Amazon Bedrock's Converse API."""
    usage = _object(data.get("usage"))
    read, written = (usage.get(f"cache{kind}InputTokens") for kind in ("Read", "Write"))
    content = _object(_object(data.get("output")).get("message")).get("content")
    return _completion(
        data,
        content=[_bedrock_part(p) for p in content] if isinstance(content, list) else content,
        finish=data.get("stopReason"),
        model=None,  # it does not say which model has answered
        tokens=(_sum(usage.get("inputTokens"), read, written), usage.get("outputTokens"), read),
    )


def _completion(
    data: dict[str, Any], *, content: Any, finish: Any, model: Any, tokens: tuple[Any, Any, Any]
) -> dict[str, Any]:
    if data.get("error") or content is None:
        return data  # an error in a 200, or something else: it is read as it is
    finish = FINISHES.get(finish, finish) if isinstance(finish, str) else finish
    return {
        "model": model,
        "choices": [{"message": {"content": content}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "prompt_tokens_details": {"cached_tokens": tokens[2]},
        },
    }


def _bedrock_part(part: Any) -> Any:
    """A part of a content; thinking in Anthropic's form."""
    thinking = _object(_object(part).get("reasoningContent")).get("reasoningText")
    if isinstance(thinking, dict):
        return {"type": "thinking", "thinking": thinking.get("text")}
    return part


def _sum(first: Any, *more: Any) -> Any:
    """A number with the numbers that are there of those that it does not include."""
    if isinstance(first, bool) or not isinstance(first, int):
        return first
    return first + sum(n for n in more if isinstance(n, int) and not isinstance(n, bool))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
