"""The bases of all optimizers: settings, settings of one that asks a model, and the algorithm."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Point
from opro_cli.core.model import Ability, ModelRequest, Price
from opro_cli.core.optimizer import Batch, Limits, Optimizer, OptimizerContext
from opro_cli.core.problem import Continuous, Drawable, Problem, Space, Textual
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.llm.provider import ModelChoice
from opro_cli.optimizers.secrets import check_headers, check_no_secret

Floats: TypeAlias = NDArray[np.float64]
Range: TypeAlias = tuple[float, float]
"""The lowest and the highest value."""

ROLE = "optimizer"
"""The role of the model that an optimizer asks, among the models of a run."""

LACKING: dict[type, tuple[str, str]] = {
    Continuous: (
        "{name} moves through numbers, and the points of this problem are none.",
        "choose another optimizer, or leave {name} out of the baselines",
    ),
    Drawable: (
        "{name} draws points at random, and the points of this problem cannot be drawn.",
        "choose another optimizer, or leave {name} out of the baselines",
    ),
    Textual: (
        "{name} proposes texts, and the points of this problem are none.",
        "choose another optimizer, or leave {name} out of the baselines",
    ),
    object: (
        "{name} cannot work with the points of this problem.",
        "choose another optimizer, or leave {name} out of the baselines",
    ),
}
"""The message and the hint where a space is not of a type; ``object`` is for all other types."""


@dataclass(frozen=True)
class PromptSizes:
    """The size of the prompts and replies of one model, each from the least to the most."""

    replies: Range
    """Replies a step."""
    calls: Range
    """Calls a step, each with its own prompt."""
    prompts: Range
    """Prompts a step, where a prompt is counted once for all its replies."""
    characters: Range
    """Characters of a prompt."""
    output_tokens: Range
    """Output tokens of a reply."""


class OptimizerSettings(Settings, ABC):
    """An optimizer's section of a preset; :data:`opro_cli.optimizers.OPTIMIZERS` names it."""

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    """One clause for ``opro presets`` and the documentation."""
    reports_every_point: ClassVar[bool] = True
    """See :attr:`opro_cli.core.optimizer.Optimizer.reports_every_point`."""
    step_name: ClassVar[str] = "step"
    """What one of its steps is called."""
    information: ClassVar[str] = "values"
    """What it learns of the problem: ``values`` alone, or more, which makes a comparison unfair."""
    solved_by: ClassVar[str] = ""
    """What solves a problem for it, if not the target's point."""
    headline: ClassVar[frozenset[str]] = frozenset()
    """Settings that a report shows even where they have their defaults."""
    column: ClassVar[str] = ""
    """Heading of the column that shows its step count beside OPRO's rows, as the published tables
    have one for gradient descent; empty for an optimizer with rows of its own."""
    space: ClassVar[type] = object
    """What the points of a problem must be: a protocol of :mod:`opro_cli.core.problem` or a
    class of spaces."""

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The settings in a log of this version or an earlier one. Raises ValueError."""
        return cls.model_validate(data)

    def check_space(self, problem: Problem) -> None:
        """Raises UsageError where the optimizer cannot work with the points of this problem."""
        if not isinstance(problem.space, self.space):
            raise lacking(self.space, self.name)

    def model_requests(self) -> dict[str, ModelRequest]:
        """The models that it asks, by role."""
        return {}

    @property
    def asks_model(self) -> bool:
        """Whether it asks a model."""
        return bool(self.model_requests())

    def resolved_for(self, choices: Mapping[str, ModelChoice], *, free_text: bool = False) -> Self:
        """The same settings with nothing left open, for the models chosen.

        Args:
            choices: the models, by role; a role without a model stays as it is.
            free_text: whether the points of the problem are texts.
        """
        return self

    def prompt_sizes(
        self, problem: Problem, starts: Sequence[Point], abilities: Mapping[str, Ability]
    ) -> dict[str, PromptSizes]:
        """The sizes of the prompts and replies of a run, by role.

        Args:
            problem: of the run. Its points are evaluated, unless that is costly.
            starts: the starting points.
            abilities: of the models, by role; a role without one counts as "instruct".
        """
        return {}

    def default_of(self, name: str) -> Any:
        """The value of a setting that a report need not show."""
        info = type(self).model_fields.get(name)
        return None if info is None else info.default

    def follows(self, name: str) -> str:
        """The setting that gives this one its value, so that a report need not name both, or ""."""
        return ""

    @abstractmethod
    def build(self, context: OptimizerContext) -> Optimizer:
        """A new optimizer. Raises UsageError where the problem lacks what it needs."""

    @property
    def evaluations_per_step(self) -> int:
        """Evaluations that one step may take, at most."""
        return 1

    def proposals(self, space: Space) -> tuple[Point, ...] | None:
        """All points that it proposes, where they are known beforehand; else None.

        Raises UsageError where one of them is no point of the space.
        """
        del space
        return None

    def limits(self, limits: Limits) -> Limits:
        """The limits of a run, given the preset's; most optimizers take those."""
        return limits

    def deterministic(self) -> bool:
        """Whether two repetitions on the same data and starting points are the same run twice."""
        return False

    def experiment(self) -> dict[str, Any]:
        """The settings that must agree for a published result to be a fair comparison."""
        return self.model_dump(mode="json")


