"""Generated data sets: no licence, no contamination, any size, offline.

``GENERATORS`` names them; a new one is one file with a ``Generator`` and one line here. Small
models are moved by instructions on tasks of format and label (dates, extraction, labels), and not
on counting and sorting, where ability decides. They are look-alikes of tasks in use: counting and
sorting of object_counting and word_sorting in BIG-Bench Hard, labels of SST-2. The package
reasoning-gym has more, and was looked at: it brings 25 packages, matplotlib and sympy among them,
and its tasks are of the second kind. Its export as JSON Lines can be given as data.
"""

from __future__ import annotations

from opro_cli.core.registry import Registry
from opro_cli.problems.instructions.generated.base import Generator, generate

__all__ = ["GENERATORS", "Generator", "generate"]

GENERATORS: Registry[Generator] = Registry(
    "generated data set",
    {
        name: f"opro_cli.problems.instructions.generated.{name}:GENERATOR"
        for name in ("dates", "extraction", "labels", "counting", "sorting")
    },
)
