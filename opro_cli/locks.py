"""One writer a run: a file that says which process, and which takes it over from a dead one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opro_cli.errors import RunLocked, RunsError

NAME = "writer.json"


class Lock:
    """A held lock; :meth:`release` gives it back. A process that dies leaves it, and it is stale.

    Args:
        folder: the run's directory.

    Raises:
        RunLocked: a living process holds it; the message names it.
        RunsError: the lock cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        try:
            with alone(folder):
                holder = read(folder)
                if holder is not None and _alive(holder):
                    raise _locked(folder, holder)
                self._path.write_text(json.dumps(_self()) + "\n", encoding="utf-8")
        except OSError as error:
            raise RunsError(
                f"{self._path} cannot be written: {error.strerror}.",
                "make room, or choose another place with --runs-dir",
            ) from error

    def release(self) -> None:
        """Let others write. Safe to call twice."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any] | None:
    """Who says to be writing a run; None for nobody."""
    try:
        holder = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # none, or one whose writer died while writing it
    return holder if isinstance(holder, dict) else None


def held(folder: Path) -> bool:
    """Whether a living process is writing a run, as far as this machine can tell."""
    holder = read(folder)
    return holder is not None and _alive(holder)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes of this machine out for a moment."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _self() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "began": _began(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _alive(holder: dict[str, Any]) -> bool:
    pid, began = holder.get("pid"), holder.get("began")
    if not isinstance(pid, int) or not isinstance(holder.get("host"), str):
        return False  # no lock of ours
    if holder.get("host") != socket.gethostname():
        return True  # nobody can tell from here
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # somebody else's, and alive
    except (OSError, OverflowError):
        return False
    return began == _began(pid)  # else the number was given to another process


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's own count; None where that is not to be had."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _locked(folder: Path, holder: dict[str, Any]) -> RunLocked:
    here = holder.get("host") == socket.gethostname()
    return RunLocked(
        f"{folder} is being written by process {holder.get('pid')} on {holder.get('host')} "
        f"since {holder.get('since')}.",
        "wait for it to end, or end it"
        if here
        else f"if that process is gone, delete {folder / NAME}",
    )
