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
import itertools
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opro_cli.core import events
from opro_cli.core.errors import RunsError
from opro_cli.presets.environment import Environment
from opro_cli.presets.spec import RunSpec, digest
from opro_cli.problems.settings import label
from opro_cli.runs.disk.files import sync_folder, write_whole
from opro_cli.runs.disk.stored import (
    EVENTS_FILE,
    RUN_FILE,
    SESSIONS_FILE,
    StoredRun,
    open_run,
)

__all__ = ["EVENTS_FILE", "RUN_FILE", "SESSIONS_FILE", "RunStore", "StoredRun", "open_run"]

HASHED, RANDOM = 8, 2
"""Digits of the spec's hash, and random bytes, at the end of an id."""

SECOND = len("20261122-220312")
"""Characters of an id's beginning that say when the run was begun."""

END = 2 * RANDOM
"""Characters of an id's end that name it, at least."""


class RunStore:
    """A directory of runs.

    Args:
        root: the directory; made when the first run is created.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Raises RunsError if no run could be created here."""
        self._check_directory()
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

    def _check_directory(self) -> None:
        """Raises RunsError where there is something else than a directory."""
        with contextlib.suppress(OSError):
            if self.root.exists() and not self.root.is_dir():
                raise RunsError(
                    f"The runs directory {self.root} is not a directory.",
                    "choose another with --runs-dir or OPRO_RUNS_DIR",
                )

    def create(self, spec: RunSpec, about: dict[str, Any]) -> StoredRun:
        """A new run's directory, with ``run.json`` on disk. Raises RunsError."""
        now = datetime.now(UTC)
        sha = spec.sha256()
        path = self._new_folder(f"{now:%Y%m%d-%H%M%S}-{_slug(spec)}", sha[:HASHED])
        run_id = path.name
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
            (path / EVENTS_FILE).touch()  # from here on, a run without it has lost it
            write_whole(path / RUN_FILE, json.dumps(document, indent=2, allow_nan=False) + "\n")
            sync_folder(self.root)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)  # it was made here, and holds no events yet
            raise _not_created(path, error) from error
        return StoredRun(path, document)

    def _new_folder(self, name: str, sha: str) -> Path:
        """A directory that was not there before. Raises RunsError."""
        for number in range(1, 1000):
            more = f"-{number}" if number > 1 else ""
            path = self.root / f"{name}{more}-{sha}{secrets.token_hex(RANDOM)}"
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                path.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise _not_created(path, error) from error
            return path
        raise RunsError(f"In {self.root} are too many runs of this name.", "see --runs-dir")

    def _paths(self) -> list[Path]:
        """What is in the directory, by name. Raises RunsError where it cannot be read."""
        self._check_directory()
        try:
            return sorted(self.root.iterdir()) if self.root.is_dir() else []
        except OSError as error:
            raise RunsError(
                f"The runs directory {self.root} cannot be read: {error.strerror}.",
                "choose another with --runs-dir or OPRO_RUNS_DIR",
            ) from None

    def all(self) -> tuple[list[StoredRun], list[RunsError]]:
        """Every run, oldest first, and the damaged ones. Other directories are passed over."""
        return self._opened(self._paths())

    def of(self, spec: RunSpec) -> tuple[list[StoredRun], list[RunsError]]:
        """The runs of one spec, oldest first, and the damaged ones among them."""
        sha = spec.sha256()
        found, damaged = self._opened(self._names.get(sha[:HASHED], []))
        return [run for run in found if run.about.get("spec_sha256") == sha], damaged

    def last_used(self) -> Iterator[StoredRun]:
        """All runs, the last written first; damaged ones are passed over."""
        for path in sorted(self._paths(), key=lambda p: (_used(p), p.name), reverse=True):
            with contextlib.suppress(RunsError):
                run = open_run(path)
                if run is not None:
                    yield run

    def newest(self, part: str) -> Iterator[StoredRun]:
        """Runs whose id holds ``part``, the one begun last first; damaged ones are passed over.

        An id begins with its second. The runs of one command begin in the order of its plan.
        """
        found = reversed([path for path in self._paths() if part in path.name])
        for _, same_second in itertools.groupby(found, key=lambda path: path.name[:SECOND]):
            yield from reversed(self._opened(list(same_second))[0])

    def latest(self, *, of_model: bool = False) -> StoredRun | None:
        """The run begun last; with ``of_model`` the last of a model, if there is one."""
        runs = self.newest("")
        last = next(runs, None)
        if of_model and last is not None:
            return next((run for run in itertools.chain([last], runs) if _asks(run)), last)
        return last

    @cached_property
    def _names(self) -> dict[str, list[Path]]:
        """Directories by the hash in their names, as they were when first asked for."""
        by_hash: dict[str, list[Path]] = {}
        digits = HASHED + 2 * RANDOM
        for path in self._paths():
            by_hash.setdefault(path.name[-digits : -2 * RANDOM], []).append(path)
        return by_hash

    def select(self, ids: Sequence[str]) -> tuple[list[StoredRun], list[RunsError]]:
        """The runs with these ids (all for none), and the damaged ones among them.

        Raises RunsError where an id, or ``latest``, matches nothing.
        """
        return self._opened(self.paths(ids)) if ids else self.all()

    def select_anywhere(self, named: Sequence[str]) -> tuple[list[StoredRun], list[RunsError]]:
        """As :meth:`select`, where a name may also be a run, or a runs directory, somewhere else.

        Raises RunsError also for a directory without runs.
        """
        elsewhere = [name for name in named if _is_elsewhere(name, self.root)]
        ids = [name for name in named if name not in elsewhere]
        found, damaged = self.select(ids) if ids or not named else ([], [])
        for name in elsewhere:
            there = RunStore(Path(name))
            runs, errors = there._opened([Path(name)]) if _is_run(name) else there.all()
            if not runs and not errors:
                raise RunsError(f"There is no run in {name}.", "name a run or a runs directory")
            found, damaged = found + runs, damaged + errors
        return sorted(found, key=lambda run: (run.created, run.id)), damaged

    def paths(self, ids: Sequence[str]) -> list[Path]:
        """The directories whose names begin or end with these ids, by name.

        Args:
            ids: whole, beginnings, ends of at least ``END`` characters, or ``latest``.

        Raises:
            RunsError: an id matches nothing.
        """
        names = [path.name for path in self._paths()]
        chosen: set[str] = set()
        for given in ids:
            wanted = Path(given).name if Path(given).parent == self.root else given
            if wanted == "latest":
                last = self.latest()
                matching = [last.id] if last else []
            else:
                matching = [name for name in names if wanted and name.startswith(wanted)]
                if not matching and len(wanted) >= END:
                    matching = [name for name in names if name.endswith(wanted)]
            if not matching:
                raise RunsError(
                    f"There is no run {wanted!r} in {self.root}.",
                    "`opro runs list` shows all runs; --runs-dir names another directory",
                )
            chosen.update(matching)
        return [self.root / name for name in sorted(chosen)]

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


