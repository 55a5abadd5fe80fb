"""The ``problem:`` section of instructions: data, a metric, a scorer (docs/instructions.md)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, Self

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.model import ModelRequest
from opro_cli.core.text import clean
from opro_cli.problems.custom import metric as own_metric
from opro_cli.problems.custom.in_process import PYTHON, not_at_hand
from opro_cli.problems.instructions.fields import SCORER, InstructionFields, task_of
from opro_cli.problems.instructions.files import fill, find_file
from opro_cli.problems.instructions.metrics import is_own
from opro_cli.problems.instructions.problem import InstructionsProblem
from opro_cli.problems.instructions.sets import load_sets
from opro_cli.problems.instructions.split import PARTS
from opro_cli.problems.settings import AnswerSizes, Target, label

MOST_TASKS = 4
"""Tasks that are described one by one."""

POWER = 2.8
"""Standard errors of a difference that is found with 80 % power at a level of 5 %: 1.96 + 0.84."""

DISCORDANT = 0.2
"""Share of test examples that two instructions are assumed to answer differently."""

REPLY_TOKENS = {
    "label": (1, 6),
    "choice": (2, 60),
    "exact": (4, 20),
    "number": (20, 150),
    "contains": (10, 100),
    "regex": (10, 60),
    "json": (15, 60),
}
"""Output tokens of an answer, low and middle, by metric; high is the limit of the scorer."""

USUAL_INSTRUCTION = 120
"""Characters of an instruction, as optimizers write them."""


class InstructionsSettings(InstructionFields):
    """The ``problem:`` section of instructions."""

    @override
    def build(self, target: Target, repetition: int) -> InstructionsProblem:
        """The problem. Reads no data before they are used: a report does not need them."""
        return InstructionsProblem(self, target)

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Read the data, and grade answers that need no model. Raises UsageError."""
        for target in self.targets:
            problem = self.build(target, 0)
            if problem.self_check() is None and not dry:
                self._check_at_hand()
                if self.bound_metric is None:
                    own_metric.check(problem.metric_name, self.folder)

    @override
    @contextlib.contextmanager
    def shared(self) -> Iterator[int]:
        """The metric, where it is a function of a Python program. Raises UsageError without it."""
        self._check_at_hand()
        yield 1

    def _check_at_hand(self) -> None:
        if self.metric.startswith(PYTHON) and self.bound_metric is None:
            raise not_at_hand("metric", self.metric.removeprefix(PYTHON).lstrip(":"))

    @override
    def answer_sizes(self) -> dict[str, AnswerSizes]:
        return {SCORER: _answer_sizes(self)}

    @override
    def facts(self) -> list[tuple[str, str]]:
        return _facts(self)

    @override
    def warnings(self) -> list[str]:
        return _warnings(self)

    def _own_metrics(self) -> dict[str, InstructionsProblem]:
        """The metrics that are functions of the user's, each with a problem that has it."""
        problems = [self.build(target, 0) for target in self.targets]
        return {p.metric_name: p for p in reversed(problems) if is_own(p.metric_name)}

    @override
    def inspect_code(self) -> str:
        return "; ".join(own_metric.inspect(name, self.folder) for name in self._own_metrics())

    @override
    def try_code(self) -> str:
        return "; ".join(
            own_metric.try_once(name, self.folder, problem.train[0])
            for name, problem in self._own_metrics().items()
        )

    @override
    def files(self, folder: str) -> list[str]:
        """The data of every target, and the files of metrics of the user's."""
        found = []
        for target in self.targets if self.data else ():
            for part in PARTS if "{split}" in self.data else ("",):
                with contextlib.suppress(UsageError):
                    found.append(find_file(fill(self.data, task_of(target), part), folder))
        metrics = {self.metric_of(task_of(target)) for target in self.targets}
        for name in sorted(filter(is_own, metrics)):
            found += own_metric.files(name, folder)
        return list(dict.fromkeys(found))

    @override
    def model_requests(self) -> dict[str, ModelRequest]:
        return {SCORER: self.scorer.request()}

    @override
    def resolved_for(self, names: Mapping[str, str]) -> Self:
        scorer = self.scorer.model_copy(update={"model": names[SCORER]})
        return self.model_copy(update={"scorer": scorer})

    @override
    def evaluations_per_point(self) -> int:
        train = self.split.train
        return (
            train
            if isinstance(train, int)
            else len(load_sets(self, task_of(self.targets[0])).train)
        )

    @property
    @override
    def free_text(self) -> bool:
        return True

    @override
    def digests(self) -> dict[str, str]:
        """Of the data, and of the metric's file where it is one of the user's."""
        metric = self.metric_of(task_of(self.targets[0]))
        own: Mapping[str, str] = {}
        if self.bound_metric is not None:
            own = self.bound_metric.digests
        elif is_own(metric):
            own = own_metric.digests(metric, self.folder)
        return {"data": load_sets(self, task_of(self.targets[0])).digest, **own}

    @property
    def _names_files(self) -> bool:
        """Whether a file of the preset's folder decides on a value: data, or an own metric."""
        names = {self.metric, *self.metrics.values()}
        return bool(self.data) or any(name and is_own(name) for name in names)

    @override
    def located(self, folder: str) -> Self:
        if self.folder or not self._names_files:
            return self
        return self.model_copy(update={"folder": folder})

    @override
    def identity(self) -> dict[str, Any]:
        """Without the folder where no file is named: wherever the preset is, it is the same run."""
        settings = super().identity()
        return settings if self._names_files else {**settings, "folder": ""}

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the folder, which changes no value."""
        return {k: v for k, v in super().summary_of_settings().items() if k != "folder"}

    @override
    def experiment(self) -> dict[str, Any]:
        """Without the place and the form of the data file, and the scorer, which may differ."""
        own = {"data", "published_at", "question", "answer", "choices", "after", "scorer"}
        return {k: v for k, v in self.summary_of_settings().items() if k not in own}

    @override
    def seeded(self) -> bool:
        return False


def resolution(tests: int) -> float:
    """The smallest difference, from 0 to 1, that so many test examples tell from luck."""
    return POWER * math.sqrt(DISCORDANT / tests) if tests else math.inf


def _answer_sizes(settings: InstructionFields) -> AnswerSizes:
    """Measured on the prompts of all examples; the tokens of a reply are assumed."""
    lengths: list[int] = []
    most = settings.scorer.max_output_tokens
    low, middle = most, 0
    for target in settings.targets:
        problem = InstructionsProblem(settings, target)
        for example in (*problem.train, *problem.dev, *problem.test):
            system, prompt, _ = problem.prompt("", example.question)
            lengths.append(len(system) + len(prompt))
        few, usual = REPLY_TOKENS.get(problem.metric_name, (10, 100))
        low, middle = min(low, few), max(middle, usual)
    mean = sum(lengths) / len(lengths)
    starts = min(len(start) for start in settings.starts) if settings.starts else 0
    return AnswerSizes(
        (mean + starts, mean + USUAL_INSTRUCTION, mean + settings.max_chars),
        (low, min(middle, most), most),
    )


def _facts(settings: InstructionFields) -> list[tuple[str, str]]:
    """Sizes, metric, floor and resolution, of each task where there are several."""
    targets = settings.targets
    if len(targets) == 1:
        return list(_of_one(settings, targets[0]))
    found = [
        (task_of(target) or "-", _in_short(settings, target)) for target in targets[:MOST_TASKS]
    ]
    if len(targets) > MOST_TASKS:
        found.append(("…", f"{len(targets) - MOST_TASKS} more tasks, all of them checked"))
    return found


def _warnings(settings: InstructionFields) -> list[str]:
    """What the self-check and the reading of the data say."""
    found = []
    for target in settings.targets:
        problem = InstructionsProblem(settings, target)
        before = f"{label(target)}: " if target else ""
        found += [before + sentence for sentence in problem.left_out]
        check = problem.self_check()
        found += [before + sentence for sentence in (check.warnings if check else ())]
        if not problem.test:
            found.append(f"{before}There are no test examples: nothing tells a gain from luck.")
    return found


def _of_one(settings: InstructionFields, target: Target) -> Iterator[tuple[str, str]]:
    problem = InstructionsProblem(settings, target)
    origin = f"generated: {settings.generated}" if settings.generated else settings.data
    yield "data", f"{clean(origin, 100)}: {_sizes(problem)}"
    check = problem.self_check()
    if check is None:
        yield "metric", f"{clean(problem.metric_name, 100)}, code of yours: not run to plan"
    else:
        yield (
            "metric",
            f"{problem.metric_name}: right answers are right, no constant one beats them",
        )
        share, answer = check.majority_share, clean(check.majority_label, 60)
        yield "floor", f"{100 * share:.0f} %: always {answer!r}, the most frequent answer of train"
    if problem.test:
        yield (
            "resolution",
            f"{len(problem.test)} test examples can show a gain of "
            f"{100 * resolution(len(problem.test)):.1f} points or more (80 % power; "
            f"{100 * DISCORDANT:.0f} % of the answers differ)",
        )


def _in_short(settings: InstructionFields, target: Target) -> str:
    """Metric, examples of train, dev and test, floor and resolution, short enough for one line."""
    problem = InstructionsProblem(settings, target)
    check = problem.self_check()
    floor = f"; floor {100 * check.majority_share:.0f} %" if check else ""
    points = f"; shows {100 * resolution(len(problem.test)):.1f} points" if problem.test else ""
    sizes = f"{len(problem.train)}/{len(problem.dev)}/{len(problem.test)} examples"
    return f"{problem.metric_name}; {sizes}{floor}{points}"


def _sizes(problem: InstructionsProblem) -> str:
    return f"{len(problem.train)} train, {len(problem.dev)} dev, {len(problem.test)} test"