class BaselineSettings(OptimizerSettings, ABC):
    """An optimizer whose steps are not OPRO's, so that its limits are counted in evaluations."""

    @override
    def limits(self, limits: Limits) -> Limits:
        return limits.in_evaluations()


class AskingSettings(OptimizerSettings, ABC):
    """An optimizer that asks one model, in the role :data:`ROLE`."""

    model: str = "auto"
    """A name as ``--model`` takes it; ``auto``: Gemini with a key, else a local one."""
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = 1.0
    """Sampling temperature; null leaves it to the model."""
    candidates_per_call: Annotated[Integer, Field(ge=1, le=100)] = 1
    """Replies that one call brings, for models that have it: the prompt is paid once."""
    max_output_tokens: Annotated[Integer, Field(ge=1, le=1_000_000)] = 4096
    """Output tokens a reply may have, thinking included, where it is not a line to continue."""
    base_url: str | None = None
    """The server of an ``openai:`` model."""
    strict_model: bool = False
    """Fail where another model answers than the one asked for."""
    price_input: Annotated[Number, Field(ge=0)] | None = None
    """US dollars per million tokens, for a model whose price is not known here."""
    price_output: Annotated[Number, Field(ge=0)] | None = None
    """The same for output tokens."""
    # The settings below are left out where they are not used, so that older runs keep their hash.
    reasoning_effort: Annotated[str, Field(pattern=r"^[A-Za-z_]{1,20}$")] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """How much a hosted model thinks, in its own word, such as low."""
    extra_body: dict[str, Any] | None = Field(default=None, exclude_if=lambda value: value is None)
    """What is sent with every request to a hosted model, beside its usual parameters."""
    headers: dict[str, str] | None = Field(default=None, exclude_if=lambda value: value is None)
    """Headers that are sent with every request to a hosted model."""

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        check_headers(headers or {})
        return headers

    @field_validator("extra_body")
    @classmethod
    def _extra_body(cls, extra_body: dict[str, Any] | None) -> dict[str, Any] | None:
        check_no_secret("", extra_body)
        return extra_body

    @property
    def samples_per_step(self) -> int:
        """Replies that a step asks for, to begin with, as far as no model is chosen yet."""
        return 1

    @override
    def model_requests(self) -> dict[str, ModelRequest]:
        price = None
        if self.price_input is not None and self.price_output is not None:
            price = Price(self.price_input, self.price_output)
        request = ModelRequest(
            name=self.model,
            base_url=self.base_url,
            candidates=self.candidates_per_call,
            price=price,
            strict=self.strict_model,
            reasoning_effort=self.reasoning_effort,
            extra_body=json.dumps(self.extra_body, sort_keys=True) if self.extra_body else "",
            headers=tuple(sorted((self.headers or {}).items())),
            samples=self.samples_per_step,
        )
        return {ROLE: request}

    @override
    def resolved_for(self, choices: Mapping[str, ModelChoice], *, free_text: bool = False) -> Self:
        choice = choices.get(ROLE)
        if choice is None:
            return self
        changes: dict[str, Any] = {"model": choice.name}
        if not choice.temperature:
            changes["temperature"] = None
        return self.model_copy(update=changes)


class BaseOptimizer(ABC):
    """An optimizer that begins with the problem's starting points.

    Args:
        context: what it is built from.
    """

    reports_every_point = True

    def __init__(self, context: OptimizerContext) -> None:
        self.problem = context.problem
        self.space = context.problem.space
        self.randomness = context.randomness
        self.repetition = context.repetition

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self.problem.starts(self.randomness.generator(0, "starts"))

    @abstractmethod
    async def ask(self, step: int) -> Batch:
        """The proposals of step ``step``, counted from 1."""

    @abstractmethod
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Learn the values of the starting points, then of each step's proposals."""


def lacking(protocol: type, name: str) -> UsageError:
    """The error where the points of a problem do not have what an optimizer needs."""
    message, hint = LACKING.get(
        protocol,
        (
            "{name} cannot work with the points of this problem.",
            "choose another optimizer, or leave {name} out of the baselines",
        ),
    )
    return UsageError(message.format(name=name), hint.format(name=name))


def continuous_space(problem: Problem, name: str) -> Continuous:
    """The problem's space as a unit cube. Raises UsageError where it is none.

    Args:
        problem: with the space.
        name: of the optimizer, for the message.
    """
    if not isinstance(problem.space, Continuous):
        raise lacking(Continuous, name)
    return problem.space


def drawable_space(problem: Problem, name: str) -> Drawable:
    """The problem's space as one to draw points from. Raises UsageError where it is none.

    Args:
        problem: with the space.
        name: of the optimizer, for the message.
    """
    if not isinstance(problem.space, Drawable):
        raise lacking(Drawable, name)
    return problem.space


def import_package(module: str, name: str) -> Any:
    """An optional package. Raises UsageError with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(
            f"{name} needs the package {module.partition('.')[0]}, which is not installed.",
            "pip install 'opro-cli[baselines]'",
        ) from None
