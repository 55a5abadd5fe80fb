"""Exports: stored runs in the form of other tools, made afterwards from the logs.

What is exported is named by the run's id and the number of its events, so exporting a run again
changes nothing, and exporting one that has gone on adds what is new.
"""

from __future__ import annotations

from opro_cli.core.registry import Registry
from opro_cli.export.target import Target

TARGETS: Registry[Target] = Registry(
    "export target",
    {
        "otlp": "opro_cli.export.otlp:TARGET",
        "mlflow": "opro_cli.export.mlflow:TARGET",
        "ro-crate": "opro_cli.export.ro_crate:TARGET",
    },
    group="opro.exports",
)
"""Every target is an object of a subclass of :class:`Target`."""
