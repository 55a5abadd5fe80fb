"""Optimizers: one file an algorithm. A new one is a file and a line here, or an entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opro_cli.core.registry import Registry

if TYPE_CHECKING:
    from opro_cli.optimizers.base import OptimizerSettings

DEFAULT = "opro"
"""The optimizer that a sweep runs beside the preset's baselines."""

OPTIMIZERS: Registry[type[OptimizerSettings]] = Registry(
    "optimizer",
    {
        "opro": "opro_cli.optimizers.opro.settings:OproSettings",
        "sgd": "opro_cli.optimizers.gradient_descent:GradientDescentSettings",
        "random": "opro_cli.optimizers.random_search:RandomSettings",
        "local-search": "opro_cli.optimizers.local_search:LocalSearchSettings",
        "nelder-mead": "opro_cli.optimizers.nelder_mead:NelderMeadSettings",
        "cma-es": "opro_cli.optimizers.cma_es:CmaEsSettings",
        "tpe": "opro_cli.optimizers.tpe:TpeSettings",
        "quadratic-fit": "opro_cli.optimizers.quadratic_fit:QuadraticFitSettings",
        "nearest-neighbour": "opro_cli.optimizers.tours.construction:NearestNeighbourSettings",
        "farthest-insertion": "opro_cli.optimizers.tours.construction:FarthestInsertionSettings",
        "two-opt": "opro_cli.optimizers.tours.two_opt:TwoOptSettings",
        "fixed": "opro_cli.optimizers.fixed:FixedSettings",
        "rephrase": "opro_cli.optimizers.opro.baselines:RephraseSettings",
        "one-step": "opro_cli.optimizers.opro.baselines:OneStepSettings",
        "no-scores": "opro_cli.optimizers.opro.baselines:NoScoresSettings",
        "halving": "opro_cli.optimizers.opro.baselines:HalvingSettings",
    },
    group="opro.optimizers",
)
