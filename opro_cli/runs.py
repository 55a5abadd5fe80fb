"""The runs directory: one directory a run, append-only, readable with less and jq.

::

    runs/20261122-220312-exp1-w15-b14-r1-3f9a/
        run.json       what was asked for: the spec, where its values came from, versions
        events.jsonl   what happened, one JSON object a line

``run.json`` is written and synced before anything else happens. Every event is handed to the
operating system as it happens, and the file is synced at the end of every step.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opro_cli import events
from opro_cli.errors import LogError, RunsError
from opro_cli.events import Event
from opro_cli.problems import label
from opro_cli.spec import RunSpec

RUN_FILE, EVENTS_FILE = "run.json", "events.jsonl"


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
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunsError(
                f"{self.path / RUN_FILE}: the spec cannot be read ({_brief(error)})."
            ) from error

    def events(self) -> Iterator[tuple[datetime, Event]]:
        """Every event with its time. A torn last line is left out.

        Raises RunsError naming file and line where anything else is damaged.
        """
        path = self.path / EVENTS_FILE
        for number, line in _lines(path):
            try:
                data = json.loads(line)
                yield datetime.fromisoformat(data["t"]), events.from_json(data)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise RunsError(
                    f"{path}, line {number}: not an event ({_brief(error)}).",
                    "the lines before it are good; mend or remove this one to go on",
                ) from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, without the torn one at the end."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield number, line
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunsError(f"{path}: {error.strerror}.") from error


class RunLog:
    """Appends one run's events. Holds no file open: a sweep may have thousands of runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / EVENTS_FILE

    def append(self, event: Event) -> None:
        """Hand one event to the operating system, as one line. Raises LogError."""
        data = {"t": datetime.now(UTC).isoformat(timespec="milliseconds"), **events.to_json(event)}
        line = json.dumps(data, allow_nan=False).encode() + b"\n"
        with self._open() as file:
            view = memoryview(line)
            while view:  # a raw write may be short
                view = view[file.write(view) :]

    def sync(self) -> None:
        """Return when all events would survive a power cut. Raises LogError."""
        with self._open() as file:
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _open(self) -> Iterator[io.FileIO]:
        try:
            with self._file.open("ab", buffering=0) as file:
                yield file
        except OSError as error:
            raise LogError(
                f"{self._file}: {error.strerror}. The run was stopped here.",
                "what was written before is kept",
            ) from error


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
        run_id = f"{now:%Y%m%d-%H%M%S}-{_slug(spec)}-{secrets.token_hex(3)}"
        path = self.root / run_id
        document = {
            "schema": events.SCHEMA,
            "id": run_id,
            "created": now.isoformat(timespec="microseconds"),
            "spec_sha256": spec.sha256(),
            "spec": spec.dump(),
            **about,
        }
        try:
            path.mkdir(parents=True)
            _write_whole(path / RUN_FILE, json.dumps(document, indent=2, allow_nan=False) + "\n")
            _sync(self.root)
        except OSError as error:
            raise RunsError(
                f"The run {path} cannot be created: {error.strerror}.",
                "choose another place with --runs-dir or OPRO_RUNS_DIR",
            ) from error
        return Recorded(path, document)

    def all(self) -> list[Recorded]:
        """Every run, oldest first. What is no run is passed over."""
        if not self.root.is_dir():
            return []
        found = (open_run(path) for path in self.root.iterdir())
        return sorted((r for r in found if r is not None), key=lambda r: (r.created, r.id))

    def select(self, ids: Sequence[str]) -> list[Recorded]:
        """The runs with these ids or id prefixes (all of them for none); raises RunsError."""
        runs = self.all()
        if not ids:
            return runs
        chosen: dict[str, Recorded] = {}
        for wanted in ids:
            matching = (
                runs[-1:]
                if wanted == "latest"
                else [run for run in runs if run.id.startswith(wanted)]
            )
            if not matching:
                raise RunsError(
                    f"There is no run {wanted!r} in {self.root}.",
                    "`opro report` shows what there is; --runs-dir names another directory",
                )
            chosen.update((run.id, run) for run in matching)
        return sorted(chosen.values(), key=lambda run: (run.created, run.id))


def open_run(path: Path) -> Recorded | None:
    """The run in a directory, or None if there is none. Raises RunsError if it is damaged."""
    file = path / RUN_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunsError(f"{file}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{file}: not JSON ({_brief(error)}).") from error
    if not isinstance(about, dict) or not {"schema", "created", "spec"} <= set(about):
        return None  # somebody else's run.json
    if about["schema"] != events.SCHEMA:
        raise RunsError(
            f"{file}: written with log format {about['schema']}; "
            f"this version reads {events.SCHEMA}.",
            "a newer opro can read it" if _newer(about["schema"]) else "",
        )
    return Recorded(path, about)


def _newer(schema: Any) -> bool:
    return isinstance(schema, int) and schema > events.SCHEMA


def _slug(spec: RunSpec) -> str:
    """Letters, digits and hyphens only: an id is a file name on every system."""
    words = f"{spec.preset}-{spec.optimizer.name}-{label(spec.target)}-r{spec.repetition + 1}"
    return re.sub(r"[^A-Za-z0-9]+", "-", words.replace("=-", "=m").replace("=", ""))[:80].strip("-")


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
