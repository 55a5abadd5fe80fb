"""Events as JSON objects, written and read strictly. All logs are read through this module.

Whatever :func:`to_json` writes, :func:`from_json` reads; anything else, such as a log of another
program, a changed line or a number beyond all reason, is a ValueError that names the field.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from opro_cli.core.events import (
    JSON_NAMES,
    REASONS,
    STATUSES,
    Answered,
    Answers,
    Called,
    CallFailed,
    Evaluated,
    Evaluation,
    Event,
    Failed,
    Judged,
    ParsedSolution,
    Prompted,
    Replied,
    Reply,
    Resumed,
    Started,
    Stepped,
    Stopped,
    Usage,
    Verdict,
)
from opro_cli.core.events.json_fields import (
    Fields,
    read_amount,
    read_count,
    read_flag,
    read_one_of,
    read_optional,
    read_point,
    read_several,
    read_shown,
    read_text,
    read_value,
)


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, default values left out."""
    return {"type": type(event).__name__.lower(), **_dump(event)}


def from_json(data: Mapping[str, Any]) -> Event:
    """Inverse of :func:`to_json`. Raises ValueError on anything else."""
    fields = Fields(data, "t")
    kind = fields.take("type", read_text, None)
    if kind not in _READERS:
        raise ValueError(f"an event of type {str(kind)[:40]!r}")
    event = _READERS[kind](fields)
    fields.finish()
    return event


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            JSON_NAMES.get(f.name, f.name): _dump(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple | list):
        return [_dump(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no nan and no inf
    return value


def _usage(value: Any) -> Usage:
    fields = Fields(value)
    names = [field.name for field in dataclasses.fields(Usage)]
    usage = Usage(**{name: fields.take(name, read_count, 0) for name in names})
    fields.finish()
    return usage


def _reply(value: Any) -> Reply:
    fields = Fields(value)
    reply = Reply(
        text=fields.take("text", read_text),
        finish=fields.take("finish", read_text),
        model=fields.take("model", read_text),
        usage=fields.take("usage", read_optional(_usage), None),
        calls=fields.take("calls", read_count, 1),
        attempts=fields.take("attempts", read_count, 1),
        seconds=fields.take("seconds", read_amount, 0.0),
        detail=fields.take("detail", read_text, ""),
        troubles=fields.take("troubles", read_several(read_text), ()),
        cost=fields.take("cost", read_optional(read_amount), None),
        beside=fields.take("beside", read_text, ""),
    )
    fields.finish()
    return reply


def _evaluation(value: Any) -> Evaluation:
    fields = Fields(value)
    evaluation = Evaluation(
        point=fields.take("point", read_point),
        value=fields.take("value", read_value),
        source=fields.take("source", read_text, "model"),
        known=fields.take("known", read_flag, False),
        why=fields.take("why", read_text, ""),
        detail=fields.take("detail", read_text, ""),
        note=fields.take("note", read_text, ""),
    )
    fields.finish()
    return evaluation


def _verdict(value: Any) -> Verdict:
    fields = Fields(value)
    verdict = Verdict(
        point=fields.take("point", read_point),
        part=fields.take("part", read_text),
        value=fields.take("value", read_value),
        detail=fields.take("detail", read_text, ""),
    )
    fields.finish()
    return verdict


def _solution(value: Any) -> ParsedSolution:
    fields = Fields(value)
    solution = ParsedSolution(
        sample=fields.take("sample", read_count),
        status=fields.take("fate", read_one_of(STATUSES)),
        point=fields.take("point", read_optional(read_point), None),
        why=fields.take("why", read_text, ""),
    )
    fields.finish()
    return solution


def _prompted(fields: Fields) -> Prompted:
    return Prompted(
        step=fields.take("step", read_count),
        prompt=fields.take("prompt", read_text),
        shown=fields.take("shown", read_several(read_shown)),
        samples=fields.take("samples", read_count),
        form=fields.take("form", read_text),
        temperature=fields.take("temperature", read_optional(read_amount), None),
        seed=fields.take("seed", read_optional(read_count), None),
        first=fields.take("first", read_count, 0),
    )


def _stepped(fields: Fields) -> Stepped:
    return Stepped(
        step=fields.take("step", read_count),
        pairs=fields.take("pairs", read_several(_evaluation)),
        solutions=fields.take("readings", read_several(_solution), ()),
        evaluations=fields.take("evaluations", read_count, 0),
    )


def _called(fields: Fields) -> Called:
    return Called(
        step=fields.take("step", read_count),
        sample=fields.take("sample", read_count),
        samples=fields.take("samples", read_count, 1),
        calls=fields.take("calls", read_count, 1),
        tokens=fields.take("tokens", read_count, 0),
        cost=fields.take("cost", read_amount, 0.0),
    )


def _answered(fields: Fields) -> Answered:
    return Answered(
        number=fields.take("number", read_count),
        key=fields.take("key", read_text),
        label=fields.take("label", read_text),
        reply=fields.take("reply", _reply),
        read=fields.take("read", read_text, ""),
        grade=fields.take("grade", read_text, ""),
        cached=fields.take("cached", read_flag, False),
    )


def _answers(fields: Fields) -> Answers:
    return Answers(
        role=fields.take("role", read_text),
        answers=fields.take("answers", read_count),
        cached=fields.take("cached", read_count, 0),
        calls=fields.take("calls", read_count, 0),
        usage=fields.take("usage", _usage, Usage()),
        cost=fields.take("cost", read_amount, 0.0),
        unpriced=fields.take("unpriced", read_count, 0),
    )


_READERS: dict[str, Callable[[Fields], Event]] = {
    "started": lambda f: Started(
        f.take("pairs", read_several(_evaluation)),
        f.take("evaluations", read_optional(read_count), None),
    ),
    "answered": _answered,
    "answers": _answers,
    "judged": lambda f: Judged(
        f.take("split", read_text),
        f.take("verdicts", read_several(_verdict)),
        f.take("evaluations", read_count, 0),
    ),
    "prompted": _prompted,
    "called": _called,
    "callfailed": lambda f: CallFailed(
        f.take("step", read_count),
        f.take("sample", read_count),
        f.take("message", read_text),
        f.take("free", read_flag, False),
    ),
    "replied": lambda f: Replied(
        f.take("step", read_count), f.take("sample", read_count), f.take("reply", _reply)
    ),
    "evaluated": lambda f: Evaluated(
        f.take("step", read_count),
        f.take("point", read_point),
        f.take("value", read_value),
        f.take("why", read_text, ""),
        f.take("note", read_text, ""),
    ),
    "stepped": _stepped,
    "stopped": lambda f: Stopped(
        f.take("step", read_count), f.take("reason", read_one_of(REASONS))
    ),
    "failed": lambda f: Failed(
        f.take("step", read_count),
        f.take("error", read_text),
        f.take("message", read_text),
        f.take("attempts", read_count, 1),
        f.take("hint", read_text, ""),
    ),
    "resumed": lambda f: Resumed(f.take("session", read_text)),
}
