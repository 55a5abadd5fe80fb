"""Scores instructions: the scorer answers every example, and the metric grades the answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opro_cli.core.errors import NoValues, Paused
from opro_cli.core.events import Evaluation, Judged, Point, Reply, Verdict
from opro_cli.core.model import Model, Request
from opro_cli.core.problem import Measurement, OnValue
from opro_cli.core.text import clean, plural
from opro_cli.problems.custom.calls import Calls
from opro_cli.problems.custom.metric import NOT_GRADED, OwnGrader, letter_of
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.fields import ScorerSettings
from opro_cli.problems.instructions.metrics import Grade, Metric
from opro_cli.problems.instructions.race import incumbent_of, survivors

AT_ONCE = 64
"""Answers asked for at the same time by one run; the limits of all calls hold besides."""

ENDS = {"length": "x", "blocked": "b", "empty": "e"}
"""The character of a reply that ended in another way than by itself."""


@dataclass(frozen=True)
class Answer:
    """One example, as the scorer answered it under one instruction."""

    example: Example
    reply: Reply
    grade: Grade

    @property
    def letter(self) -> str:
        """One of ``GRADES``. A reply that was cut off and is right all the same is right."""
        if self.grade.score > 0:
            return letter_of(self.grade.score)
        if self.reply.finish in ENDS:
            return ENDS[self.reply.finish]
        return "?" if self.grade.status == "unread" else "0"


class Prompting(Protocol):
    """What makes prompts of instructions and questions."""

    def prompt(self, instruction: str, question: str) -> tuple[str, str, int]:
        """The system message, the prompt, and the characters of it that all questions share."""


class Task(Prompting, Protocol):
    """What is to be answered: the part of a problem that its scorer needs."""

    answers: dict[Point, list[Answer]]

    @property
    def block(self) -> int:
        """Examples between two decisions of a race."""

    @property
    def train(self) -> tuple[Example, ...]:
        """The examples whose answers make the value."""

    @property
    def dev(self) -> tuple[Example, ...]:
        """The examples that decide among the finalists."""

    @property
    def test(self) -> tuple[Example, ...]:
        """The examples that are read once."""

    @property
    def metric_name(self) -> str:
        """The name of the metric."""

    @property
    def metric(self) -> Metric:
        """The metric, where it is none of the user's."""

    @property
    def first_start(self) -> tuple[Point, ...]:
        """The instruction that the search begins with."""

    @property
    def controls(self) -> tuple[Point, ...]:
        """Instructions that are tested beside the one that is found."""

    def examples(self, split: str) -> tuple[Example, ...]:
        """The examples of train, dev or test."""

    def finalists(self, pairs: Sequence[Evaluation]) -> list[Point]:
        """The best by train, best first."""

    def choose(self, pairs: Sequence[Evaluation], dev: Sequence[Verdict]) -> Point:
        """The finalist that is taken."""


