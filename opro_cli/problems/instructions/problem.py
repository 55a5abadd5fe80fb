"""The problem of finding an instruction: the examples, the metric, the prompts, the finalists."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from typing_extensions import override

from opro_cli.core.events import Evaluation, Point, Verdict
from opro_cli.core.model import Model
from opro_cli.core.problem import Evaluate, GradedAnswer, InvalidSolution, Problem, ProblemText
from opro_cli.problems.custom import metric as own_metric
from opro_cli.problems.custom.calls import Calls
from opro_cli.problems.custom.in_process import FunctionCalls
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.fields import SCORER, InstructionFields, task_of
from opro_cli.problems.instructions.metrics import Metric, is_own, labels_of, metric_for
from opro_cli.problems.instructions.scoring import Answer, Scorer
from opro_cli.problems.instructions.self_check import SelfCheck, checked
from opro_cli.problems.instructions.sets import Sets, load_sets
from opro_cli.problems.settings import Target
from opro_cli.problems.spaces.texts import Texts, normalise

LEAKED = 24
"""Characters of a question that an instruction must not hold in one piece."""


class InstructionsProblem(Problem):
    """One data set. A point is an instruction; its value is the accuracy on train, from 0 to 1."""

    space: Texts
    optimum: float | None = 1.0
    costly: ClassVar[bool] = True

    def __init__(self, settings: InstructionFields, target: Target) -> None:
        self.settings, self._target = settings, target
        self.space = Texts("instruction", settings.max_chars, self._refuse)
        self.text = ProblemText(
            task=settings.description or "the share of questions that are answered right",
            solution="instruction",
            value="accuracy",
            direction="maximize",
            percent=True,
        )
        self.metric_name = settings.metric_of(task_of(target))
        self.answers: dict[Point, list[Answer]] = {}
        """The answers on train under each instruction."""
        self.block = settings.block

    @cached_property
    def _sets(self) -> Sets:
        return load_sets(self.settings, task_of(self._target))

    @property
    def train(self) -> tuple[Example, ...]:
        """The examples whose answers make the value."""
        return self._sets.train

    @property
    def dev(self) -> tuple[Example, ...]:
        """The examples that decide among the finalists."""
        return self._sets.dev

    @property
    def test(self) -> tuple[Example, ...]:
        """The examples that are read once, at the end."""
        return self._sets.test

    def examples(self, split: str) -> tuple[Example, ...]:
        """The examples of train, dev or test."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[split]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels, for a metric that needs them."""
        if self.metric_name != "label":
            return self.settings.labels
        return self.settings.labels or labels_of([*self.train, *self.dev, *self.test])

    @cached_property
    def metric(self) -> Metric:
        """The metric. Raises UsageError."""
        settings = self.settings
        return metric_for(self.metric_name, self.labels, settings.tolerance, settings.pattern)

    def self_check(self) -> SelfCheck | None:
        """Grade answers that need no model; None for a function of the user's, which is not run.

        Raises UsageError.
        """
        if is_own(self.metric_name):
            return None
        return checked(self.metric, self.train, self.labels)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences on the rows that no reply can answer right."""
        return self._sets.left_out

    @property
    def first_start(self) -> tuple[Point, ...]:
        """The instruction that the search begins with."""
        return tuple((normalise(text),) for text in self.settings.starts[:1])

    @property
    def controls(self) -> tuple[Point, ...]:
        """Instructions that are tested beside the one that is found."""
        return tuple((normalise(text),) for text in self.settings.controls)

    def prompt(self, instruction: str, question: str) -> tuple[str, str, int]:
        """The system message, the prompt, and the characters of it that all questions share."""
        settings = self.settings
        if settings.template:
            filled = {"{instruction}": instruction, "{question}": question}
            parts = re.split(r"(\{instruction\}|\{question\})", settings.template)
            shared = parts[: parts.index("{question}")]
            prompt = "".join(filled.get(part, part) for part in parts)
            return "", prompt, sum(len(filled.get(part, part)) for part in shared)
        if settings.position == "system" or not instruction:
            return instruction, question, 0
        if settings.position == "after":
            return "", f"{question}\n\n{instruction}", 0
        return "", f"{instruction}\n\n{question}", len(instruction) + 2

    @override
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """The instructions in the settings."""
        return list(dict.fromkeys((normalise(text),) for text in self.settings.starts))

    @override
    @contextlib.asynccontextmanager
    async def evaluator(self, models: Mapping[str, Model]) -> AsyncIterator[Evaluate]:
        """The scorer, which also judges the finalists."""
        settings = self.settings
        async with contextlib.AsyncExitStack() as stack:
            workers: Calls | None = None
            if settings.bound_metric is not None:
                workers = FunctionCalls(settings.bound_metric)
            elif is_own(self.metric_name):  # the processes start when the first answer is graded
                found = own_metric.workers(self.metric_name, settings.folder)
                workers = await stack.enter_async_context(found)
            yield Scorer(self, models[SCORER], settings.scorer, workers)

    @property
    @override
    def evaluations_per_point(self) -> int:
        train = self.settings.split.train
        return train if isinstance(train, int) else len(self.train)

    @property
    @override
    def final_evaluations(self) -> int:
        tested = 2 + len({*self.first_start, *self.controls})  # the best by train, and the chosen
        return self.settings.finalists * len(self.dev) + tested * len(self.test)

    @override
    def solved(self, point: Point, value: float) -> bool:
        """Whether the accuracy on train is the goal."""
        return value >= self.settings.goal

    def graded(self, point: Point | None = None) -> list[GradedAnswer]:
        """The examples of train, with the answers under this instruction where there are some."""
        answers = self.answers.get(point, []) if point is not None else []
        asked = {answer.example.number: answer for answer in answers}
        return [_shown(example, asked.get(example.number)) for example in self.train]

    def finalists(self, pairs: Sequence[Evaluation]) -> list[Point]:
        """The best by train, best first, the shorter of equals before the longer."""
        values = {pair.point: pair.value for pair in pairs if math.isfinite(pair.value)}
        ranked = sorted(values, key=lambda point: (-values[point], len(point[0]), point))
        return ranked[: self.settings.finalists]

    def choose(self, pairs: Sequence[Evaluation], dev: Sequence[Verdict]) -> Point:
        """The finalist with most right answers on train and dev together; of equals the shorter."""
        train = {pair.point: pair.value * len(self.train) for pair in pairs}
        right = {v.point: train[v.point] + v.value * len(self.dev) for v in dev}
        return min(right, key=lambda point: (-round(right[point], 9), len(point[0]), point))

    def _refuse(self, text: str) -> None:
        """Raises InvalidSolution for an instruction that holds data, or digits where none may."""
        if not self.settings.digits and any(c.isdigit() for c in text):
            raise InvalidSolution("out_of_range", "it holds a digit")
        low = " ".join(text.lower().split())
        for example in self.train:
            if _holds(low, example, label=self.metric_name in ("label", "choice")):
                raise InvalidSolution("leak", "it holds an example of the data")


def _holds(text: str, example: Example, *, label: bool) -> bool:
    """Whether a text holds the question of an example, or its answer."""
    question = " ".join(example.question.lower().split())
    if len(question) >= LEAKED and any(
        question[i : i + LEAKED] in text for i in range(0, len(question) - LEAKED + 1, LEAKED // 2)
    ):
        return True
    if 8 <= len(question) < LEAKED and question in text:
        return True
    target = example.target.lower()
    if label or len(target) < 4 or not any(c.isdigit() for c in target):
        return False
    return re.search(rf"(?<!\w){re.escape(target)}(?!\w)", text) is not None


def _shown(example: Example, answer: Answer | None) -> GradedAnswer:
    if answer is None:
        return GradedAnswer(example.question, example.target)
    grade = answer.grade
    return GradedAnswer(
        example.question,
        example.target,
        answer.reply.text,
        grade.read,
        grade.score,
        grade.feedback,
    )
