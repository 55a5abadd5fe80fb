"""The log of one run: JSON lines, each with its number and a checksum of itself.

A line of format 2 begins with its number ``"n"`` and ends with ``"crc"``, the CRC-32 of the line
before that field: so a changed, missing, doubled or moved line is found where it is. Format 1 had a
chain of checksums, ``"sum"``, and, in its first days, none; such lines are read on, and lines of
format 2 may follow them. A last line without its line break was being written when the machine
stopped; it is left out, and cut off before the run is resumed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opro_cli.core.errors import LogError, RunsError
from opro_cli.core.events import Event, json_form
from opro_cli.runs.disk.fields import time as checked_time
from opro_cli.runs.disk.files import append_bytes, opened, sync_file
from opro_cli.runs.disk.sessions import LogEnd

MAX_LINE = 64 * 2**20
"""Bytes of the longest line that is read: a reply may be long, but not like this."""
CRC, SUM = b', "crc": "%08x"}\n', b', "sum": "%08x"}\n'


@dataclass(frozen=True)
class LoggedEvent:
    """One event in a log."""

    number: int
    """Its line, from 1."""
    time: datetime
    event: Event


def read_events(path: Path, *, checked: bool = True, bare: bool = False) -> Iterator[LoggedEvent]:
    """The events in a log, without a torn last line.

    Args:
        path: the file.
        checked: whether a wrong checksum is an error; without, only a line that holds no event.
        bare: whether the first lines may be without a checksum, as in the first days.

    Raises:
        RunsError: naming file and line, where anything but the end is damaged.
    """
    check = _Check(bare)
    for number, line in _lines(path):
        try:
            data = json.loads(line)
            wrong = check.line(number, line, data)
            if checked and wrong:
                raise ValueError(wrong)
            fields = {k: v for k, v in data.items() if k not in ("n", "sum", "crc")}
            yield LoggedEvent(number, _time(data["t"]), json_form.from_json(fields))
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
                "the lines before it are good; `opro replay` shows where the results differ",
            ) from error


def _time(value: Any) -> datetime:
    try:
        return checked_time(value)
    except ValueError as error:
        raise ValueError(f"t: {error}") from None


class _Check:
    """Follows the numbers and checksums of a log, format 1 and 2."""

    def __init__(self, bare: bool) -> None:
        self._sum = 0
        self._format = 0 if bare else 1

    def line(self, number: int, line: bytes, data: Any) -> str:
        """Why a line is not as it was written; empty where it is."""
        if not isinstance(data, dict):
            return "not an event"
        form = 2 if "crc" in data else 1 if "sum" in data else 0
        if form < self._format:
            return "its checksum is of an older format" if form else "it has no checksum"
        self._format = form
        if form == 2:
            body = line.rpartition(b', "crc": "')[0]
            if line != body + CRC % zlib.crc32(body):
                return "its checksum is wrong: it was changed"
            return "" if data.get("n") == number else f"it has the number {data.get('n')}"
        if form == 1:
            body = line.rpartition(b', "sum": "')[0]
            self._sum = zlib.crc32(body, self._sum)
            if line != body + SUM % self._sum:
                return "its checksum is wrong: it, or a line before it, was changed"
        return ""


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, without the torn one at the end."""
    try:
        with (
            opened(path, os.O_RDONLY) as handle,
            open(handle, "rb", closefd=False) as file,
        ):
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
        raise RunsError(f"{path}: {error.strerror}.", "is this a log of opro?") from error


def end_of(path: Path) -> LogEnd:
    """How long a log is. Raises RunsError."""
    sha, lines = hashlib.sha256(), 0
    for _, line in _lines(path):
        sha.update(line)
        lines += 1
    return LogEnd(lines, sha.hexdigest())


class EventLog:
    """Appends events. Holds no file open: a sweep may have thousands of runs.

    Times never go back within one session, even where the clock is set back meanwhile.

    Args:
        path: the file; its lines stay, except a torn last one.
        began: when the session began that writes.

    Raises:
        LogError: the torn line cannot be cut off.
        RunsError: the file is damaged.
    """

    def __init__(self, path: Path, began: datetime | None = None) -> None:
        self._path = path
        self._broken: LogError | None = None
        self._number = end = 0
        self._sha = hashlib.sha256()
        self._last = began
        for _, line in _lines(path) if path.exists() else ():
            self._number += 1
            self._sha.update(line)
            end += len(line)
        if path.exists() and path.stat().st_size > end:
            try:
                with opened(path, os.O_RDWR) as handle:
                    os.ftruncate(handle, end)
            except OSError as error:
                raise self._failed(error) from error

    @property
    def end(self) -> LogEnd:
        """How long the log is by now."""
        return LogEnd(self._number, self._sha.hexdigest())

    def append(self, event: Event) -> None:
        """Hand one event to the operating system, as one line. Raises LogError."""
        self._check()
        now = datetime.now(UTC)
        self._last = now if self._last is None else max(now, self._last)
        stamp = self._last.isoformat(timespec="milliseconds")
        data = {"n": self._number + 1, "t": stamp, **json_form.to_json(event)}
        body = json.dumps(data, allow_nan=False).encode()[:-1]
        line = body + CRC % zlib.crc32(body)
        try:
            append_bytes(self._path, line)
        except OSError as error:
            raise self._failed(error) from error
        self._number += 1
        self._sha.update(line)

    def sync(self) -> None:
        """Return when all events would survive a power cut. Raises LogError."""
        self._check()
        try:
            sync_file(self._path)
        except OSError as error:
            raise self._failed(error) from error

    def _check(self) -> None:
        if self._broken is not None:  # nothing may follow a line that is half there
            raise self._broken

    def _failed(self, error: OSError) -> LogError:
        self._broken = LogError(
            f"{self._path}: {error.strerror}. The run was stopped here.",
            "everything written before is kept; make room, then `opro resume`",
        )
        return self._broken


def _brief(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    if not isinstance(error, ValueError) or isinstance(error, json.JSONDecodeError):
        text = f"not an event ({text or type(error).__name__})"
    return text if len(text) <= 160 else text[:157] + "..."
