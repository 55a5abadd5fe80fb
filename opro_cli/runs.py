"""The runs directory: one directory a run, readable with less and jq.

::

    runs/20261122-220312-exp1-w15-b14-r1-3f9a/
        run.json       what was asked for: the spec, where its values came from, versions
        events.jsonl   what happened, one JSON object a line
        sessions.jsonl which processes wrote it, and since when

``run.json`` is written and synced before anything else happens, and sealed with a hash of itself.
Every event is handed to the operating system as it happens, and the file is synced at the end of
every step.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opro_cli import events, locks, runlog
from opro_cli.errors import RunsError
from opro_cli.problems import label
from opro_cli.runlog import Logged, RunLog
from opro_cli.spec import RunSpec, digest

RUN_FILE, EVENTS_FILE, SESSIONS_FILE = "run.json", "events.jsonl", "sessions.jsonl"
HASHED, RANDOM = 8, 2
"""An id ends in so many digits of its spec's hash, and so many random bytes."""
DAMAGED = "the other runs are not concerned; move this directory away to leave it out"


@dataclass(frozen=True)
class Session:
    """One process that wrote a run."""

    name: str
    began: datetime
    budget: Mapping[str, Any]
    """The caps it was given."""


@dataclass(frozen=True)
class Recorded:
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
        """What was asked for. Raises RunsError where this version cannot read it."""
        try:
            return RunSpec.load(self.about["spec"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise RunsError(
                f"{self.path / RUN_FILE}: the spec cannot be read ({_brief(error)}).", DAMAGED
            ) from error

    def log(self, *, checked: bool = True) -> Iterator[Logged]:
        """Every event, with its line and time. Raises RunsError where the log is damaged."""
        return runlog.read(self.path / EVENTS_FILE, checked=checked)

    def sessions(self) -> list[Session]:
        """Who wrote it, in order. Raises RunsError where that cannot be read."""
        file = self.path / SESSIONS_FILE
        try:
            lines = file.read_bytes().split(b"\n")[:-1]  # without a torn one
            said = [json.loads(line) for line in lines]
            return [
                Session(str(s["session"]), datetime.fromisoformat(s["t"]), dict(s["budget"]))
                for s in said
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
        except (ValueError, KeyError, TypeError) as error:
            raise RunsError(f"{file}: no list of sessions ({_brief(error)}).", DAMAGED) from error

    def begin(self, session: str, about: dict[str, Any]) -> None:
        """Note that a process goes on from here. Raises RunsError."""
        file = self.path / SESSIONS_FILE
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"t": now, "session": session, **about}).encode() + b"\n"
        try:
            torn = file.exists() and not file.read_bytes().endswith(b"\n")
            if torn:
                kept = file.read_bytes().rpartition(b"\n")
                _write_whole(file, (kept[0] + kept[1]).decode())
            with file.open("ab") as stream:
                stream.write(line)
        except OSError as error:
            raise RunsError(f"{file}: {error.strerror}.", "make room, then try again") from error

    def append(self) -> RunLog:
        """The log, to be gone on with. Raises LogError."""
        return RunLog(self.path / EVENTS_FILE)


class Runs:
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

    def create(self, spec: RunSpec, about: dict[str, Any]) -> Recorded:
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
            _write_whole(path / RUN_FILE, json.dumps(document, indent=2, allow_nan=False) + "\n")
            _sync(self.root)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)  # nothing has happened in it
            raise RunsError(
                f"The run {path} cannot be created: {error.strerror}.",
                "make room, or choose another place with --runs-dir or OPRO_RUNS_DIR",
            ) from error
        return Recorded(path, document)

    def all(self) -> tuple[list[Recorded], list[RunsError]]:
        """Every run, oldest first, and what is damaged. What is no run is passed over."""
        return self._opened(sorted(self.root.iterdir()) if self.root.is_dir() else [])

    def of(self, spec: RunSpec) -> tuple[list[Recorded], list[RunsError]]:
        """The runs of one spec, oldest first, and what is damaged of them."""
        sha = spec.sha256()
        found, damaged = self._opened(self._names.get(sha[:HASHED], []))
        return [run for run in found if run.about.get("spec_sha256") == sha], damaged

    def last_used(self) -> Iterator[Recorded]:
        """All runs, those first that a process went on with last; damaged ones are passed over."""
        found = [p for p in self.root.iterdir() if p.is_dir()] if self.root.is_dir() else []
        for path in sorted(found, key=lambda p: (_used(p), p.name), reverse=True):
            with contextlib.suppress(RunsError):
                run = open_run(path)
                if run is not None:
                    yield run

    def newest(self, part: str) -> Iterator[Recorded]:
        """Runs whose id holds ``part``, newest first; damaged ones are passed over."""
        if not self.root.is_dir():
            return
        for name in sorted((p.name for p in self.root.iterdir() if part in p.name), reverse=True):
            with contextlib.suppress(RunsError):
                run = open_run(self.root / name)
                if run is not None:
                    yield run

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands from looking for runs, and creating them, for a moment."""
        with locks.alone(self.root):
            yield

    @cached_property
    def _names(self) -> dict[str, list[Path]]:
        """Directories by the hash in their names, as they were when first asked for."""
        by_hash: dict[str, list[Path]] = {}
        digits = HASHED + 2 * RANDOM
        for path in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            by_hash.setdefault(path.name[-digits : -2 * RANDOM], []).append(path)
        return by_hash

    def select(self, ids: Sequence[str]) -> tuple[list[Recorded], list[RunsError]]:
        """The runs with these ids or id prefixes (all for none), and what is damaged of them.

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
                    "`opro runs list` shows what there is; --runs-dir names another directory",
                )
            chosen.update(matching)
        return self._opened([self.root / name for name in sorted(chosen)])

    def _opened(self, paths: Sequence[Path]) -> tuple[list[Recorded], list[RunsError]]:
        runs, damaged = [], []
        for path in paths:
            try:
                run = open_run(path)
            except RunsError as error:
                damaged.append(error)
            else:
                runs += [run] if run is not None else []
        return sorted(runs, key=lambda run: (run.created, run.id)), damaged


