"""The ``problem:`` section of instructions: data, a metric, a scorer (docs/instructions.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.model import ModelRequest, Price
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.custom import metric as own_metric
from opro_cli.problems.instructions import files, preview, sets
from opro_cli.problems.instructions.data import Columns
from opro_cli.problems.instructions.metrics import is_own
from opro_cli.problems.instructions.problem import InstructionsProblem
from opro_cli.problems.instructions.sets import Sets, SplitSettings
from opro_cli.problems.settings import AnswerSizes, ProblemSettings, Target

SCORER = "scorer"
"""The role of the model that answers."""


class ScorerSettings(Settings):
    """The model that answers the examples."""

    model: str = "auto"
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = 0.0
    max_output_tokens: Annotated[Integer, Field(ge=1, le=100_000)] = 256
    """Output tokens of an answer; a longer one is cut off, and counts as it was read."""
    base_url: str | None = None
    strict_model: bool = False
    price_input: Annotated[Number, Field(ge=0)] | None = None
    """US dollars per million tokens, for a model whose price is not known here."""
    price_output: Annotated[Number, Field(ge=0)] | None = None
    reasoning_effort: Annotated[str, Field(pattern=r"^[A-Za-z_]{1,20}$")] | None = None

    def request(self) -> ModelRequest:
        """The model as it is asked for."""
        price = None
        if self.price_input is not None and self.price_output is not None:
            price = Price(self.price_input, self.price_output)
        return ModelRequest(
            name=self.model,
            base_url=self.base_url,
            price=price,
            strict=self.strict_model,
            reasoning_effort=self.reasoning_effort,
            samples=1,
        )


class InstructionsSettings(ProblemSettings):
    """The ``problem:`` section of instructions."""

    summary: ClassVar[str] = "an instruction with which a model answers a data set right"
    examples: ClassVar[dict[str, str]] = {
        "data": "`data: reviews.jsonl`, beside the preset, or `generated: dates`",
        "targets": "`targets: [{task: object_counting}]`, to fill {task} in `data`",
    }

    kind: Literal["instructions"] = "instructions"
    targets: tuple[Target, ...] = ({},)
    data: str = ""
    """A file: JSON, JSON Lines, CSV or TSV, also ``.gz``. ``{task}`` is filled in from the target,
    ``{split}`` by train, dev and test. Looked for in the preset's folder, then in the current."""
    generated: str = ""
    """The name of a generator of examples, instead of a file."""
    published_at: str = ""
    """Where the file can be had, for the message where it is not there."""
    question: str | int = "question"
    """The column of the question, or a template such as ``"{question}\\n{options}"``."""
    answer: str | int = "answer"
    choices: tuple[str | int, ...] = ()
    """The columns of the options, or one column with a list of them."""
    after: str = ""
    """Of an answer in the file, only what follows this text counts, as in ``after: "####"``."""
    metric: str = "exact"
    """exact, label, choice, number, contains, regex, json, or ``file.py:function``."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """The metric of a task, where it is another one than ``metric``."""
    labels: tuple[str, ...] = ()
    """For ``metric: label``; by default the different answers of the data."""
    tolerance: Annotated[Number, Field(ge=0)] = 0.0
    pattern: str = ""
    position: Literal["before", "after", "system"] = "before"
    """Where the instruction stands: before or after the question, or as the system message."""
    template: str = ""
    """A prompt with ``{instruction}`` and ``{question}``, instead of a position."""
    split: SplitSettings = SplitSettings()
    starts: tuple[str, ...] = ("", "Let's think step by step.")
    controls: tuple[str, ...] = ("", "Let's think step by step.")
    """Instructions that are tested beside the one that is found."""
    finalists: Annotated[Integer, Field(ge=1, le=100)] = 4
    """The best by train, among which dev decides."""
    block: Annotated[Integer, Field(ge=1)] = 10
    """Examples between two decisions of a race."""
    max_chars: Annotated[Integer, Field(ge=10, le=100_000)] = 500
    digits: bool = True
    """Whether an instruction may hold digits; the paper refuses them for GSM8K."""
    goal: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The accuracy on train that ends the search."""
    description: str = ""
    """What the optimizer is told of the task."""
    scorer: ScorerSettings = ScorerSettings()
    folder: str = ""
    """Where the data are looked for first: the preset's folder, unless it is set."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.data and self.generated:
            raise ValueError("data: either a file (`data`) or a generator (`generated`), not both")
        for name in ("{instruction}", "{question}"):
            if self.template and self.template.count(name) != 1:
                raise ValueError(f"template: it must hold {name} once")
        for target in self.targets:
            if not set(target) <= {"task"}:
                raise ValueError("targets: a target of instructions has only the name task")
        for text in (*self.starts, *self.controls):
            if len(text) > self.max_chars:
                raise ValueError(f"starts: {text[:40]!r} is longer than max_chars")
        return self

    @override
    def build(self, target: Target, repetition: int) -> InstructionsProblem:
        """The problem. Reads no data before they are used: a report does not need them."""
        return InstructionsProblem(self, target)

    def columns(self) -> Columns:
        """Where the file has what."""
        return Columns(self.question, self.answer, self.choices)

    def sets(self, target: Target) -> Sets:
        """The examples of a target in train, dev and test. Raises UsageError."""
        return sets.load_sets(self, str(target.get("task", "")), self.metric_of(target))

    def metric_of(self, target: Target) -> str:
        """The name of the metric for a target."""
        return self.metrics.get(str(target.get("task", "")), self.metric)

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Read the data, and grade answers that need no model. Raises UsageError."""
        for target in self.targets:
            problem = self.build(target, 0)
            if problem.self_check() is None and not dry:
                own_metric.check(problem.metric_name, self.folder)

    @override
    def answer_sizes(self) -> dict[str, AnswerSizes]:
        return {SCORER: preview.answer_sizes(self)}

    @override
    def facts(self) -> list[tuple[str, str]]:
        return preview.facts(self)

    @override
    def warnings(self) -> list[str]:
        return preview.warnings(self)

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
        return train if isinstance(train, int) else len(self.sets(self.targets[0]).train)

    @property
    @override
    def free_text(self) -> bool:
        return True

    @override
    def digests(self) -> dict[str, str]:
        """Of the data, and of the metric's file where it is one of the user's."""
        metric = self.metric_of(self.targets[0])
        own = own_metric.digests(metric, self.folder) if is_own(metric) else {}
        return {"data": self.sets(self.targets[0]).digest, **own}

    @override
    def located(self, folder: str) -> Self:
        return self if self.folder else self.model_copy(update={"folder": folder})

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

    def path_of(self, name: str) -> str:
        """A file in the preset's folder, or else in the current one. Raises UsageError."""
        return files.find(name, self.folder, self.published_at)
