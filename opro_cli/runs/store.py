"""The runs directory: one directory a run, readable with less and jq.

::

    runs/20261122-220312-exp1-w15-b14-r1-3f9a/
        run.json       the spec, where its values came from, versions
        events.jsonl   the events, one JSON object a line
        sessions.jsonl the commands that wrote it, and since when
        writer.json    the command that is writing it now (see :mod:`opro_cli.runs.lock`)

``run.json`` is written and synced before anything else happens, and sealed with a hash of itself.
Every event is handed to the operating system as it happens, and the file is synced at the end of
every step.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opro_cli.core import events
from opro_cli.core.errors import RunsError
from opro_cli.presets.environment import Environment
from opro_cli.presets.spec import RunSpec, digest
from opro_cli.problems.settings import label
from opro_cli.runs.files import append_bytes, read_whole, sync_folder, write_whole
from opro_cli.runs.log import EventLog, LoggedEvent, read_events

RUN_FILE, EVENTS_FILE, SESSIONS_FILE = "run.json", "events.jsonl", "sessions.jsonl"

HASHED, RANDOM = 8, 2
"""Digits of the spec's hash, and random bytes, at the end of an id."""

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Errors of reading data that another program, or another version, may have written."""

DAMAGED = "the other runs are not affected; move this directory away to leave it out"


@dataclass(frozen=True)
class Session:
    """One command that wrote a run."""

    name: str
    began: datetime
    budget: Mapping[str, Any]
    """The caps it was given."""
    number: int = 0
    """Its place among the sessions of its runs: a clock can be set back."""


@dataclass(frozen=True)
class StoredRun:
    """A run as its directory holds it."""

    path: Path
    about: dict[str, Any]
    """``run.json``: at least ``schema``, ``id``, ``created`` and ``spec``."""

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
        except UNREADABLE as error:
            raise RunsError(
                f"{self.path / RUN_FILE}: the spec cannot be read ({_brief(error)}).", DAMAGED
            ) from error

    def log(self, *, checked: bool = True) -> Iterator[LoggedEvent]:
        """Every event, with its line and time. Raises RunsError where the log is damaged."""
        return read_events(self.path / EVENTS_FILE, checked=checked, bare="seal" not in self.about)

    def sessions(self) -> list[Session]:
        """The commands that wrote it, in order. Raises RunsError where they cannot be read."""
        file = self.path / SESSIONS_FILE
        try:
            lines = read_whole(file).split(b"\n")[:-1]  # without a torn one
            said = [json.loads(line) for line in lines]
            return [
                Session(
                    str(s["session"]), _time(s["t"]), dict(s["budget"]), int(s.get("number", 0))
                )
                for s in said
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise RunsError(f"{file}: no list of sessions ({_brief(error)}).", DAMAGED) from error

    def begin_session(self, session: str, about: dict[str, Any]) -> None:
        """Note that a command writes from here on. Raises RunsError."""
        file = self.path / SESSIONS_FILE
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"t": now, "session": session, **about}).encode() + b"\n"
        try:
            before = read_whole(file) if file.exists() else b""
            if before and not before.endswith(b"\n"):  # torn when the machine stopped
                kept = before.rpartition(b"\n")
                write_whole(file, (kept[0] + kept[1]).decode())
            append_bytes(file, line)
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", "make room, then try again") from error

    def open_log(self) -> EventLog:
        """The log, to be continued. Raises LogError."""
        return EventLog(self.path / EVENTS_FILE)


class RunStore:
    """A directory of runs.

    Args:
        root: the directory; made when the first run is created.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Raises RunsError if no run could be created here."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".writable-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise RunsError(
                f"The runs directory {self.root} cannot be written to: {error.strerror}.",
                "choose another with --runs-dir or OPRO_RUNS_DIR",
            ) from None

    def create(self, spec: RunSpec, about: dict[str, Any]) -> StoredRun:
        """A new run's directory, with ``run.json`` on disk. Raises RunsError."""
        now = datetime.now(UTC)
        sha = spec.sha256()
        run_id = f"{now:%Y%m%d-%H%M%S}-{_slug(spec)}-{sha[:HASHED]}{secrets.token_hex(RANDOM)}"
        path = self.root / run_id
        document = {
            "schema": events.SCHEMA,
            "id": run_id,
            "created": now.isoformat(timespec="microseconds"),
            "spec_sha256": sha,
            "spec": spec.dump(),
            **about,
        }
        document["seal"] = digest(document)
        try:
            path.mkdir(parents=True)
            (path / EVENTS_FILE).touch()  # from here on, a run without it has lost it
            write_whole(path / RUN_FILE, json.dumps(document, indent=2, allow_nan=False) + "\n")
            sync_folder(self.root)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)  # it holds no events yet
            raise RunsError(
                f"The run {path} cannot be created: {error.strerror}.",
                "make room, or choose another place with --runs-dir or OPRO_RUNS_DIR",
            ) from error
        return StoredRun(path, document)

    def all(self) -> tuple[list[StoredRun], list[RunsError]]:
        """Every run, oldest first, and the damaged ones. Other directories are passed over."""
        return self._opened(sorted(self.root.iterdir()) if self.root.is_dir() else [])

    def of(self, spec: RunSpec) -> tuple[list[StoredRun], list[RunsError]]:
        """The runs of one spec, oldest first, and the damaged ones among them."""
        sha = spec.sha256()
        found, damaged = self._opened(self._names.get(sha[:HASHED], []))
        return [run for run in found if run.about.get("spec_sha256") == sha], damaged

    def last_used(self) -> Iterator[StoredRun]:
        """All runs, the last written first; damaged ones are passed over."""
        found = [p for p in self.root.iterdir() if p.is_dir()] if self.root.is_dir() else []
        for path in sorted(found, key=lambda p: (_used(p), p.name), reverse=True):
            with contextlib.suppress(RunsError):
                run = open_run(path)
                if run is not None:
                    yield run

    def newest(self, part: str) -> Iterator[StoredRun]:
        """Runs whose id holds ``part``, newest first; damaged ones are passed over."""
        if not self.root.is_dir():
            return
        for name in sorted((p.name for p in self.root.iterdir() if part in p.name), reverse=True):
            with contextlib.suppress(RunsError):
                run = open_run(self.root / name)
                if run is not None:
                    yield run

    @cached_property
    def _names(self) -> dict[str, list[Path]]:
        """Directories by the hash in their names, as they were when first asked for."""
        by_hash: dict[str, list[Path]] = {}
        digits = HASHED + 2 * RANDOM
        for path in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            by_hash.setdefault(path.name[-digits : -2 * RANDOM], []).append(path)
        return by_hash

    def select(self, ids: Sequence[str]) -> tuple[list[StoredRun], list[RunsError]]:
        """The runs with these ids or id prefixes (all for none), and the damaged ones among them.

        Raises RunsError where an id, or ``latest``, matches nothing.
        """
        if not ids:
            return self.all()
        names = sorted(path.name for path in self.root.iterdir()) if self.root.is_dir() else []
        chosen: set[str] = set()
        for given in ids:
            wanted = Path(given).name if Path(given).parent == self.root else given
            if wanted == "latest":
                runs, _ = self.all()
                matching = [run.id for run in runs[-1:]]
            else:
                matching = [name for name in names if wanted and name.startswith(wanted)]
            if not matching:
                raise RunsError(
                    f"There is no run {wanted!r} in {self.root}.",
                    "`opro runs list` shows all runs; --runs-dir names another directory",
                )
            chosen.update(matching)
        return self._opened([self.root / name for name in sorted(chosen)])

    def _opened(self, paths: Sequence[Path]) -> tuple[list[StoredRun], list[RunsError]]:
        runs, damaged = [], []
        for path in paths:
            try:
                run = open_run(path)
            except RunsError as error:
                damaged.append(error)
            else:
                runs += [run] if run is not None else []
        return sorted(runs, key=lambda run: (run.created, run.id)), damaged


