"""Tree-structured Parzen estimator, by optuna (J. Bergstra et al., Algorithms for Hyper-Parameter
Optimization, NeurIPS 2011)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from opro_cli.core.events import Evaluation
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Continuous
from opro_cli.core.settings import Integer
from opro_cli.optimizers.base import (
    BaselineSettings,
    BaseOptimizer,
    continuous_space,
    import_package,
)
from opro_cli.optimizers.history import WORST, KnownValues

LABEL = "tpe"


class TpeSettings(BaselineSettings):
    """The ``tpe:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "tree-structured Parzen estimator (optuna)"
    step_name: ClassVar[str] = "evaluation"
    space: ClassVar[type] = Continuous

    startup_points: Annotated[Integer, Field(ge=1)] = 10
    """Points, starting points included, before which it draws at random."""

    @override
    def build(self, context: OptimizerContext) -> Tpe:
        optuna = import_package("optuna", LABEL)
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # our own log has its progress
        return Tpe(self, context, optuna)


class Tpe(BaseOptimizer):
    """One proposal a step, in the unit cube; every step has a sampler with a seed of its own."""

    def __init__(self, settings: TpeSettings, context: OptimizerContext, optuna: Any) -> None:
        super().__init__(context)
        self._settings = settings
        self._cube = continuous_space(context.problem, LABEL)
        self._optuna = optuna
        self._known = KnownValues(context.problem.text.direction)
        unit = optuna.distributions.FloatDistribution(0.0, 1.0)
        self._axes = {str(i): unit for i in range(len(self._cube.names))}
        self._study = optuna.create_study()

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Add a trial for every point; one without a finite value is a failed trial."""
        self._known.add(pairs)
        states = self._optuna.trial.TrialState
        for pair in pairs:
            loss = self._known.loss(pair.point)
            unit = np.clip(self._cube.to_unit(pair.point), 0.0, 1.0)
            trial = self._optuna.trial.create_trial(
                params={str(i): float(u) for i, u in enumerate(unit)},
                distributions=self._axes,
                value=loss if loss < WORST else None,
                state=states.COMPLETE if loss < WORST else states.FAIL,
            )
            self._study.add_trial(trial)

    @override
    async def ask(self, step: int) -> Batch:
        """The point that the sampler proposes."""
        sampler = self._optuna.samplers.TPESampler(
            seed=self.randomness.number(step, LABEL),
            n_startup_trials=self._settings.startup_points,
        )
        self._study.sampler = sampler
        trial = self._study.ask(self._axes)
        unit = np.array([trial.params[name] for name in self._axes])
        # The study gets the value from `tell`, as a trial of its own.
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return Batch((Proposal(self._cube.from_unit(unit), LABEL),), in_turn=True)
