"""The ``problem:`` section of a preset: its base class, its targets, and fields that many share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field

from opro_cli.core.mappings import cut_text
from opro_cli.core.model import ModelRequest
from opro_cli.core.problem import Problem
from opro_cli.core.settings import Integer, Settings, plain_integer


def plain_coordinate(value: Any) -> Any:
    """A part of a target: ``15.0`` becomes ``15``, so that both are the same run; a text stays."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return plain_integer(value)
    raise ValueError(f"a number or a text is wanted, not {cut_text(repr(value))}")


Target: TypeAlias = dict[str, Annotated[float | int | str, BeforeValidator(plain_coordinate)]]

NumStarts: TypeAlias = Annotated[Integer, Field(ge=1, le=10_000)]

Decimals: TypeAlias = Annotated[Integer, Field(ge=0, le=6)]

OutputDecimals: TypeAlias = Decimals | None
"""Decimals of a value that a model is shown; None for significant digits."""

SEEDS = 2**32
"""Seeds of ``numpy.random.RandomState`` are below this."""

Seed: TypeAlias = Annotated[Integer, Field(ge=0, lt=SEEDS)]


class SeedRule(Settings):
    """A seed for each repetition: ``first``, ``first + step``, ``first + 2·step`` …"""

    first: Seed
    """The seed of the first repetition."""
    step: Seed = 0
    """What is added for each further one."""

    def at(self, repetition: int) -> int:
        """The seed of one repetition, counted from 0."""
        return self.first + self.step * repetition


@dataclass(frozen=True)
class AnswerSizes:
    """The prompts and replies of a problem's own model: low, middle and high."""

    characters: tuple[float, float, float]
    """Of a prompt."""
    output_tokens: tuple[float, float, float]
    """Of a reply."""


class ProblemSettings(Settings, ABC):
    """The ``problem:`` section; one subclass for each kind of problem."""

    kind: str
    summary: ClassVar[str] = ""
    """One sentence for ``opro presets`` and the documentation."""
    target_suffix: ClassVar[str] = ""
    """What a table's heading adds to a name in a target: ``_true`` makes ``w_true`` of ``w``."""

    gap: ClassVar[bool] = False
    """Whether reports state how far the best value is above the optimum, in per cent of it."""

    examples: ClassVar[dict[str, str]] = {}
    """An example of a valid value for a field, for hints."""

    targets: tuple[Target, ...] = Field(min_length=1)
    """One instance each; the problem decides which names a target has. A problem without targets
    has one that is empty."""

    def located(self, folder: str) -> Self:
        """The settings for a preset in this folder, where the folder matters."""
        return self

    @abstractmethod
    def build(self, target: Target, repetition: int) -> Problem:
        """The instance of one target in one repetition (counted from 0)."""

    def has_goal(self) -> bool:
        """Whether a run can end by being solved: there is a goal, or the optimum is known."""
        return self.build(self.targets[0], 0).optimum is not None

    def model_requests(self) -> dict[str, ModelRequest]:
        """The models that the problem's evaluator needs, by role."""
        return {}

    def answer_sizes(self) -> dict[str, AnswerSizes]:
        """The sizes of prompts and replies of the evaluator's models, by role; for an estimate."""
        return {}

    def facts(self) -> list[tuple[str, str]]:
        """What a plan says of the data: pairs of a word and a sentence. Runs no code of the user's.

        Raises UsageError.
        """
        return []

    def inspect_code(self) -> str:
        """What the source of the user's code says, in a sentence; empty where there is none.

        Runs nothing of it. Raises UsageError where it cannot be called as it will be.
        """
        return ""

    def try_code(self) -> str:
        """Run the user's code once, in a process of its own; what came of it, in a sentence.

        Raises UsageError where it fails.
        """
        return ""

    def files(self, folder: str) -> list[str]:
        """The paths of the files that the settings name, as far as they are there.

        Args:
            folder: of the preset.
        """
        del folder
        return []

    def warnings(self) -> list[str]:
        """Sentences on the data that a person should read before a run. Raises UsageError."""
        return []

    def resolved_for(self, names: Mapping[str, str]) -> Self:
        """The same settings with the models chosen.

        Args:
            names: of the models, by role.
        """
        del names
        return self

    def evaluations_per_point(self) -> int:
        """Evaluations that the value of a point takes: for a data set, one an example."""
        return 1

    @property
    def free_text(self) -> bool:
        """Whether a point is a text, which only a model that follows instructions can write."""
        return False

    def summary_of_settings(self) -> dict[str, Any]:
        """The settings that make two runs the same experiment: all but the targets."""
        return self.model_dump(mode="json", exclude={"targets"})

    def experiment(self) -> dict[str, Any]:
        """The settings with which published results were obtained: what else may differ."""
        return self.summary_of_settings()

    def digests(self) -> dict[str, str]:
        """SHA-256 of the files whose contents decide the values, by a name for people.

        Recorded in a run, so that a change is noticed. Runs nothing of those files.
        """
        return {}

    def identity(self) -> dict[str, Any]:
        """The settings that can change a result: two runs with the same ones are the same run."""
        return self.model_dump(mode="json")

    def shared(self) -> AbstractContextManager[int]:
        """What the evaluators of all runs of a command share, such as a cluster, while it is open.

        Gives the number of evaluations that can run at the same time. Raises UsageError.
        """
        return nullcontext(1)

    def varies(self) -> bool:
        """Whether repetitions differ in data or starting points."""
        return False

    def seeded(self) -> bool:
        """Whether instances or starting points depend on the seed of the run."""
        return True

    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Build every instance and its starting points, as the runs will.

        Called before anything is started. To read a log, :meth:`build` alone must suffice. So it
        also refuses settings that an old run may have and a new one should not.

        Args:
            repetitions: of every target.
            dry: whether nothing will be started: then no code of the user's is loaded.

        Raises:
            InvalidSolution: a starting point is no point of the space.
            UsageError: an instance cannot be built, or cannot be evaluated here.
        """
        for target in self.targets:
            for repetition in range(repetitions if self.varies() else 1):
                self.build(target, repetition).starts(np.random.default_rng(0))


def label(target: Target) -> str:
    """A target in a few characters, as in ``w=15 b=14``; ``-`` for a problem without one."""
    return " ".join(f"{name}={value}" for name, value in target.items()) or "-"
