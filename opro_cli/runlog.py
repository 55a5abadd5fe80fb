"""The log of one run: JSON lines, each with a checksum of itself and of all before it.

A line ends in ``"sum"``: the CRC-32 of the line without it, continued from the sum of the line
before. So a changed, missing, doubled or moved line is found where it is. A last line without its
line break was being written when the machine stopped; it is left out, and cut off before the log
is gone on with.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opro_cli import events
from opro_cli.errors import LogError, RunsError
from opro_cli.events import Event

MAX_LINE = 64 * 2**20
"""Bytes of the longest line that is read: a reply may be long, but not like this."""
SUM = b', "sum": "%08x"}\n'


@dataclass(frozen=True)
class Logged:
    """One event in a log."""

    number: int
    """Its line, from 1."""
    time: datetime
    event: Event


def read(path: Path, *, checked: bool = True) -> Iterator[Logged]:
    """The events in a log, without a torn last line.

    Args:
        path: the file.
        checked: whether a wrong checksum is an error; without, only what is no event is one.

    Raises:
        RunsError: naming file and line, where anything but the end is damaged.
    """
    total = 0
    for number, line in _lines(path):
        try:
            data = json.loads(line)
            total, right = _continued(line, data, total)
            if checked and not right:
                raise ValueError("its checksum is wrong: it, or a line before it, was changed")
            fields = {key: value for key, value in data.items() if key != "sum"}
            yield Logged(number, datetime.fromisoformat(data["t"]), events.from_json(fields))
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise RunsError(
                f"{path}, line {number}: {_brief(error)}.",
                "the lines before it are good; `opro replay` shows what does not come out",
            ) from error


def _continued(line: bytes, data: Any, total: int) -> tuple[int, bool]:
    """The sum after this line, and whether the line says the same."""
    body, mark, _ = line.rpartition(b', "sum": "')
    total = zlib.crc32(body if mark else line, total)
    said = data.get("sum") if isinstance(data, dict) else None
    return total, said == f"{total:08x}"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, without the torn one at the end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunsError(f"{path}: no regular file.", "is this a runs directory of opro?")
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if line.endswith(b"\n"):
                    yield number, line
                elif len(line) == MAX_LINE:
                    raise RunsError(
                        f"{path}, line {number}: longer than {MAX_LINE:,} bytes.",
                        "is this a log of opro?",
                    )
    except FileNotFoundError:
        hint = "move the run's directory away to leave it out"
        raise RunsError(f"{path}: it is missing.", hint) from None
    except OSError as error:
        raise RunsError(f"{path}: {error.strerror}.", "can you read it?") from error


class RunLog:
    """Appends events. Holds no file open: a sweep may have thousands of runs.

    Args:
        path: the file; what is in it stays, but for a torn last line.

    Raises:
        LogError: the torn line cannot be cut off.
        RunsError: what is there is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = 0
        self._broken: LogError | None = None
        end = 0
        for _, line in _lines(path) if path.exists() else ():
            self._sum, _ = _continued(line, None, self._sum)
            end += len(line)
        if path.exists() and path.stat().st_size > end:
            with self._open("r+b") as file:
                file.truncate(end)

    def append(self, event: Event) -> None:
        """Hand one event to the operating system, as one line. Raises LogError."""
        data = {"t": datetime.now(UTC).isoformat(timespec="milliseconds"), **events.to_json(event)}
        body = json.dumps(data, allow_nan=False).encode()[:-1]
        total = zlib.crc32(body, self._sum)
        with self._open("ab") as file:
            view = memoryview(body + SUM % total)
            while view:  # a raw write may be short
                view = view[file.write(view) :]
        self._sum = total

    def sync(self) -> None:
        """Return when all events would survive a power cut. Raises LogError."""
        with self._open("ab") as file:
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _open(self, mode: str) -> Iterator[io.FileIO]:
        if self._broken is not None:  # nothing may follow a line that is half there
            raise self._broken
        try:
            with io.FileIO(self._path, mode.replace("b", "")) as file:
                yield file
        except OSError as error:
            self._broken = LogError(
                f"{self._path}: {error.strerror}. The run was stopped here.",
                "what was written before is kept; make room, then `opro resume`",
            )
            raise self._broken from error


def _brief(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    if not isinstance(error, ValueError) or isinstance(error, json.JSONDecodeError):
        text = f"not an event ({text or type(error).__name__})"
    return text if len(text) <= 160 else text[:157] + "..."
