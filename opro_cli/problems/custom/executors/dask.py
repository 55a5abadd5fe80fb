"""A Dask cluster: ``dask://host:port`` is the address of its scheduler (extra ``cluster``)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from opro_cli.core.errors import UsageError
from opro_cli.problems.custom.executors.base import OpenExecutor

CONNECTING = 20.0
"""Seconds for a connection to the scheduler."""


@contextlib.contextmanager
def connect(address: str) -> Iterator[OpenExecutor]:
    """A client of the scheduler. Lost workers are retried by it (``allowed-failures`` of Dask)."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            f"problem.executor {address}: Dask is not installed.",
            "pip install 'opro-cli[cluster]', here and where the workers run",
        ) from None
    # What it would write in the middle of the progress is said in the reasons of points.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(
            f"tcp://{address.partition('://')[2]}", timeout=CONNECTING, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise UsageError(
            f"problem.executor {address}: there is no scheduler ({error}).",
            "start one with: dask scheduler",
        ) from None
    with client:
        executor = client.get_executor(pure=False)
        yield OpenExecutor(address, executor, lambda: sum(client.nthreads().values()))
