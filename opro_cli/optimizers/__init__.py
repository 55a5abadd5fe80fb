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
}


def settings_of(name: str) -> type[OptimizerSettings]:
    """The settings class of an optimizer. Raises KeyError for an unknown one."""
    module, _, cls = NAMES[name].partition(":")
    found: type[OptimizerSettings] = getattr(import_module(module), cls)
    return found
