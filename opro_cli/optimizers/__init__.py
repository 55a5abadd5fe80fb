"""Who proposes: one file an algorithm. Adding one is a file and a line in ``NAMES``."""

from __future__ import annotations

from importlib import import_module

from opro_cli.optimizers.base import (
    Asked,
    Limits,
    Optimizer,
    OptimizerSettings,
    Proposal,
    Task,
)

__all__ = [
    "NAMES",
    "Asked",
    "Limits",
    "Optimizer",
    "OptimizerSettings",
    "Proposal",
    "Task",
    "settings_of",
]

NAMES: dict[str, str] = {
    "opro": "opro_cli.optimizers.opro:OproSettings",
    "sgd": "opro_cli.optimizers.sgd:SgdSettings",
    "random": "opro_cli.optimizers.random:RandomSettings",
    "local-search": "opro_cli.optimizers.local_search:LocalSearchSettings",
    "nelder-mead": "opro_cli.optimizers.nelder_mead:NelderMeadSettings",
    "cma-es": "opro_cli.optimizers.cma_es:CmaEsSettings",
    "tpe": "opro_cli.optimizers.tpe:TpeSettings",
    "quadratic-fit": "opro_cli.optimizers.quadratic_fit:QuadraticFitSettings",
    "nearest-neighbour": "opro_cli.optimizers.nearest_neighbour:NearestNeighbourSettings",
    "farthest-insertion": "opro_cli.optimizers.farthest_insertion:FarthestInsertionSettings",
    "two-opt": "opro_cli.optimizers.two_opt:TwoOptSettings",
}


def settings_of(name: str) -> type[OptimizerSettings]:
    """The settings class of an optimizer. Raises KeyError for an unknown one."""
    module, _, cls = NAMES[name].partition(":")
    found: type[OptimizerSettings] = getattr(import_module(module), cls)
    return found
