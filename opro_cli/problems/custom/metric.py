"""Metrics of the user's: ``file.py:function``, called with question, answer and reply.

The function runs in worker processes, never in that of ``opro``, in a dry run or in a replay. What
it returned is recorded with the answer, and believed from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Reply
from opro_cli.core.text import clean
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.calls import Calls, ObjectiveCall
from opro_cli.problems.custom.worker import NotLoaded
from opro_cli.problems.custom.workers import Workers, check_objective, once
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import Grade, unread

NAMES = ("question", "answer", "reply")
"""The function's arguments."""

WORKERS = 2
"""Calls at the same time, in all runs of a command together."""

TIMEOUT = 60.0
"""Seconds that a call may take."""

HINT = "as in `def right(question, answer, reply)`, which returns a number from 0 to 1"


def check(name: str, folder: str) -> None:
    """Load the function once. Raises UsageError where that fails, or its arguments are others."""
    check_objective(name, folder, NAMES, "problem.metric")


def inspect(name: str, folder: str) -> str:
    """What the source says of the function, in a sentence. Runs nothing. Raises UsageError."""
    try:
        return sources.describe_source(name, folder, NAMES)
    except NotLoaded as error:
        raise UsageError(f"problem.metric {name}: {error}.", HINT) from None


def try_once(name: str, folder: str, example: Example) -> str:
    """Grade the right answer of an example; the score in a sentence. Raises UsageError."""
    check(name, folder)
    values = example.question, example.target, example.target
    measured = once(_call(name, folder), dict(zip(NAMES, values, strict=True)))
    if measured.why:
        raise UsageError(f"{name} gives the right answer no grade: {clean(measured.why)}.", HINT)
    return f"{name} gives the right answer of row {example.number} a score of {measured.value:g}"


def digests(name: str, folder: str) -> dict[str, str]:
    """SHA-256 of the function's file, and of the files of its folder that it imports."""
    found = sources.digests(name, folder)
    return {key.replace("objective", "metric", 1): digest for key, digest in found.items()}


def files(name: str, folder: str) -> list[str]:
    """The function's file, and those of its folder that it imports."""
    return [str(path) for path in sources.files(name, folder)]


def workers(name: str, folder: str) -> Workers:
    """Processes that grade, for as long as the context is open."""
    return Workers(_call(name, folder))


def _call(name: str, folder: str) -> ObjectiveCall:
    return ObjectiveCall(name, folder, WORKERS, TIMEOUT, graded=True)


NOT_GRADED = unread("The answer was not graded.")


@dataclass
class OwnGrader:
    """Grades the reply to one example, once.

    Args:
        example: with its question and answer.
        workers: that call the function.
        found: the grade, once the model's record has asked for it.
    """

    example: Example
    workers: Calls
    found: Grade = NOT_GRADED

    async def grade(self, reply: Reply) -> tuple[str, str]:
        """Call the function. A call that fails is an answer that could not be read."""
        values = self.example.question, self.example.target, reply.text
        (measured,) = await self.workers.evaluate([dict(zip(NAMES, values, strict=True))])
        if measured.why:
            self.found = unread(f"The metric failed: {measured.why}.")
        else:
            self.found = Grade("", _in_tenths(measured.value), "read", measured.detail)
        return self.found.feedback, _letter(self.found)

    def recall(self, read: str, grade: str) -> None:
        """Take the recorded grade."""
        score = LETTERS.index(grade) / 10 if grade and grade in LETTERS else 0.0
        self.found = unread(read) if grade == FAILED else Grade("", score, "read", read)


LETTERS = "0ABCDEFGHI1"
"""A score from 0 to 1 in tenths, rounded down."""

FAILED = "?"


def letter_of(score: float) -> str:
    """A score as one character."""
    return LETTERS[min(int(10 * score + 1e-9), 10)]


def _in_tenths(score: float) -> float:
    """Rounded down to what is recorded, so that a resumed run has the same values."""
    return LETTERS.index(letter_of(score)) / 10


def _letter(grade: Grade) -> str:
    return FAILED if grade.status == "unread" else letter_of(grade.score)
