"""The fields of the ``problem:`` section of instructions, and what follows from them alone."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, PrivateAttr, model_validator

from opro_cli.core.model import ModelRequest, Price
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.custom.in_process import BoundFunction
from opro_cli.problems.instructions.data import Columns
from opro_cli.problems.settings import ProblemSettings, Seed, Target

SCORER = "scorer"
"""The role of the model that answers."""

Share: TypeAlias = (
    Annotated[Integer, Field(ge=0, le=1_000_000)] | Annotated[float, Field(gt=0, lt=1)]
)


class SplitSettings(Settings):
    """How many examples are for what: numbers, or shares of the data below 1."""

    train: Share = 50
    """Examples that make the value of an instruction: a number, or a share below 1."""
    dev: Share = 50
    """Examples that decide among the finalists."""
    test: Share | None = 200
    """None: all that is left."""
    seed: Seed = 0
    """Of the split."""


class ScorerSettings(Settings):
    """The model that answers the examples."""

    model: str = "auto"
    """A name as ``--scorer`` takes it."""
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = 0.0
    """Sampling temperature; null leaves it to the model."""
    max_output_tokens: Annotated[Integer, Field(ge=1, le=100_000)] = 256
    """Output tokens of an answer; a longer one is cut off, and counts as it was read."""
    base_url: str | None = None
    """The server of an ``openai:`` model."""
    strict_model: bool = False
    """Fail where another model answers than the one asked for."""
    price_input: Annotated[Number, Field(ge=0)] | None = None
    """US dollars per million tokens, for a model whose price is not known here."""
    price_output: Annotated[Number, Field(ge=0)] | None = None
    """The same for output tokens."""
    reasoning_effort: Annotated[str, Field(pattern=r"^[A-Za-z_]{1,20}$")] | None = None
    """How much a hosted model thinks, in its own word, such as low."""
    parallel: Annotated[Integer, Field(ge=1, le=32)] = 1
    """Prompts that a local model answers at once: quicker, and a few answers change with it."""

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
            parallel=self.parallel,
        )


class InstructionFields(ProblemSettings, ABC):
    """The fields."""

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
    """The column of the right answer."""
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
    """For ``metric: number``: the difference that is allowed."""
    pattern: str = ""
    """For ``metric: regex``: what is read from a reply."""
    position: Literal["before", "after", "system"] = "before"
    """Where the instruction stands: before or after the question, or as the system message."""
    template: str = ""
    """A prompt with ``{instruction}`` and ``{question}``, instead of a position."""
    split: SplitSettings = SplitSettings()
    starts: tuple[str, ...] = ("", "Let's think step by step.")
    """Instructions to begin with."""
    controls: tuple[str, ...] = ("", "Let's think step by step.")
    """Instructions that are tested beside the one that is found."""
    finalists: Annotated[Integer, Field(ge=1, le=100)] = 4
    """The best by train, among which dev decides."""
    block: Annotated[Integer, Field(ge=1)] = 10
    """Examples between two decisions of a race."""
    max_chars: Annotated[Integer, Field(ge=10, le=100_000)] = 500
    """Characters of an instruction, at most."""
    digits: bool = True
    """Whether an instruction may hold digits; the paper refuses them for GSM8K."""
    goal: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The accuracy on train that ends the search."""
    description: str = ""
    """What the optimizer is told of the task."""
    scorer: ScorerSettings = ScorerSettings()
    folder: str = ""
    """Where the data are looked for first: the preset's folder, unless it is set."""

    _own: BoundFunction | None = PrivateAttr(default=None)

    def with_metric(self, function: BoundFunction) -> Self:
        """The same settings with a metric that is a function of this process."""
        settings = self.model_copy()
        settings._own = function
        return settings

    @property
    def bound_metric(self) -> BoundFunction | None:
        """The metric, where it is a function of this process, and at hand."""
        return self._own

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

    def columns(self) -> Columns:
        """Where the file has what."""
        return Columns(self.question, self.answer, self.choices)

    def metric_of(self, task: str) -> str:
        """The name of the metric for a task."""
        return self.metrics.get(task, self.metric)


def task_of(target: Target) -> str:
    """The task of a target; empty for none."""
    return str(target.get("task", ""))
