"""Engines that run the calls of an objective elsewhere, by the first part of their addresses.

Each is a function that opens an address. An engine without a name of its own is opened by a
function of the user's: see :mod:`opro_cli.problems.custom.executors.shared`.
"""

from __future__ import annotations

from opro_cli.core.registry import Registry
from opro_cli.problems.custom.executors.base import Opener

EXECUTORS: Registry[Opener] = Registry(
    "executor",
    {
        "dask": "opro_cli.problems.custom.executors.dask:connect",
        "ray": "opro_cli.problems.custom.executors.ray:connect",
    },
    group="opro.executors",
)
