"""The kinds of problem: ``PROBLEMS`` names the settings class of each.

A new problem is one file, with a settings class and a problem class, and one line here; an
installed package adds its own in the entry-point group ``opro.problems``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opro_cli.core.registry import Registry

if TYPE_CHECKING:  # importing it takes pydantic and numpy, which a worker process does without
    from opro_cli.problems.settings import ProblemSettings

PROBLEMS: Registry[type[ProblemSettings]] = Registry(
    "kind of problem",
    {
        "linear": "opro_cli.problems.regression.linear:LinearSettings",
        "multilinear": "opro_cli.problems.regression.multilinear:MultilinearSettings",
        "sine": "opro_cli.problems.regression.sine:SineSettings",
        "network": "opro_cli.problems.regression.network:NetworkSettings",
        "tsp": "opro_cli.problems.tsp.problem:TspSettings",
        "functions": "opro_cli.problems.benchmark_functions:BenchmarkFunctionSettings",
        "instructions": "opro_cli.problems.instructions.settings:InstructionsSettings",
        "custom": "opro_cli.problems.custom.problem:CustomSettings",
        "callable": "opro_cli.problems.custom.in_process:CallableSettings",
    },
    group="opro.problems",
)
