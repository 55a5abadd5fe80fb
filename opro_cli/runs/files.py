"""Reading and writing in a runs directory: whole files, and never through a link."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
BINARY = getattr(os, "O_BINARY", 0)


def write_whole(path: Path, text: str) -> None:
    """Write, sync, then rename: the file is there whole or not at all. Raises OSError.

    A link of that name is replaced, not followed.
    """
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINKS | BINARY
    try:
        handle = os.open(partial, flags, 0o666)
        with open(handle, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 (a handle)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    sync_folder(path.parent)


def open_file(path: Path, flags: int) -> int:
    """A handle of a regular file. Raises OSError, also for a link and for anything but a file."""
    try:
        handle = os.open(path, flags | NO_LINKS | BINARY | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, "it is a link") from error
        raise
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(0, "not a regular file")


def read_whole(path: Path, most: int = 64 * 2**20) -> bytes:
    """The bytes of a regular file. Raises OSError, also for a link or a file of over ``most``."""
    with open(open_file(path, os.O_RDONLY), "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(0, f"larger than {most:,} bytes")
    return data


def append_bytes(path: Path, data: bytes) -> None:
    """Add to the end of a regular file, made where it is not there. Raises OSError."""
    handle = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        view = memoryview(data)
        while view:  # a raw write may be short
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make a new name in a directory last; systems that cannot sync a directory need not."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
