"""The events of a run, as frozen values that go to the log and to the screen.

The log holds one JSON object a line: the event's ``type``, the time ``t`` (UTC, ISO 8601)
and the event's fields, under their names in ``JSON_NAMES``. ``SCHEMA`` is the version of that
format, kept in ``run.json``; ``READABLE`` are the versions that are read.

Steps count from 1, as the published tables do. Points are JSON arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from opro_cli.core.events.answers import GRADES, Answered, Answers, Judged, Verdict
from opro_cli.core.events.replies import MAX_TEXT, Point, Reply, Usage

__all__ = [
    "GRADES",
    "MAX_TEXT",
    "Answered",
    "Answers",
    "Judged",
    "Point",
    "Reply",
    "Usage",
    "Verdict",
]

SCHEMA = 2
READABLE = (1, 2)

JSON_NAMES = {"solutions": "readings", "status": "fate"}
"""Fields whose names in the log are older than their names here."""

Status: TypeAlias = Literal[
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
    "echo",  # the words of the meta-prompt instead of a solution
    "leak",  # a solution that holds data it must not: an example, an answer, a score
]

STATUSES: tuple[Status, ...] = get_args(Status)

USABLE: frozenset[Status] = frozenset({"used", "known", "duplicate", "spare", "unevaluated"})


@dataclass(frozen=True)
class Evaluation:
    """A point with its value, and who proposed it."""

    point: Point
    value: float
    source: str = "model"
    known: bool = False
    """Evaluated in an earlier step: recorded again, not evaluated again."""
    why: str = ""
    """Why there is no value, where the objective gave none (the value is nan then)."""
    detail: str = ""
    """How each example of a data set was answered, one character each (see ``GRADES``)."""
    note: str = ""
    """What the objective says of the point beside its value; a meta-prompt may show it."""


@dataclass(frozen=True)
class ParsedSolution:
    """One solution in a reply, or a reply without one, and how it was used."""

    sample: int
    status: Status
    point: Point | None = None
    why: str = ""


@dataclass(frozen=True)
class Started:
    """The starting points and their values (step 0)."""

    pairs: tuple[Evaluation, ...]
    evaluations: int | None = None
    """Evaluations made; None for one a pair."""


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
class Called:
    """A model call begins, with the most that it can take.

    That amount counts as spent until a reply with its usage is there: a call that is late,
    cancelled or lost may have been billed.
    """

    step: int
    sample: int
    """Of the first reply that the call brings."""
    samples: int = 1
    """Replies that it brings."""
    calls: int = 1
    tokens: int = 0
    cost: float = 0.0
    """US dollars, at the price of the model that was asked for."""


@dataclass(frozen=True)
class CallFailed:
    """A call has brought no reply."""

    step: int
    sample: int
    message: str
    free: bool = False
    """Whether the server has refused the call, so that it took no tokens."""


@dataclass(frozen=True)
class Replied:
    """One reply, before it is parsed. ``sample`` counts from 0 within the step."""

    step: int
    sample: int
    reply: Reply


@dataclass(frozen=True)
class Evaluated:
    """The value of one point of a costly problem, as soon as it is there."""

    step: int
    point: Point
    value: float
    why: str = ""
    note: str = ""


@dataclass(frozen=True)
class Stepped:
    """A finished step: the points it added, with their values, and the solutions in its replies.

    ``step`` is the number of steps made so far. An optimizer that makes many steps between
    two records (gradient descent) skips numbers.
    """

    step: int
    pairs: tuple[Evaluation, ...]
    solutions: tuple[ParsedSolution, ...] = ()
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

    @property
    def permanent(self) -> bool:
        """Whether going on cannot help: no starting point has a value."""
        return self.error == "NoValues"

    @property
    def said(self) -> str:
        """The error in words."""
        return self.message if self.permanent else f"{self.error}: {self.message}"


@dataclass(frozen=True)
class Resumed:
    """A command begins, or continues, to write the run. It says nothing about the run itself."""

    session: str


REASONS = frozenset(
    {
        "converged",  # a point is the target
        "by_code",  # a random-search point is the target, and such points do not count
        "max_steps",
        "patience",  # no better value for a number of steps or evaluations
        "diverged",  # the loss grows without bound
        "max_evaluations",
        "exhausted",  # the optimizer has nothing left to propose
        "max_iterations",
        "max_cost",
        "max_calls",
        "max_tokens",
        "max_time",
        "quota",  # the account's quota is spent
        "no_reply",  # several steps without one usable reply
        "no_value",  # several steps without one value
        "reserve",  # a cap was near, and the rest was kept to judge the finalists
    }
)
"""Why a run stopped; :mod:`opro_cli.core.words` says them in words."""

PAUSES = frozenset({"max_cost", "max_calls", "max_tokens", "max_time", "quota"})
"""Stops of a run that is not finished: it can be resumed."""

Event: TypeAlias = (
    Started
    | Prompted
    | Called
    | CallFailed
    | Replied
    | Evaluated
    | Answered
    | Answers
    | Judged
    | Stepped
    | Stopped
    | Failed
    | Resumed
)

GAVE_UP = frozenset({"no_reply", "no_value"})
"""Stops of a run in which nothing works: the command that made it has failed."""

UNREPEATED = (Called, CallFailed, Evaluated, Answered, Answers, Resumed, Failed)
"""Events that a resumed or replayed run does not make again."""