def open_run(path: Path, *, checked: bool = True) -> StoredRun | None:
    """The run in a directory, or None if there is none. Raises RunsError if it is damaged."""
    file = path / RUN_FILE
    try:
        about = json.loads(read_whole(file))
    except (FileNotFoundError, NotADirectoryError):
        if (path / SESSIONS_FILE).is_file():
            raise RunsError(f"{file}: it is missing.", DAMAGED) from None
        return None
    except OSError as error:
        raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{file}: not JSON ({_brief(error)}).", DAMAGED) from error
    if not isinstance(about, dict) or not {"schema", "id", "created", "spec"} <= set(about):
        return None  # the run.json of another program
    if about["schema"] not in events.READABLE:
        raise RunsError(
            f"{file}: written with log format {about['schema']}; "
            f"this version reads {' and '.join(map(str, events.READABLE))}.",
            "a newer opro can read it" if _newer(about["schema"]) else DAMAGED,
        )
    # The first runs of format 1 had neither a seal nor checksums.
    sealed = "seal" in about or about["schema"] != 1
    unsealed = {k: v for k, v in about.items() if k != "seal"}
    if checked and sealed and digest(unsealed) != about.get("seal"):
        raise RunsError(f"{file}: it was changed after it was written.", DAMAGED)
    return StoredRun(path, about)


def _used(path: Path) -> int:
    try:
        return (path / SESSIONS_FILE).stat().st_mtime_ns
    except OSError:
        return 0


def _time(text: Any) -> datetime:
    """A time with its zone. Raises ValueError or TypeError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a time zone")
    return time.astimezone(UTC)


def _newer(schema: Any) -> bool:
    return isinstance(schema, int) and schema > events.SCHEMA


def _slug(spec: RunSpec) -> str:
    target = label(spec.target).replace("=-", "=m").replace("=", "")
    return slug(f"{spec.preset}-{spec.optimizer.name}-{target}-r{spec.repetition + 1}")


def slug(words: str) -> str:
    """Letters, digits and hyphens only: an id is a file name on every system."""
    return re.sub(r"[^A-Za-z0-9]+", "-", words)[:80].strip("-")


def _brief(error: Exception) -> str:
    text = str(error).partition("\n")[0] or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def runs_directory(option: Path | None, env: Environment) -> Path:
    """``--runs-dir``, ``OPRO_RUNS_DIR`` or ``./runs``."""
    named = env.get("OPRO_RUNS_DIR", "")
    if "\0" in named:
        raise RunsError("OPRO_RUNS_DIR is not a path: it holds a NUL.", "set it to a directory")
    return option or Path(named if named.strip() else "runs")
