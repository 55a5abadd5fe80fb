"""The answers of a problem's own model: on disk before they are used, and never asked for twice.

They stand in ``answers.jsonl`` beside the log, one a line, with the calls that brought them. Equal
requests to the same model have equal keys, so an answer serves again when a run is resumed or
replayed, and in other runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from typing_extensions import override

from opro_cli.core.errors import OproError, RunsError, SearchEnded
from opro_cli.core.events import (
    GRADES,
    Answered,
    Answers,
    Called,
    CallFailed,
    Event,
    Judged,
    Reply,
    Started,
    Stepped,
)
from opro_cli.core.model import Model, Request, Wrapper
from opro_cli.core.sampler import RecordingEnded
from opro_cli.core.text import clean
from opro_cli.core.totals import RoleTotals
from opro_cli.llm.budget import Amount, Budget
from opro_cli.runs.disk.answers import (
    RecordedAnswers,
    add_sums,
    answer_key,
    missing_sum,
    read_answers,
    sum_of,
)
from opro_cli.runs.disk.contents import problem_facts, recorded
from opro_cli.runs.disk.log import EventLog
from opro_cli.runs.recorder import Recorder
from opro_cli.runs.store import RunStore

OFTEN = 2.0
"""Seconds between two sums of answers in the log, at least."""

MARGIN = 1.2
"""What is held back for the end of a run, as a multiple of the mean cost of an answer."""


class AnswerCache:
    """The answers of all runs of a command, and of the earlier runs it was given."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}
        self._asked: dict[str, asyncio.Event] = {}

    def add(self, answers: RecordedAnswers) -> None:
        """Take the answers of a run in."""
        for key, answered in answers.by_key.items():
            self._replies.setdefault(key, answered.reply)

    async def find(self, key: str) -> Reply | None:
        """The reply to a question; None for one that is to be asked, and :meth:`put` then."""
        while key in self._asked:
            await self._asked[key].wait()
        if key not in self._replies:
            self._asked[key] = asyncio.Event()
        return self._replies.get(key)

    def put(self, key: str, reply: Reply | None) -> None:
        """The reply to a question that was asked; None where there is none."""
        if reply is not None:
            self._replies[key] = reply
        self._asked.pop(key).set()


def known_answers(store: RunStore, problems: Collection[str]) -> AnswerCache:
    """The answers in all runs on the same data.

    Args:
        store: of the runs. Damaged ones are passed over.
        problems: the facts of the problems whose answers are of use, see :func:`problem_facts`.
    """
    cache = AnswerCache()
    for run in store.all()[0] if problems else ():
        if problem_facts(recorded(run.about)) in problems:
            with contextlib.suppress(RunsError):
                cache.add(read_answers(run.path))
    return cache


class AnswerBook(Wrapper):
    """A problem's own model: every answer is recorded, and asked for once.

    Args:
        model: the model.
        role: of the model.
        identity: what its replies depend on besides the request.
        recorded: the answers of earlier sessions of the run.
        cache: those of other runs.
        write: appends an event to the file of answers.
        run: the id of the run.
    """

    def __init__(
        self,
        model: Model,
        role: str,
        identity: str,
        recorded: RecordedAnswers,
        cache: AnswerCache,
        write: Callable[[Event], None],
        run: str,
    ) -> None:
        super().__init__(model)
        self._run = run
        self.role = role
        self._identity = identity
        self._recorded = recorded.by_key
        self._number = recorded.next_number
        self._cache = cache
        self._write = write
        self.on_answer: Callable[[Answered], None] = lambda answered: None

    @override
    async def sample(self, request: Request) -> list[Reply]:
        numbers = range(request.first, request.first + request.samples)
        return [await self._one(replace(request, samples=1, first=first)) for first in numbers]

    async def _one(self, request: Request) -> Reply:
        key = answer_key(self._identity, request)
        recorded = self._recorded.get(key)
        if recorded is not None:
            check_grade(request, recorded)
            return recorded.reply
        reply = await self._cache.find(key)
        cached = reply is not None
        number = self._number
        self._number += 1
        if reply is None:
            try:
                held = self._run if request.held else ""
                observed = replace(request, observer=_Observer(number, self._write), held=held)
                reply = (await self.inner.sample(observed))[0]
            finally:
                self._cache.put(key, reply)
        read, grade = request.note(reply) if request.note is not None else ("", "")
        answered = Answered(number, key, request.label, reply, read, grade, cached)
        self._write(answered)
        self.on_answer(answered)
        return reply