def open_run(path: Path, *, checked: bool = True) -> Recorded | None:
    """The run in a directory, or None if there is none. Raises RunsError if it is damaged."""
    file = path / RUN_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if (path / SESSIONS_FILE).is_file():
            raise RunsError(f"{file}: it is missing.", DAMAGED) from None
        return None
    except OSError as error:
        raise RunsError(f"{file}: {error.strerror}.", DAMAGED) from error
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{file}: not JSON ({_brief(error)}).", DAMAGED) from error
    if not isinstance(about, dict) or not {"schema", "created", "spec", "seal"} <= set(about):
        return None  # somebody else's run.json
    if about["schema"] != events.SCHEMA:
        raise RunsError(
            f"{file}: written with log format {about['schema']}; "
            f"this version reads {events.SCHEMA}.",
            "a newer opro can read it" if _newer(about["schema"]) else DAMAGED,
        )
    if checked and digest({k: v for k, v in about.items() if k != "seal"}) != about["seal"]:
        raise RunsError(f"{file}: it was changed after it was written.", DAMAGED)
    return Recorded(path, about)


def _used(path: Path) -> int:
    try:
        return (path / SESSIONS_FILE).stat().st_mtime_ns
    except OSError:
        return 0


def _newer(schema: Any) -> bool:
    return isinstance(schema, int) and schema > events.SCHEMA


def _slug(spec: RunSpec) -> str:
    target = label(spec.target).replace("=-", "=m").replace("=", "")
    return slug(f"{spec.preset}-{spec.optimizer.name}-{target}-r{spec.repetition + 1}")


def slug(words: str) -> str:
    """Letters, digits and hyphens only: an id is a file name on every system."""
    return re.sub(r"[^A-Za-z0-9]+", "-", words)[:80].strip("-")


def _write_whole(path: Path, text: str) -> None:
    """Write, sync, then rename: the file is there whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a new name in a directory last; systems that cannot sync a directory need not."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _brief(error: Exception) -> str:
    text = str(error).partition("\n")[0] or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
