"""Baselines for instructions that ask a model: OPRO without one of its parts."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from opro_cli.core.optimizer import OptimizerContext
from opro_cli.core.problem import Problem, Textual
from opro_cli.optimizers.base import lacking
from opro_cli.optimizers.opro.optimizer import Opro
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.optimizers.opro.strategies import Strategy


class TextBaselineSettings(OproSettings):
    """OPRO on texts with a strategy of its own."""

    space: ClassVar[type] = Textual

    @override
    def check_space(self, problem: Problem) -> None:
        """Raises UsageError where the points are no texts."""
        if not isinstance(problem.space, Textual):
            raise lacking(Textual, self.name)
        super().check_space(problem)

    @override
    def build(self, context: OptimizerContext) -> Opro:
        self.check_space(context.problem)
        return super().build(context)


class RephraseSettings(TextBaselineSettings):
    """The ``rephrase:`` section."""

    name: ClassVar[str] = "rephrase"
    summary: ClassVar[str] = "for instructions: the best one in other words, no scores shown (APE)"
    strategy: Strategy = "rephrase"


class OneStepSettings(TextBaselineSettings):
    """The ``one-step:`` section."""

    name: ClassVar[str] = "one-step"
    summary: ClassVar[str] = "for instructions: all proposals from the first meta-prompt"
    strategy: Strategy = "one-step"


class NoScoresSettings(TextBaselineSettings):
    """The ``no-scores:`` section."""

    name: ClassVar[str] = "no-scores"
    summary: ClassVar[str] = "for instructions: OPRO without scores in the meta-prompt"
    strategy: Strategy = "no-scores"


class HalvingSettings(TextBaselineSettings):
    """The ``halving:`` section."""

    name: ClassVar[str] = "halving"
    summary: ClassVar[str] = "for instructions: as one-step, the worse half dropped in each block"
    strategy: Strategy = "halving"
