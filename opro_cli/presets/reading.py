"""Reads small files that may be anything: a pipe, a device, a link that leads nowhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a regular file, perhaps behind a link; never waits for a pipe.

    Raises OSError, also where it is another kind of file, or larger than ``most`` bytes.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "is a directory" if stat.S_ISDIR(mode) else "is not a file")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(handle)
    if len(data) > most:
        raise OSError(0, f"is larger than {most:,} bytes")
    return data


def reason(error: OSError) -> str:
    """The reason as a clause, as in "Permission denied"."""
    return error.strerror or str(error)
