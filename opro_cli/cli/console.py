"""The two streams (data on stdout, messages on stderr), and errors as sentences."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from opro_cli.cli.characters import IN_ASCII
from opro_cli.core.errors import OproError, OutputError

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def run_command(call: Callable[[], int], *, debug: bool = False) -> int:
    """Run a command: print errors as sentences, and return the exit code."""
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    try:
        return call()
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except OproError as error:
        if debug:
            raise
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        say(f"error: this is a bug: {type(error).__name__}: {error}")
        say("hint: run it again with --debug, and please report the output")
        return 1


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _usable(stream: TextIO | None) -> TextIO:
    """The stream, able to take any character; another one where it is closed."""
    if stream is None or stream.closed:  # started with `>&-`
        return _nowhere()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=IN_ASCII)
    return stream


def print_out(text: str) -> None:
    """Print data on stdout. It is not an error if the reader stops reading (``| head``).

    Raises OutputError where stdout cannot be written to.
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
    """Print a message on stderr, in one line; lost where stderr cannot be written to."""
    from opro_cli.core.text import clean

    try:
        sys.stderr.write(clean(text, limit) + "\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = _nowhere()


def width() -> int | None:
    """Columns of the terminal that stdout is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
