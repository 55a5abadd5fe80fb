"""The Python API: see docs/python.md. ``import opro_cli as opro`` gives all these names."""

from __future__ import annotations

from opro_cli.api.account import Account, Budget
from opro_cli.api.commands import SweepResult, report, sweep
from opro_cli.api.instructions import aoptimize_instruction, optimize_instruction
from opro_cli.api.minimizing import amaximize, aminimize, maximize, minimize
from opro_cli.api.result import Result
from opro_cli.api.session import Trial
from opro_cli.api.space import log, text
from opro_cli.api.stored import Run, Runs
from opro_cli.api.study import Study
from opro_cli.core.errors import OproError

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
