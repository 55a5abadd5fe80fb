"""Opens the executor that a preset names: once for all runs of a command.

``dask://host:port`` is the address of an engine in the registry. ``module:function`` or
``file.py:function`` is code of the user's, called in the process of ``opro`` when runs are about to
begin, never in a dry run, a report or a replay. It returns a :class:`concurrent.futures.Executor`,
a Dask client, or a context manager that gives one of them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.problems.custom.executors import EXECUTORS
from opro_cli.problems.custom.executors.base import OpenExecutor
from opro_cli.problems.custom.worker import NotLoaded, brief, load

ADDRESS = "://"
"""Stands in an address, and in the name of no function."""

UNKNOWN_SIZE = 8
"""Calls at the same time where an executor does not say how many it can run."""

_OPEN: dict[tuple[str, str], tuple[OpenExecutor, contextlib.ExitStack, list[object]]] = {}
"""The open executors, each with its users. One without users is closed."""


@contextlib.contextmanager
def shared(named: str, folder: str) -> Iterator[OpenExecutor]:
    """The executor of this name, opened by the first user and closed by the last.

    Args:
        named: an address, or a function.
        folder: where the file of a function is looked for first.

    Raises:
        UsageError: it cannot be opened.
    """
    key = named, folder
    if key not in _OPEN:
        with contextlib.ExitStack() as stack:
            found = stack.enter_context(_open(named, folder))
            _OPEN[key] = found, stack.pop_all(), []
    found, closing, users = _OPEN[key]
    user = object()
    users.append(user)
    try:
        yield found
    finally:
        users.remove(user)
        if not users:
            del _OPEN[key]
            closing.close()


def check_name(named: str) -> None:
    """Raises UsageError for an address of an engine that there is not. Opens nothing."""
    if ADDRESS in named:
        EXECUTORS.check(named.partition(ADDRESS)[0], f"problem.executor {named}")


def _open(named: str, folder: str) -> contextlib.AbstractContextManager[OpenExecutor]:
    if ADDRESS in named:
        return EXECUTORS[named.partition(ADDRESS)[0]](named)
    return _made(named, folder)


@contextlib.contextmanager
def _made(named: str, folder: str) -> Iterator[OpenExecutor]:
    """What a function of the user's makes."""
    with contextlib.ExitStack() as stack:
        try:
            with _own_path():
                made: Any = load(named, folder)()
                made = stack.enter_context(made) if hasattr(made, "__enter__") else made
            if isinstance(made, Executor):
                executor = made
            elif hasattr(made, "get_executor"):
                executor = made.get_executor(pure=False)
            else:
                raise NotLoaded(f"it returns {type(made).__name__}, and no executor")
        except NotLoaded as error:
            raise UsageError(f"problem.executor {named}: {error}.", HINT) from None
        except Exception as error:  # it is code of the user's
            raise UsageError(
                f"problem.executor {named} gives no executor: {brief(error)}.", HINT
            ) from error
        yield OpenExecutor(named, executor, lambda: _size(made))


HINT = "as in --executor dask://host:8786, or --executor path/to/file.py:make"


@contextlib.contextmanager
def _own_path() -> Iterator[None]:
    """Keeps the folder of the function out of the imports of opro itself."""
    before = sys.path[:]
    try:
        yield
    finally:
        sys.path[:] = before


def _size(made: Any) -> int:
    """The calls that an executor can run at the same time, as far as it says so."""
    if not isinstance(made, Executor):
        return sum(made.nthreads().values()) or UNKNOWN_SIZE
    for name in ("num_workers", "_max_workers"):  # of mpi4py; of the standard library, loky, Parsl
        found = getattr(made, name, None)
        if isinstance(found, int) and found > 0:
            return found
    return UNKNOWN_SIZE
