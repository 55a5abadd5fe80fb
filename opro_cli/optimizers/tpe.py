"""Tree-structured Parzen estimator, by optuna (J. Bergstra et al., Algorithms for Hyper-Parameter
Optimization, NeurIPS 2011)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import WORST, BaselineSettings, Known, cube, library
from opro_cli.problems.base import Integer

LABEL = "tpe"


class TpeSettings(BaselineSettings):
    """The ``tpe:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "tree-structured Parzen estimator (optuna)"
    step_name: ClassVar[str] = "evaluation"

    startup_points: Annotated[Integer, Field(ge=1)] = 10
    """Points, starting points included, before which it draws at random."""

    def build(self, task: Task) -> Tpe:
        """The estimator on this problem. Raises UsageError without optuna or without numbers."""
        optuna = library("optuna", LABEL)
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # its progress is in our own log
        return Tpe(self, task, optuna)


class Tpe:
    """One proposal a step, in the unit cube; the sampler is seeded anew for every step."""

    def __init__(self, settings: TpeSettings, task: Task, optuna: Any) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._space = cube(task, LABEL)
        self._optuna = optuna
        self._known = Known(task.problem.wording.direction)
        unit = optuna.distributions.FloatDistribution(0.0, 1.0)
        self._axes = {str(i): unit for i in range(len(self._space.names))}
        self._study = optuna.create_study()

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Add a trial for every point; one without a finite value is a failed trial."""
        self._known.add(pairs)
        states = self._optuna.trial.TrialState
        for pair in pairs:
            loss = self._known.loss(pair.point)
            unit = np.clip(self._space.to_unit(pair.point), 0.0, 1.0)
            trial = self._optuna.trial.create_trial(
                params={str(i): float(u) for i, u in enumerate(unit)},
                distributions=self._axes,
                value=loss if loss < WORST else None,
                state=states.COMPLETE if loss < WORST else states.FAIL,
            )
            self._study.add_trial(trial)

    async def ask(self, step: int) -> Asked:
        """The point the sampler proposes."""
        sampler = self._optuna.samplers.TPESampler(
            seed=self._randomness.number(step, LABEL),
            n_startup_trials=self._settings.startup_points,
        )
        self._study.sampler = sampler
        trial = self._study.ask(self._axes)
        unit = np.array([trial.params[name] for name in self._axes])
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # told by `tell` instead
        return Asked((Proposal(self._space.from_unit(unit), LABEL),), in_turn=True)
