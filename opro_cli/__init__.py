"""Language models as optimizers (OPRO: Optimization by PROmpting, arXiv 2309.03409).

The Python API, imported when it is first used: docs/python.md.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from opro_cli.core import __version__ as __version__

if TYPE_CHECKING:
    from opro_cli.api import (
        Account,
        Budget,
        OproError,
        Result,
        Run,
        Runs,
        Study,
        SweepResult,
        Trial,
        amaximize,
        aminimize,
        aoptimize_instruction,
        log,
        maximize,
        minimize,
        optimize_instruction,
        report,
        sweep,
        text,
    )

__all__ = [
    "Account",
    "Budget",
    "OproError",
    "Result",
    "Run",
    "Runs",
    "Study",
    "SweepResult",
    "Trial",
    "amaximize",
    "aminimize",
    "aoptimize_instruction",
    "log",
    "maximize",
    "minimize",
    "optimize_instruction",
    "report",
    "sweep",
    "text",
]


def __getattr__(name: str) -> Any:
    """Import the API when one of its names is used (PEP 562)."""
    if name == "report":
        return import_module("opro_cli.report")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("opro_cli.api"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _Report(ModuleType):
    """The package ``opro_cli.report``, which can be called as the function of that name."""

    def __call__(self, *args: Any, **options: Any) -> str:
        made: str = import_module("opro_cli.api").report(*args, **options)
        return made


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        """Note a package that has been imported: ``report`` is also a function of the API."""
        if name == "report" and type(value) is ModuleType:
            value.__class__ = _Report
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