@dataclass(frozen=True)
class _Observer:
    """Writes the attempts for one answer."""

    number: int
    write: Callable[[Event], None]

    def called(self, request: Request, calls: int, tokens: int, cost: float) -> None:
        self.write(Called(0, self.number, 1, calls, tokens, cost))

    def failed(self, request: Request, message: str, *, free: bool) -> None:
        self.write(CallFailed(0, self.number, message, free))


class OtherGrade(OproError):
    """A recorded reply is graded otherwise today."""


def check_grade(request: Request, recorded: Answered) -> None:
    """Raises OtherGrade where the answer in a recorded reply is read or graded otherwise today."""
    if request.note is None or not recorded.grade:
        return
    read, grade = request.note(recorded.reply)
    if (read, grade) != (recorded.read, recorded.grade):
        raise OtherGrade(
            f"Answer {recorded.number} ({clean(recorded.label, 80)}) is graded "
            f"{_graded(read, grade)} now; recorded: {_graded(recorded.read, recorded.grade)}.",
            "the metric, or the reading of answers, is another than that of the run",
        )


def _graded(read: str, grade: str) -> str:
    return f"{GRADES.get(grade, grade)} ({clean(read, 80)!r})"


class RecordedBook(Wrapper):
    """A problem's own model in a replay: it has the recorded answers, and no others.

    Args:
        model: says its name.
        identity: as of :class:`AnswerBook`.
        recorded: all answers.
        ended: whether the search was ended by what a cap held back.
    """

    def __init__(
        self, model: Model, identity: str, recorded: RecordedAnswers, *, ended: bool
    ) -> None:
        super().__init__(model)
        self._identity, self._recorded, self._ended = identity, recorded.by_key, ended

    @override
    async def sample(self, request: Request) -> list[Reply]:
        replies = []
        for first in range(request.first, request.first + request.samples):
            one = replace(request, samples=1, first=first)
            answered = self._recorded.get(answer_key(self._identity, one))
            if answered is None:
                raise SearchEnded if self._ended and not request.held else RecordingEnded
            check_grade(one, answered)
            replies.append(answered.reply)
        return replies


class AnsweringRecorder:
    """The recorder of a run whose problem asks a model: its answers are on disk before a step.

    Args:
        recorder: of the run's own events.
        log: of the answers.
        book: the problem's model.
        summed: the sums that the log of the run has already.
        recorded: the answers of earlier sessions.
        budget: holds back what the end of the run will take.
        run: its id.
        finals: answers that the end of the run will take, at most.
    """

    def __init__(
        self,
        recorder: Recorder,
        log: EventLog,
        book: AnswerBook,
        summed: RoleTotals,
        recorded: RecordedAnswers,
        budget: Budget,
        run: str,
        finals: int,
    ) -> None:
        self._recorder, self._log, self._role = recorder, log, book.role
        self.models = {book.role: book}
        self._budget, self._run, self._finals = budget, run, finals
        self._sum = missing_sum(book.role, recorded.totals, summed)
        self._all = recorded.totals
        self._last = time.monotonic()
        book.on_answer = self._note
        self._hold()

    def emit(self, event: Event) -> None:
        """As of :class:`Recorder`; the answers that the event depends on are synced before."""
        if isinstance(event, Started | Stepped | Judged):
            self.settle()
            self._log.sync()
        self._recorder.emit(event)

    async def flush(self) -> None:
        """As of :class:`Recorder`."""
        await self._recorder.flush()

    def settle(self) -> None:
        """Write the sum of the answers so far."""
        if self._sum.answers:
            self._recorder.emit(self._sum)
            self._sum = Answers(self._role, 0)
        self._last = time.monotonic()

    def release(self) -> None:
        """Hold nothing back any longer."""
        self._budget.hold(self._run, None)

    def _note(self, answered: Answered) -> None:
        one = sum_of(self._role, [answered])
        self._all.add(one)
        self._sum = add_sums(self._sum, one)
        if answered.label.partition("/")[0] != "train":
            self._finals = max(self._finals - 1, 0)
        self._hold()
        if time.monotonic() - self._last >= OFTEN:
            self.settle()

    def _hold(self) -> None:
        """Hold back what the answers still to come at the end will take, by the mean so far."""
        asked = self._all.answers - self._all.cached
        if asked and self._finals:
            share = MARGIN * self._finals / asked
            usage = self._all.usage
            tokens = int(share * (usage.input + usage.output))
            amount = Amount(self._finals, tokens, share * self._all.cost)
            self._budget.hold(self._run, amount)
