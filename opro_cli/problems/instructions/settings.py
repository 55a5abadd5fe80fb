"""The ``problem:`` section of instructions: data, a metric, a scorer (docs/instructions.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from typing_extensions import override

from opro_cli.core.model import ModelRequest
from opro_cli.problems.instructions.fields import SCORER, InstructionFields
from opro_cli.problems.instructions.problem import InstructionsProblem
from opro_cli.problems.instructions.self_check import check_metric
from opro_cli.problems.instructions.sets import load_sets
from opro_cli.problems.settings import Target


class InstructionsSettings(InstructionFields):
    """The ``problem:`` section of instructions."""

    @override
    def build(self, target: Target, repetition: int) -> InstructionsProblem:
        """The problem. Reads no data before they are used: a report does not need them."""
        return InstructionsProblem(self, target)

    @override
    def check(self, repetitions: int) -> None:
        """Read the data, and grade answers that need no model. Raises UsageError."""
        for target in self.targets:
            problem = self.build(target, 0)
            check_metric(problem.metric, problem.train, problem.labels)

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
            train if isinstance(train, int) else len(load_sets(self, _task(self.targets[0])).train)
        )

    @property
    @override
    def free_text(self) -> bool:
        return True

    @override
    def digests(self) -> dict[str, str]:
        """Of the data."""
        return {"data": load_sets(self, _task(self.targets[0])).digest}

    @override
    def located(self, folder: str) -> Self:
        return self if self.folder else self.model_copy(update={"folder": folder})

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the folder, which changes no value."""
        return {k: v for k, v in super().summary_of_settings().items() if k != "folder"}

    @override
    def seeded(self) -> bool:
        return False


def _task(target: Target) -> str:
    return str(target.get("task", ""))
