"""The two streams: data on stdout, messages on stderr, and what happens when nobody listens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

from opro_cli.errors import OutputError


def prepare() -> None:
    """Make both streams usable: there, and able to take any character."""
    sys.stdout = _usable(sys.stdout)
    sys.stderr = _usable(sys.stderr)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _usable(stream: TextIO | None) -> TextIO:
    if stream is None or stream.closed:  # started with `>&-`
        return _nowhere()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def print_out(text: str) -> None:
    """Data, on stdout. A reader who has gone (``| head``) has all it wanted.

    Raises OutputError where stdout cannot take it.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = _nowhere()
    except OSError as error:
        sys.stdout = _nowhere()
        raise OutputError(f"The output cannot be written: {error.strerror}.") from None


def say(text: str, limit: int = 2000) -> None:
    """A message on stderr, in one line; lost where stderr takes none."""
    from opro_cli.text import clean

    try:
        sys.stderr.write(clean(text, limit) + "\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = _nowhere()
