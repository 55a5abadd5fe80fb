"""What is minimised: one file a problem. Adding one is a file and a line in ``KINDS``."""

from __future__ import annotations

from importlib import import_module

from opro_cli.problems.base import (
    Continuous,
    Point,
    Problem,
    ProblemSettings,
    Space,
    Target,
    Unusable,
    Wording,
    label,
)

__all__ = [
    "KINDS",
    "Continuous",
    "Point",
    "Problem",
    "ProblemSettings",
    "Space",
    "Target",
    "Unusable",
    "Wording",
    "label",
    "settings_of",
]

KINDS: dict[str, str] = {
    "linear": "opro_cli.problems.linear:LinearSettings",
    "multilinear": "opro_cli.problems.multilinear:MultilinearSettings",
    "sine": "opro_cli.problems.sine:SineSettings",
    "network": "opro_cli.problems.network:NetworkSettings",
    "tsp": "opro_cli.problems.tsp:TspSettings",
    "functions": "opro_cli.problems.functions:FunctionsSettings",
    "custom": "opro_cli.problems.custom:CustomSettings",
}


def settings_of(kind: str) -> type[ProblemSettings]:
    """The settings class of a kind. Raises KeyError for an unknown one."""
    module, _, name = KINDS[kind].partition(":")
    cls: type[ProblemSettings] = getattr(import_module(module), name)
    return cls
