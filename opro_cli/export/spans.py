"""A run as one trace: the run, its steps, and a span for each reply of a model.

Names follow OpenTelemetry's conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/, as of version 1.37, in development); what they
have no name for is under ``opro.``. Ids are hashes of the run's id and the number of an event, so
the same run always makes the same spans.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from opro_cli.core.events import Called, CallFailed, Prompted, Replied, Stepped
from opro_cli.export.course import Course, Moment
from opro_cli.problems.settings import label

Value: TypeAlias = str | int | float | bool | tuple[str, ...]

INTERNAL, CLIENT = 1, 3
"""Kinds of spans."""

PROVIDERS = {
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "bedrock": "aws.bedrock",
}
"""The conventions' names of providers, where they are not ours."""


@dataclass(frozen=True)
class Span:
    """One span of a trace. Times are in nanoseconds since 1970."""

    trace: str
    """32 hexadecimal digits."""
    id: str
    """16 hexadecimal digits."""
    parent: str
    """The id of the span around it; empty for none."""
    name: str
    start: int
    end: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    kind: int = INTERNAL
    error: str = ""
    """Why it failed; empty where it did not."""


def spans_of(course: Course, *, texts: bool = True) -> Iterator[Span]:
    """The spans of a run, outer ones first.

    Args:
        course: the run.
        texts: with the texts of prompts and replies.
    """
    run_id = course.run.id
    trace = _digits(run_id, "trace", 32)
    root = _digits(run_id, "run", 16)
    yield Span(
        trace,
        root,
        "",
        f"optimize {course.record.spec.preset}",
        _ns(course.began),
        _ns(course.ended),
        _plain(_about_run(course)),
        error=course.record.totals.error or "",
    )
    for step, moments in _steps(course).items():
        inner = _digits(run_id, f"step/{step}", 16)
        yield Span(
            trace,
            inner,
            root,
            f"step {step}",
            min(_start(m) for m in moments),
            _ns(moments[-1].time),
            _plain(_about_step(step, moments)),
        )
        yield from _calls(course, trace, inner, moments, texts)


def _steps(course: Course) -> dict[int, list[Moment]]:
    """The moments of each step, in order; those before the first step are left out."""
    found: dict[int, list[Moment]] = {}
    for moment in course.moments:
        step = getattr(moment.event, "step", 0)
        if step:
            found.setdefault(step, []).append(moment)
    return found


def _calls(
    course: Course, trace: str, parent: str, moments: list[Moment], texts: bool
) -> Iterator[Span]:
    """A span for each reply, and for each call that brought none."""
    began: dict[int, int] = {}
    prompt: Prompted | None = None
    for moment in moments:
        event = moment.event
        if isinstance(event, Prompted):
            prompt = event
        elif isinstance(event, Called):
            began |= dict.fromkeys(
                range(event.sample, event.sample + event.samples), _ns(moment.time)
            )
        elif isinstance(event, Replied | CallFailed):
            about = _about_call(course, prompt, texts)
            error = event.message if isinstance(event, CallFailed) else ""
            if isinstance(event, Replied):
                about |= _about_reply(event, texts)
            else:
                about["error.type"] = "call_failed"
            yield Span(
                trace,
                _digits(course.run.id, str(moment.number), 16),
                parent,
                f"{about['gen_ai.operation.name']} {about['gen_ai.request.model']}",
                min(began.get(event.sample, _start(moment)), _ns(moment.time)),
                _ns(moment.time),
                _plain({**about, "opro.step": event.step, "opro.sample": event.sample}),
                CLIENT if "server.address" in about else INTERNAL,
                error,
            )


def _about_run(course: Course) -> dict[str, Any]:
    spec, totals = course.record.spec, course.record.totals
    return {
        "gen_ai.conversation.id": course.run.id,
        "opro.run.id": course.run.id,
        "opro.preset": spec.preset,
        "opro.optimizer": spec.optimizer.name,
        "opro.target": label(spec.target),
        "opro.repetition": spec.repetition + 1,
        "opro.state": totals.state,
        "opro.reason": totals.reason,
        "opro.steps": totals.step,
        "opro.evaluations": totals.evaluations,
        "opro.best_value": None if totals.best is None else totals.best[1],
        "opro.calls": totals.calls,
        "opro.cost_usd": totals.total_cost,
        "gen_ai.usage.input_tokens": totals.usage.input if totals.replies else None,
        "gen_ai.usage.output_tokens": totals.usage.output if totals.replies else None,
    }


def _about_step(step: int, moments: list[Moment]) -> dict[str, Any]:
    last = moments[-1]
    points = last.event.pairs if isinstance(last.event, Stepped) else ()
    return {
        "opro.step": step,
        "opro.points": len(points),
        "opro.evaluations": last.evaluations,
        "opro.best_value": last.best,
        "opro.cost_usd": last.cost,
    }


def _about_call(course: Course, prompt: Prompted | None, texts: bool) -> dict[str, Any]:
    asked = course.record.view.model or "unknown"
    requests = [r.name for r in course.record.spec.model_requests().values()]
    provider, colon, _ = (requests[0] if requests else asked).partition(":")
    provider = provider if colon else "gemini" if asked.startswith("gemini-") else "local"
    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(provider, provider),
        "gen_ai.request.model": asked,
        "gen_ai.conversation.id": course.run.id,
        "server.address": course.run.about.get("digests", {}).get("model.server"),
    }
    if prompt is not None:
        if prompt.form != "instruct":
            about["gen_ai.operation.name"] = "text_completion"
        about["gen_ai.request.temperature"] = prompt.temperature
        about["gen_ai.request.seed"] = prompt.seed
        if texts:
            about["gen_ai.input.messages"] = _messages("user", prompt.prompt)
    return {key: value for key, value in about.items() if value is not None}


def _about_reply(event: Replied, texts: bool) -> dict[str, Any]:
    reply, usage = event.reply, event.reply.usage
    about: dict[str, Any] = {
        "gen_ai.response.model": reply.model or None,
        "gen_ai.response.finish_reasons": (reply.finish,),
        "opro.cost_usd": reply.cost,
        "opro.attempts": reply.attempts,
    }
    if usage is not None:
        about |= {
            "gen_ai.usage.input_tokens": usage.input,
            "gen_ai.usage.output_tokens": usage.output,
            "gen_ai.usage.cache_read.input_tokens": usage.cached or None,
        }
    if texts:
        about["gen_ai.output.messages"] = _messages("assistant", reply.text, reply.finish)
    return about


def _messages(role: str, text: str, finish: str = "") -> str:
    """Messages in the conventions' form, as JSON."""
    message: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text}]}
    if finish:
        message["finish_reason"] = finish
    return json.dumps([message], ensure_ascii=False)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes that have a value."""
    return {
        key: value
        for key, value in attributes.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


def _start(moment: Moment) -> int:
    """When what was recorded then had begun."""
    event = moment.event
    if isinstance(event, Replied):
        return _ns(moment.time - timedelta(seconds=min(event.reply.seconds, 86_400)))
    return _ns(moment.time)


def _ns(time: datetime) -> int:
    """Nanoseconds since 1970."""
    return int(time.timestamp()) * 10**9 + time.microsecond * 1000


def _digits(run_id: str, part: str, number: int) -> str:
    return hashlib.sha256(f"opro/{run_id}/{part}".encode()).hexdigest()[:number]