def _asks(run: StoredRun) -> bool:
    """Whether its optimizer asks a model."""
    return bool(run.about.get("model"))


def _is_elsewhere(name: str, root: Path) -> bool:
    """Whether this names a directory, and not a run of this one."""
    with contextlib.suppress(OSError, ValueError):  # too long, or a NUL
        return name != "latest" and Path(name).is_dir() and Path(name).parent != root
    return False


def _is_run(name: str) -> bool:
    return (Path(name) / RUN_FILE).is_file()


def _not_created(path: Path, error: OSError) -> RunsError:
    return RunsError(
        f"The run {path} cannot be created: {error.strerror}.",
        "make room, or choose another place with --runs-dir or OPRO_RUNS_DIR",
    )


def _used(path: Path) -> int:
    try:
        return (path / SESSIONS_FILE).stat().st_mtime_ns
    except OSError:
        return 0


def _slug(spec: RunSpec) -> str:
    target = label(spec.target).replace("=-", "=m").replace("=", "")
    return slug(f"{spec.preset}-{spec.optimizer.name}-{target}-r{spec.repetition + 1}")


def slug(words: str) -> str:
    """Letters, digits and hyphens only: an id is a file name on every system."""
    return re.sub(r"[^A-Za-z0-9]+", "-", words)[:80].strip("-")


def runs_directory(option: Path | None, env: Environment) -> Path:
    """``--runs-dir``, ``OPRO_RUNS_DIR`` or ``./runs``. Raises RunsError."""
    named = env.get("OPRO_RUNS_DIR", "")
    if "\0" in named:
        raise RunsError("OPRO_RUNS_DIR is not a path: it holds a NUL.", "set it to a directory")
    path = option or Path(named if named.strip() else "runs")
    try:
        return path.expanduser()
    except RuntimeError:
        raise RunsError(f"{path}: there is no such home directory.", "write the path out") from None
