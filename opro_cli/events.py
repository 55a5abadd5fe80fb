"""What happened in a run, as frozen values that go to the log and to the screen.

The log holds one JSON object a line: the event's ``type``, the time ``t`` (UTC, ISO 8601)
and the event's fields. ``SCHEMA`` is the version of that format; it stands in ``run.json``.

Steps count from 1, as the published tables do. Points are JSON arrays.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

SCHEMA = 1

Fate: TypeAlias = Literal[
    "used",  # a new point, evaluated
    "known",  # a point evaluated in an earlier step; not evaluated again
    "duplicate",  # the same point as an earlier reply of this step
    "spare",  # a new point, but the step had as many as it takes
    "unparsable",
    "out_of_range",
    "non_finite",
    "blocked",  # by the provider, with a reason in `detail`
    "truncated",  # cut off before it held a solution
    "empty",
    "unevaluated",  # a new point, but the evaluations allowed were made
]
FATES: tuple[Fate, ...] = get_args(Fate)
USABLE: frozenset[Fate] = frozenset({"used", "known", "duplicate", "spare", "unevaluated"})

Point: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Usage:
    """Tokens of one reply, as the provider counts them. Thinking tokens are output tokens."""

    input: int = 0
    output: int = 0
    thinking: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Sum, field by field."""
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.thinking + other.thinking,
            self.cached + other.cached,
        )


@dataclass(frozen=True)
class Reply:
    """One sample from a model, as it came: the text is untrusted."""

    text: str
    finish: str
    """``stop``, ``length``, ``blocked``, ``empty``, or the provider's own word."""
    model: str
    """The model that the provider says has answered."""
    usage: Usage | None = None
    """None where the provider, or the recording, does not say."""
    calls: int = 1
    """Model calls this reply counts for: 0 for the further candidates of one call."""
    attempts: int = 1
    seconds: float = 0.0
    detail: str = ""
    troubles: tuple[str, ...] = ()
    """What went wrong in the attempts before, one message each."""
    cost: float | None = None
    """US dollars; None where the price is unknown, which is not free."""


@dataclass(frozen=True)
class Scored:
    """A point with its value, and who proposed it."""

    point: Point
    value: float
    source: str = "model"
    known: bool = False
    """Evaluated in an earlier step: recorded again, not evaluated again."""
    why: str = ""
    """Why there is no value, where the objective gave none (the value is nan then)."""


@dataclass(frozen=True)
class Reading:
    """What became of one solution in a reply, or of a reply without one."""

    sample: int
    fate: Fate
    point: Point | None = None
    why: str = ""


@dataclass(frozen=True)
class Started:
    """The starting points and their values (step 0)."""

    pairs: tuple[Scored, ...]


@dataclass(frozen=True)
class Prompted:
    """A meta-prompt, before it goes to the model."""

    step: int
    prompt: str
    shown: tuple[tuple[Point, str], ...]
    """The solution–score pairs in it, in their order; the score as shown."""
    samples: int
    form: str
    temperature: float | None = None
    seed: int | None = None
    first: int = 0
    """Number of the first reply asked for: 0, but for a further try in the same step."""


@dataclass(frozen=True)
class Replied:
    """One reply, before it is parsed. ``sample`` counts from 0 within the step."""

    step: int
    sample: int
    reply: Reply


@dataclass(frozen=True)
class Stepped:
    """A finished step: the points it added, with values, and what became of each reply.

    ``step`` is the number of steps made so far. An optimizer that makes many steps between
    two records (gradient descent) skips numbers.
    """

    step: int
    pairs: tuple[Scored, ...]
    readings: tuple[Reading, ...] = ()
    evaluations: int = 0
    """Evaluations of the objective in this step (or since the last record)."""


@dataclass(frozen=True)
class Stopped:
    """The run is over (or paused, see ``PAUSES``). ``reason`` is one of ``REASONS``."""

    step: int
    reason: str


@dataclass(frozen=True)
class Failed:
    """The run gave up. What it recorded so far stands."""

    step: int
    error: str
    message: str
    attempts: int = 1
    """Calls made for the reply that did not come."""
    hint: str = ""


REASONS = {
    "converged": "found the target",
    "by_code": "a point drawn in code is the target, and does not count",
    "max_steps": "made all the steps it was allowed",
    "patience": "no better value for as long as patience allows",
    "diverged": "the loss grew without bound",
    "max_evaluations": "made all the evaluations it was allowed",
    "exhausted": "the optimizer has nothing more to propose",
    "max_iterations": "made all the iterations it was allowed",
    "max_cost": "the money allowed is spent",
    "max_calls": "the model calls allowed are made",
    "max_tokens": "the tokens allowed are used",
    "max_time": "the time allowed is over",
    "quota": "the account's quota is spent",
}
"""Why a run stopped, in words."""

PAUSES = frozenset({"max_cost", "max_calls", "max_tokens", "max_time", "quota"})
"""Stops that say nothing about the run itself: it can be gone on with, and is not finished."""

Event: TypeAlias = Started | Prompted | Replied | Stepped | Stopped | Failed
TYPES: dict[str, type[Event]] = {
    cls.__name__.lower(): cls for cls in (Started, Prompted, Replied, Stepped, Stopped, Failed)
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, default values left out."""
    return {"type": type(event).__name__.lower(), **_dump(event)}


def from_json(data: dict[str, Any]) -> Event:
    """Inverse of :func:`to_json`. Raises ValueError, KeyError or TypeError on anything else."""
    fields = {key: value for key, value in data.items() if key not in ("type", "t")}
    event = TYPES[data["type"]](**{key: _read(key, value) for key, value in fields.items()})
    return event


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: _dump(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple | list):
        return [_dump(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no nan and no inf
    return value


def _read(key: str, value: Any) -> Any:
    match key:
        case "pairs":
            return tuple(_scored(item) for item in value)
        case "shown":
            return tuple((_point(point), str(score)) for point, score in value)
        case "reply":
            usage = value.get("usage")
            return Reply(
                **{
                    **value,
                    "usage": None if usage is None else Usage(**usage),
                    "troubles": tuple(value.get("troubles", ())),
                }
            )
        case "readings":
            return tuple(_reading(item) for item in value)
    return value


def _scored(item: dict[str, Any]) -> Scored:
    return Scored(**{**item, "point": _point(item["point"]), "value": float(item["value"])})


def _reading(item: dict[str, Any]) -> Reading:
    point = item.get("point")
    return Reading(**{**item, "point": None if point is None else _point(point)})


def _point(value: Any) -> Point:
    return tuple(_point(item) if isinstance(item, list) else item for item in value)
