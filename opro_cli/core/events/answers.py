"""The events of a problem that asks a model of its own: answers, their sums, and verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from opro_cli.core.events.replies import Point, Reply, Usage

GRADES = {
    "1": "right",
    "0": "wrong",
    "?": "unread",
    "x": "cut off",
    "b": "blocked",
    "e": "empty",
    ".": "not asked",
}
"""The characters of ``detail``; ``A`` to ``I`` are scores between: 0.1 to 0.9, rounded down."""


NO_USAGE = Usage()


@dataclass(frozen=True)
class Answered:
    """One reply of a problem's own model, in the file of answers beside the log."""

    number: int
    """Counted from 0 in its run."""
    key: str
    """Hash of the request and the model: equal for equal questions, whatever their run."""
    label: str
    """The use of the reply, such as ``train/17``: a data set and an example in it."""
    reply: Reply
    read: str = ""
    """The answer that was read in the reply."""
    grade: str = ""
    """One of ``GRADES``; empty where the answer is graded elsewhere."""
    cached: bool = False
    """Taken from another run: it was not asked, and cost nothing here."""


@dataclass(frozen=True)
class Answers:
    """The answers of a problem's own model since the last such event, summed up."""

    role: str
    answers: int
    cached: int = 0
    calls: int = 0
    usage: Usage = NO_USAGE
    cost: float = 0.0
    """US dollars, as far as prices are known."""
    unpriced: int = 0
    """Answers of unknown price."""


@dataclass(frozen=True)
class Verdict:
    """How one point did on a data set that the optimizer has not seen."""

    point: Point
    part: str
    """``start``, ``control``, ``finalist``, ``trained`` (best by train) or ``chosen``."""
    value: float
    detail: str = ""


@dataclass(frozen=True)
class Judged:
    """The finalists on one held-out data set, after the last step."""

    split: str
    """``dev`` or ``test``."""
    verdicts: tuple[Verdict, ...]
    evaluations: int = 0
