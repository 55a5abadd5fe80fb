"""Baselines for instructions that ask a model: OPRO without one of its parts."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from opro_cli.core.optimizer import Limits
from opro_cli.core.problem import Textual
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.optimizers.opro.strategies import Strategy


class TextBaselineSettings(OproSettings):
    """OPRO on texts with a strategy of its own; limits are OPRO's."""

    space: ClassVar[type] = Textual

    @override
    def limits(self, limits: Limits) -> Limits:
        return limits


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
