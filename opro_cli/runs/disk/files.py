"""Reading and writing in a runs directory: whole files, and never through a link.

A file can be opened even where sockets have taken every handle of the process: a few are kept in
reserve, so that a reply that is paid for gets into its log.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
BINARY = getattr(os, "O_BINARY", 0)
NO_HANDLES = (errno.EMFILE, errno.ENFILE)
RESERVED = 4
"""Handles kept for the files of runs."""
PATIENCE = 1.0
"""Seconds of waiting for a handle, where another thread has those in reserve."""


class _Reserve:
    """Open handles of nothing, given back one by one where a file needs one."""

    def __init__(self) -> None:
        self._handles: list[int] = []
        self.wanted = 0
        """How many; 0 for a command that writes nothing."""
        self._lock = threading.Lock()

    def fill(self, number: int | None = None) -> None:
        """Take handles, as far as there are some."""
        with self._lock, contextlib.suppress(OSError):
            self.wanted = self.wanted if number is None else number
            while len(self._handles) < self.wanted:
                self._handles.append(os.open(os.devnull, os.O_RDONLY))

    def give(self) -> bool:
        """Give one handle back to the system; false if there is none."""
        with self._lock:
            if not self._handles:
                return False
            os.close(self._handles.pop())
            return True


_RESERVE = _Reserve()


def reserve_handles() -> None:
    """Keep a few handles for the files of runs. Safe to call twice."""
    import concurrent.futures.thread  # noqa: F401 (later, there may be no handle to load it)

    _RESERVE.fill(RESERVED)


def write_whole(path: Path, text: str) -> None:
    """Write, sync, then rename: the file is there whole or not at all. Raises OSError.

    A link of that name is replaced, not followed.
    """
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with opened(partial, flags) as handle:
            _write(handle, text.encode())
            os.fsync(handle)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def opened(path: Path, flags: int, *, links: bool = False) -> Iterator[int]:
    """A handle of a regular file, closed at the end.

    Raises OSError, also for anything but a file, and for a link, unless ``links``.
    """
    more = BINARY | getattr(os, "O_NONBLOCK", 0) | (0 if links else NO_LINKS)
    handle = _open(path, flags | more)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "not a regular file")
        yield handle
    finally:
        os.close(handle)
        _RESERVE.fill()


def _open(path: Path, flags: int) -> int:
    began = time.monotonic()
    while True:
        try:
            return os.open(path, flags, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(error.errno, "it is a link") from error
            if error.errno not in NO_HANDLES or not _RESERVE.wanted:
                raise
            if not _RESERVE.give():
                if time.monotonic() - began > PATIENCE:
                    raise
                time.sleep(0.02)


def read_whole(path: Path, most: int = 64 * 2**20, *, links: bool = False) -> bytes:
    """The bytes of a regular file. Raises OSError, also for a file of over ``most`` bytes, and for
    a link, unless ``links``."""
    with (
        opened(path, os.O_RDONLY, links=links) as handle,
        open(handle, "rb", closefd=False) as file,
    ):
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(0, f"larger than {most:,} bytes")
    return data


def append_bytes(path: Path, data: bytes) -> None:
    """Add to the end of a regular file, made where it is not there. Raises OSError."""
    with opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as handle:
        _write(handle, data)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a raw write may be short
        view = view[os.write(handle, view) :]


def sync_file(path: Path) -> None:
    """Return when everything written to a file would survive a power cut. Raises OSError."""
    with opened(path, os.O_RDWR) as handle:
        os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Make a new name in a directory last; systems that cannot sync a directory need not."""
    with contextlib.suppress(OSError):
        handle = _open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
            _RESERVE.fill()