class Scorer:
    """The evaluator of instructions.

    Args:
        problem: with its examples and its metric; it keeps the answers on train.
        model: that answers. It records what it is asked, and asks nothing twice.
        settings: of the scorer.
        workers: call the metric, where it is a function of the user's.
    """

    def __init__(
        self, problem: Task, model: Model, settings: ScorerSettings, workers: Calls | None = None
    ) -> None:
        self._problem, self._model, self._settings = problem, model, settings
        self._workers = workers
        self._slots = asyncio.Semaphore(min(AT_ONCE, model.info.at_once))

    async def __call__(self, points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
        """Score these on all of train."""
        return await self.race(points, on_value, "off")

    async def race(
        self, points: Sequence[Point], on_value: OnValue, rule: str
    ) -> list[Measurement]:
        """Score these on train, in blocks of the same examples in the same order for all."""
        train = self._problem.train
        block = len(train) if rule == "off" else self._problem.block
        answers: dict[Point, list[Answer]] = {point: [] for point in points}
        running = list(points)
        known = self._problem.answers.values()
        best = incumbent_of(([a.grade.score for a in found] for found in known), len(train))
        for first in range(0, len(train), block):
            examples = train[first : first + block]
            found = await self._all([(p, e) for p in running for e in examples], "train")
            for point, answer in zip((p for p in running for _ in examples), found, strict=True):
                answers[point].append(answer)
            if first + block < len(train):
                scores = {p: [a.grade.score for a in answers[p]] for p in running}
                running = survivors(scores, best, rule)
        self._problem.answers.update(answers)
        measured = [_measured(answers[point], len(train)) for point in points]
        for point, measurement in zip(points, measured, strict=True):
            on_value(point, measurement)
        return measured

    async def judge(self, pairs: Sequence[Evaluation]) -> AsyncIterator[Judged]:
        """Dev chooses among the best by train; test is read once, after that."""
        problem = self._problem
        finalists, chosen = problem.finalists(pairs), None
        parts: dict[Point, str] = {}
        if problem.dev and finalists:
            dev = [await self._verdict(point, "finalist", "dev") for point in finalists]
            yield Judged("dev", tuple(dev), len(dev) * len(problem.dev))
            chosen = problem.choose(pairs, dev)
        elif finalists:
            chosen = finalists[0]
        for point in problem.first_start:
            parts[point] = "start"
        for point in problem.controls:
            parts.setdefault(point, "control")
        if chosen is not None:
            parts[finalists[0]] = parts.get(finalists[0], "trained")
            parts[chosen] = "chosen" if parts.get(chosen) in (None, "trained") else parts[chosen]
        test = [await self._verdict(point, part, "test") for point, part in parts.items()]
        if chosen is not None and parts[chosen] != "chosen":  # the start itself, or a control
            again = next(verdict for verdict in test if verdict.point == chosen)
            test.append(Verdict(chosen, "chosen", again.value, again.detail))
        if problem.test:
            yield Judged("test", tuple(test), len(parts) * len(problem.test))

    async def _verdict(self, point: Point, part: str, split: str) -> Verdict:
        examples = self._problem.examples(split)
        answers = await self._all([(point, example) for example in examples], split)
        scores = [answer.grade.score for answer in answers]
        value = sum(scores) / len(scores) if scores else math.nan
        return Verdict(point, part, value, "".join(answer.letter for answer in answers))

    async def _all(self, asked: Sequence[tuple[Point, Example]], split: str) -> list[Answer]:
        """Ask them all at once; after an error no further one is begun.

        Raises the first error, after every other call has ended and been recorded.
        """
        failed = False

        async def one(point: Point, example: Example) -> Answer | None:
            nonlocal failed
            async with self._slots:
                if failed:
                    return None
                try:
                    return await self._ask(point, example, split)
                except BaseException:
                    failed = True
                    raise

        found = await asyncio.gather(*(one(*ask) for ask in asked), return_exceptions=True)
        answers = [answer for answer in found if isinstance(answer, Answer)]
        if len(answers) < len(asked):
            raise self._first_error(found)
        if self._workers is not None and answers:
            _check_graded(answers, self._problem.metric_name)
        return answers

    @staticmethod
    def _first_error(found: Sequence[object]) -> BaseException:
        """A failure says more than a pause."""
        errors = [item for item in found if isinstance(item, BaseException)]
        return min(errors, key=lambda error: isinstance(error, Paused))

    async def _ask(self, point: Point, example: Example, split: str) -> Answer:
        grader = OwnGrader(example, self._workers) if self._workers is not None else None
        metric = self._problem.metric if grader is None else None
        request = replace(
            question_of(self._problem, self._settings, point, example),
            label=f"{split}/{example.number}",
            note=None if metric is None else lambda reply: _noted(example, reply, metric),
            grader=grader,
            held="" if split == "train" else "finals",
        )
        reply = (await self._model.sample(request))[0]
        if metric is not None:
            return _graded(example, reply, metric)
        return Answer(example, reply, grader.found if grader is not None else NOT_GRADED)


def question_of(
    problem: Prompting, settings: ScorerSettings, point: Point, example: Example
) -> Request:
    """What the scorer is asked about one example under one instruction."""
    system, prompt, shared = problem.prompt(point[0], example.question)
    return Request(
        prompt=prompt,
        samples=1,
        step=0,
        system=system,
        shared=shared,
        temperature=settings.temperature,
        max_tokens=settings.max_output_tokens,
        seed=0,
    )


def _check_graded(answers: Sequence[Answer], name: str) -> None:
    """Raises NoValues where the user's metric failed for all of these."""
    if any(answer.grade.status == "read" for answer in answers):
        return
    raise NoValues(
        f"The metric {clean(name, 100)} graded none of {plural(len(answers), 'answer')}. "
        f"{answers[0].grade.feedback}",
        "correct the function, then start again with --fresh",
    )


def _graded(example: Example, reply: Reply, metric: Metric) -> Answer:
    return Answer(example, reply, metric.grade(example, reply.text))


def _noted(example: Example, reply: Reply, metric: Metric) -> tuple[str, str]:
    answer = _graded(example, reply, metric)
    return answer.grade.read, answer.letter


def _measured(answers: Sequence[Answer], wanted: int) -> Measurement:
    """The value of an instruction: its mean score, or none where it was dropped."""
    detail = "".join(answer.letter for answer in answers)
    if len(answers) < wanted:
        why = f"dropped after {len(answers)} of {wanted}"
        return Measurement(math.nan, why, len(answers), detail.ljust(wanted, "."))
    value = sum(answer.grade.score for answer in answers) / wanted
    return Measurement(value, "", wanted, detail)
