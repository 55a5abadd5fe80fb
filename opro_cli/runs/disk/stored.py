"""One run as its directory holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opro_cli.core import events
from opro_cli.core.errors import LogError, OproError, RunsError
from opro_cli.presets.spec import RunSpec, digest
from opro_cli.runs.disk.about import check_about
from opro_cli.runs.disk.files import append_bytes, read_whole, write_whole
from opro_cli.runs.disk.log import EventLog, LoggedEvent, read_events
from opro_cli.runs.disk.sessions import LogEnd, Session, read_sessions

RUN_FILE, EVENTS_FILE, SESSIONS_FILE = "run.json", "events.jsonl", "sessions.jsonl"

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Errors of reading data that another program, or another version, may have written."""

MOST_BYTES = 16 * 2**20
"""Of ``run.json`` and ``sessions.jsonl``."""

DAMAGED = "the other runs are not affected; move this directory away to leave it out"


@dataclass(frozen=True)
class StoredRun:
    """A run as its directory holds it."""

    path: Path
    about: dict[str, Any]
    """``run.json``, checked: see :mod:`opro_cli.runs.disk.about`."""

    @property
    def id(self) -> str:
        """The run's id: the name of its directory."""
        return self.path.name

    @property
    def created(self) -> str:
        """When it was created (UTC, ISO 8601)."""
        return str(self.about["created"])

    def spec(self) -> RunSpec:
        """The settings of the run. Raises RunsError where this version cannot read them."""
        try:
            return RunSpec.load(self.about["spec"])
        except (*UNREADABLE, OproError) as error:
            raise RunsError(
                f"{self.path / RUN_FILE}: the spec cannot be read ({brief(error)}).", DAMAGED
            ) from error

    def log(self, *, checked: bool = True) -> Iterator[LoggedEvent]:
        """Every event, with its line and time. Raises RunsError where the log is damaged."""
        return read_events(self.path / EVENTS_FILE, checked=checked, bare="seal" not in self.about)

    def sessions(self) -> list[Session]:
        """The commands that wrote it, in order. Raises RunsError where they cannot be read."""
        file = self.path / SESSIONS_FILE
        try:
            return read_sessions(read_whole(file, MOST_BYTES))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
        except ValueError as error:
            raise RunsError(f"{file}, {error}.", DAMAGED) from error

    def begin_session(self, session: str, about: dict[str, Any]) -> None:
        """Note that a command writes from here on. Raises RunsError."""
        file = self.path / SESSIONS_FILE
        try:
            before = read_whole(file, MOST_BYTES) if file.exists() else b""
            if before and not before.endswith(b"\n"):  # torn when the machine stopped
                kept = before.rpartition(b"\n")
                write_whole(file, (kept[0] + kept[1]).decode())
            append_bytes(file, _line(session, about))
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", "make room, then try again") from error

    def end_session(self, session: str, end: LogEnd) -> None:
        """Note how long the log is, now that a command is done with the run. Raises LogError."""
        file = self.path / SESSIONS_FILE
        try:
            append_bytes(file, _line(session, {"end": asdict(end)}))
        except OSError as error:
            raise LogError(f"{file}: {error.strerror}.", "everything else is written") from error

    def open_log(self) -> EventLog:
        """The log, to be continued. Raises LogError."""
        sessions = self.sessions()
        return EventLog(self.path / EVENTS_FILE, sessions[-1].began if sessions else None)


def open_run(path: Path, *, checked: bool = True) -> StoredRun | None:
    """The run in a directory, or None if there is none. Raises RunsError if it is damaged."""
    file = path / RUN_FILE
    try:
        about = json.loads(read_whole(file, MOST_BYTES))
        if not isinstance(about, dict) or not {"schema", "id", "created", "spec"} <= set(about):
            return None  # the run.json of another program
        _check_format(file, about["schema"])
        check_about(about)
        # The first runs of format 1 had neither a seal nor checksums.
        sealed = "seal" in about or about["schema"] != 1
        unsealed = {k: v for k, v in about.items() if k != "seal"}
        if checked and sealed and digest(unsealed) != about.get("seal"):
            raise RunsError(f"{file}: it was changed after it was written.", DAMAGED)
    except (FileNotFoundError, NotADirectoryError):
        if (path / SESSIONS_FILE).is_file():
            raise RunsError(f"{file}: it is missing.", DAMAGED) from None
        return None
    except OSError as error:
        raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunsError(f"{file}: not JSON ({brief(error)}).", DAMAGED) from error
    except RecursionError:
        raise RunsError(f"{file}: nested too deep.", DAMAGED) from None
    except ValueError as error:
        raise RunsError(f"{file}: {brief(error)}.", DAMAGED) from error
    return StoredRun(path, about)


def _check_format(file: Path, schema: Any) -> None:
    if isinstance(schema, bool) or not isinstance(schema, int) or schema not in events.READABLE:
        shown = str(schema)[:40] if isinstance(schema, int | str) else "of another kind"
        raise RunsError(
            f"{file}: written with log format {shown}; "
            f"this version reads {' and '.join(map(str, events.READABLE))}.",
            "a newer opro can read it" if _newer(schema) else DAMAGED,
        )


def _line(session: str, said: dict[str, Any]) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"t": now, "session": session, **said}).encode() + b"\n"


def _newer(schema: Any) -> bool:
    return isinstance(schema, int) and schema > events.SCHEMA


def brief(error: Exception) -> str:
    """The first line of an error's text."""
    text = str(error).partition("\n")[0] or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
