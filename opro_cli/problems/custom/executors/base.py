"""An executor that takes the calls of an objective, while it is open."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class OpenExecutor:
    """An executor that is open.

    Args:
        name: its address, or the function that made it.
        executor: takes the calls.
        workers: gives the number of calls that it can run at the same time, as it is now.
    """

    name: str
    executor: Executor
    workers: Callable[[], int]


Opener: TypeAlias = Callable[[str], AbstractContextManager[OpenExecutor]]
"""Opens an address, such as ``dask://host:8786``. Raises UsageError."""
