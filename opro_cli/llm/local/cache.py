"""The user's cache folder: where it is, and files in it that appear complete or not at all.

The folder may be shared with others. So nothing in it is believed because of its name or its
neighbours: the program knows the hash of what it looks for. A new file is first written under a
random name, and never through a link.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from opro_cli.core.errors import ModelUnavailable

VARIABLE = "OPRO_CACHE_DIR"

PARTIAL = ".partial"
"""The end of the names of files that are being written."""

LOCK = ".lock"

PATIENCE = 120.0
"""Seconds of waiting for another process that is writing."""

DAY = 86_400.0

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)

BINARY = getattr(os, "O_BINARY", 0)


def cache_folder() -> Path:
    """``OPRO_CACHE_DIR``, or the user's cache folder; without a home, one below that for temporary
    files. Raises ModelUnavailable."""
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return expanded(given, f"{VARIABLE}={given[:200]} names no folder", "give a whole path")
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "opro"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    if base.is_absolute():
        return base / "opro"
    try:
        home = Path.home()
    except RuntimeError:
        return _without_home()
    return home / ".cache" / "opro" if home.is_absolute() else _without_home()


def expanded(path: str, wrong: str, hint: str) -> Path:
    """A path with ``~`` replaced. Raises ModelUnavailable in these words where that fails."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ModelUnavailable(f"{wrong}: there is no such home folder.", hint) from None


def _without_home() -> Path:
    """A folder of the user's own among the temporary files. Raises ModelUnavailable."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return private_folder(
        Path(tempfile.gettempdir()) / f"opro-cache-{user}", "There is no home folder for the cache"
    )


def private_folder(folder: Path, why: str = "A folder of its own is needed") -> Path:
    """The folder, made if it is not there, which only the user can write in.

    Raises ModelUnavailable, with ``why`` before the reason, where it is not such a folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        reason = "" if _own(found) else "it belongs to somebody else, or others may write in it"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise ModelUnavailable(
            f"{why}, and {folder} cannot be used: {reason}.",
            f"set {VARIABLE} to a folder of your own",
        )
    return folder


def _own(found: os.stat_result) -> bool:
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A new file to write and to read, which becomes ``target`` where the block ends well.

    Raises OSError; then, as after any other error in the block, nothing is left.
    """
    partial = target.with_name(f".{target.name}-{secrets.token_hex(8)}{PARTIAL}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINKS | BINARY
    try:
        with os.fdopen(os.open(partial, flags, 0o666), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes in the folder, then remove what killed ones have left.

    Where the folder cannot be locked, go on: files still appear complete. Then only what is older
    than a day is removed.
    """
    from filelock import FileLock, Timeout

    path = folder / LOCK
    lock = FileLock(path, thread_local=False)
    with contextlib.suppress(OSError, Timeout, NotImplementedError):
        if not path.is_symlink():
            lock.acquire(timeout=PATIENCE, poll_interval=0.1)
    try:
        remove_partial(folder, 0.0 if lock.is_locked else DAY)
        yield
    finally:
        lock.release()


def remove_partial(folder: Path, age: float) -> None:
    """Remove files that were being written, and are older than so many seconds."""
    for path in folder.glob(f".*{PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime >= age:
                path.unlink()
