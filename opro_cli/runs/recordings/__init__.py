"""Recorded runs in a directory, whether this tool recorded them or OPRO's own code did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from opro_cli.core import __version__
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.runs.checks.audit import audit
from opro_cli.runs.record import RunRecord, Unreadable, read_record
from opro_cli.runs.recordings import deepmind
from opro_cli.runs.store import RUN_FILE, StoredRun, open_run

DEPTH = 6
"""Levels of directories that are searched below a given one."""


def places(path: Path) -> list[Path]:
    """The directories at or below a path that hold recordings. Raises UsageError for none."""
    try:
        there = path.exists()
        found = list(_places(path, DEPTH)) if there else []
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "give another") from None
    if not there:
        raise UsageError(
            f"There is no {path}.", "give a run's directory, or one with recorded experiments"
        )
    if not found:
        raise UsageError(
            f"There is no recorded run in {path}.",
            "give a run's directory, one with configs.json and results.json, or a directory of "
            "those",
        )
    return found


def _places(path: Path, depth: int) -> Iterator[Path]:
    if _is_there(path / RUN_FILE) or _is_there(path / deepmind.RESULTS):
        yield path
    elif path.is_dir() and depth:
        for child in sorted(path.iterdir()):
            if child.is_dir() and not child.is_symlink():
                yield from _places(child, depth - 1)


def _is_there(path: Path) -> bool:
    """Whether there is anything of that name: what is no file is an error later."""
    return path.is_symlink() or path.exists()


def read_directory(place: Path) -> Iterator[RunRecord | Unreadable]:
    """The recordings in one directory; one, if it is a run of this tool."""
    if not _is_there(place / RUN_FILE):
        yield from deepmind.read_directory(place)
        return
    try:
        run = open_run(place, checked=False)
        if run is not None:
            yield _own_record(run)
    except RunsError as error:
        yield Unreadable(place.name, error.message)


def _own_record(run: StoredRun) -> RunRecord:
    versions = run.about.get("versions")
    version = versions.get("opro") if isinstance(versions, dict) else None
    record = read_record(run, checked=False)
    record.same_version = version == __version__
    found = audit(run)
    record.changed = _first_change(run) or found.wrong
    record.unchecked = found.unchecked
    return record


def _first_change(run: StoredRun) -> str:
    """The first thing that is not as it was written; empty if there is none."""
    try:
        open_run(run.path)
        for _ in run.log():
            pass
    except RunsError as error:
        return error.message
    return ""
