"""What a request to Gemini holds besides its prompt."""

from __future__ import annotations

import json
from typing import Any, Self

from google.genai import types

from opro_cli.core.model import ModelRequest, Request
from opro_cli.llm.catalog import ModelFacts
from opro_cli.llm.gemini.schema import NO_SCHEMA, WHOLE, dialect
from opro_cli.llm.negotiation import Shape

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of thinking, for models that take a number."""


def new_config(
    request: Request, asked: ModelRequest, facts: ModelFacts, shape: Shape, version: str
) -> types.GenerateContentConfig:
    """The configuration of a call, without its seed.

    Args:
        request: the prompt, with its schema and limits.
        asked: with what the user adds to every request.
        facts: of the model.
        shape: what the server has refused.
        version: of the API.
    """
    body: dict[str, Any] = {}
    config: dict[str, Any] = {
        "max_output_tokens": request.max_tokens,
        "automatic_function_calling": {"disable": True},
        # The answer is read here: the SDK would raise an error on an odd one, and lose it.
        "should_return_http_response": True,
    }
    if request.system:
        config["system_instruction"] = request.system
    if request.schema is not None and shape.schema <= NO_SCHEMA:
        config["response_mime_type"] = "application/json"
        if shape.schema < NO_SCHEMA:
            schema = dialect(request.schema, bounds=shape.schema == WHOLE)
            body["generationConfig"] = {"responseSchema": schema}
    for name, value in json.loads(asked.extra_body or "{}").items():
        both = isinstance(body.get(name), dict) and isinstance(value, dict)
        body[name] = {**body[name], **value} if both else value
    config["http_options"] = types.HttpOptions(
        api_version=version,
        headers=dict(asked.headers) or None,
        extra_body=_Uncopied(body) if body else None,
    )
    if request.samples > 1:
        config["candidate_count"] = request.samples
    if request.temperature is not None and facts.temperature:
        config["temperature"] = request.temperature
    if thinking := _thinking(facts, asked.reasoning_effort):
        config["thinking_config"] = thinking
    if "temperature" in shape.left_out:
        config.pop("temperature", None)
    if "thinking" in shape.left_out:
        config.pop("thinking_config", None)
    return types.GenerateContentConfig.model_validate(config)


def _thinking(facts: ModelFacts, effort: str | None) -> dict[str, Any]:
    """As little thinking as the model takes, unless the user sets an effort."""
    levels = facts.thinking
    if effort is None:
        if "budget" in levels:
            return {"thinking_budget": 0}
        return {"thinking_level": levels[0].upper()} if levels else {}
    if "budget" in levels and effort in BUDGETS:
        return {"thinking_budget": BUDGETS[effort]}
    return {"thinking_level": effort.upper()}


class _Uncopied(dict[str, Any]):
    """A part of a request that never changes. The SDK would make a deep copy for every call."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
