"""One writer a run: the command that writes it, named in the run, holds a lock for its life.

``runs/.locks/SESSION.lock`` is held by the operating system for the command of that name, and is
free as soon as its process has ended, however it ended. A run that is being written has a
``writer.json`` that names the session. Who looks for runs to write holds ``runs/.locks/store.lock``
meanwhile, so a run is claimed before its log is read, and by one command only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from opro_cli.core.errors import RunLocked, RunsError
from opro_cli.runs.disk.files import read_whole, write_whole

FOLDER = ".locks"
WRITER = "writer.json"
NAME = re.compile(r"[0-9a-z]{1,64}")
"""Of a session: it is part of a path."""
PATIENCE = 1.0
"""Seconds of waiting for another command before the user is told."""


class WriterLock:
    """The lock of one command, and its claims on runs.

    Args:
        root: the runs directory.

    Raises:
        RunsError: the lock cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.session = secrets.token_hex(8)
        self._path = _folder(root) / f"{self.session}.lock"
        self._lock = _acquired(self._path)

    def claim(self, run: Path, about: dict[str, Any]) -> None:
        """Name this command as the writer of a run. The caller holds the store's lock.

        Raises RunLocked where another command is writing it, RunsError where it cannot be noted.
        """
        check_free(run, self.session)
        try:
            write_whole(run / WRITER, json.dumps({"session": self.session, **about}) + "\n")
        except OSError as error:
            raise RunsError(
                f"{run / WRITER} cannot be written: {error.strerror}.",
                "make room, or choose another place with --runs-dir",
            ) from error

    def release(self, run: Path) -> None:
        """Give a run back, unless another command has claimed it since. Safe to call twice."""
        if (_named(run) or {}).get("session") == self.session:
            with contextlib.suppress(OSError):
                (run / WRITER).unlink()

    def close(self) -> None:
        """Give the command's own lock back. Safe to call twice."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._path.unlink()  # before it is free: nobody can wait for a name used once
            self._lock.release()


def check_free(run: Path, session: str = "") -> None:
    """Raises RunLocked where another command is writing this run."""
    writer = writer_of(run)
    if writer is not None and writer.get("session") != session:
        raise RunLocked(
            f"{run} is being written by process {writer.get('pid')} on {writer.get('host')}.",
            "wait for that command to end, or stop it",
        )


def writer_of(run: Path) -> dict[str, Any] | None:
    """The command that is writing a run, as ``writer.json`` describes it; None if there is none."""
    writer = _named(run)
    session = (writer or {}).get("session")
    if writer is None or not isinstance(session, str) or not NAME.fullmatch(session):
        return None  # also the file of a version that named a process: it says nothing for sure
    path = run.parent / FOLDER / f"{session}.lock"
    ours = path.is_file() and not path.is_symlink()
    return writer if ours and not _is_free(path) else None


@contextlib.asynccontextmanager
async def store_lock(root: Path, notify: Callable[[str], None]) -> AsyncIterator[None]:
    """Keep other commands from looking for runs, and from creating them.

    Args:
        root: the runs directory, which exists.
        notify: told once when this takes longer than a moment.

    Raises:
        RunsError: the lock cannot be made.
    """
    path = _folder(root) / "store.lock"
    lock = _lock(path)
    began, told = time.monotonic(), False
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            await asyncio.sleep(0.05)
            if not told and time.monotonic() - began > PATIENCE:
                told = True
                notify(f"Waiting for another command that is looking for its runs in {root} …")
        except OSError as error:
            raise _not_made(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _folder(root: Path) -> Path:
    folder = root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise OSError(0, "it is a link")
    except OSError as error:
        raise _not_made(folder, error) from error
    return folder


def _named(run: Path) -> dict[str, Any] | None:
    try:
        writer = json.loads(read_whole(run / WRITER, 10_000))
    except (OSError, ValueError, RecursionError):
        return None
    return writer if isinstance(writer, dict) else None


def _lock(path: Path) -> FileLock:
    """A lock on a file, which is not reached through a link. Raises RunsError."""
    if path.is_symlink():
        raise _not_made(path, OSError(0, "it is a link"))
    return FileLock(path, thread_local=False)


def _acquired(path: Path) -> FileLock:
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except (OSError, Timeout) as error:
        raise _not_made(path, error) from error
    return lock


def _is_free(path: Path) -> bool:
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError:
        return False  # it cannot be asked for: somebody else's
    with contextlib.suppress(OSError):
        path.unlink()  # its command has ended without taking it away
    lock.release()
    return True


def _not_made(path: Path, error: Exception) -> RunsError:
    why = getattr(error, "strerror", None) or error
    return RunsError(
        f"The lock {path} cannot be made: {why}.",
        "choose another place with --runs-dir or OPRO_RUNS_DIR",
    )
