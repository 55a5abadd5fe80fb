"""``opro runs rm``."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

import typer

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import Filter, of_presets
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.core.text import clean, plural
from opro_cli.presets.environment import Environment
from opro_cli.runs.lock import check_free, store_lock
from opro_cli.runs.store import (
    EVENTS_FILE,
    RUN_FILE,
    SESSIONS_FILE,
    RunStore,
    open_run,
    runs_directory,
)

SHOWN = 10
"""Runs that are named before the question."""


def remove(options: Options) -> int:
    """Remove runs, and say which; exit code 1 where one of them stays."""
    store = RunStore(runs_directory(options["runs_dir"], Environment()))
    paths = _named(store, options)
    if not paths:
        raise RunsError(f"Nothing in {store.root} that this names is a run.", "opro runs list")
    if not options["yes"] and not _agreed(paths):
        say("Nothing was removed.")
        return 0
    return 1 if asyncio.run(_remove_all(paths, store, options)) else 0


def _named(store: RunStore, options: Options) -> list[Path]:
    """The runs with these ids that the filters let through. Raises UsageError without any."""
    wanted, ids = Filter(options), options.several("runs")
    if not ids and not str(wanted):
        raise UsageError("No run is named.", "give ids, or --preset, --optimizer, --model, --state")
    if not str(wanted):
        return [path for path in store.paths(ids) if _is_run(path)]
    found, damaged = store.select(ids)  # of this directory alone
    named = of_presets(found, options.several("preset"), strict=not damaged)
    return [run.path for run in wanted.matching(named)]


async def _remove_all(paths: list[Path], store: RunStore, options: Options) -> int:
    """Remove these runs, and say which; the number of those that stay."""
    kept = 0
    async with store_lock(store.root, say):
        for path in paths:
            try:
                _remove(path)
            except RunsError as error:
                kept += 1
                say(f"error: {error.message}")
                continue
            said = clean(f"removed {path}", 1000)
            print_out((json.dumps({"removed": path.name}) if options["json"] else said) + "\n")
    return kept


def _is_run(path: Path) -> bool:
    """Whether it is a run, damaged ones and links included, and not something else."""
    try:
        return path.is_symlink() or open_run(path) is not None
    except RunsError:
        return True


def _agreed(paths: list[Path]) -> bool:
    """Whether the user, who is asked, wants this. Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("Removing runs asks first, and there is nobody to ask.", "add --yes")
    for path in paths[:SHOWN]:
        say(str(path))
    if len(paths) > SHOWN:
        say(f"… and {plural(len(paths) - SHOWN, 'more run')}")
    return typer.confirm(f"Remove {plural(len(paths), 'run')} for good?", err=True)


def _remove(path: Path) -> None:
    """Remove one run, while no other command looks for runs. Raises RunsError where it stays."""
    if path.is_symlink():
        raise RunsError(f"{path} is a link, which is not followed.", "remove the link itself")
    check_free(path)
    try:
        # Without these two it is no run any more, also where the rest cannot be removed.
        for name in (SESSIONS_FILE, RUN_FILE, EVENTS_FILE):
            (path / name).unlink(missing_ok=True)
        shutil.rmtree(path)
    except OSError as error:
        raise RunsError(f"{path} cannot be removed: {error.strerror}.", "see its owner") from error
