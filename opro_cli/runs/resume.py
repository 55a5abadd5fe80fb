"""``opro resume``: which runs are continued, and under which caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from opro_cli.core.errors import OproError, UsageError
from opro_cli.core.model import ModelRequest
from opro_cli.llm import choose_model
from opro_cli.llm.budget import BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.provider import ModelChoice
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import option_text, parse_scalar
from opro_cli.presets.resolve import resolve
from opro_cli.runs.changed import overridden
from opro_cli.runs.jobs import Jobs, jobs_of_runs
from opro_cli.runs.record import read_record
from opro_cli.runs.store import RunStore, StoredRun

M = TypeVar("M", bound=BaseModel)

CAPS = ("max_cost", "max_calls", "max_tokens", "max_time")

NEXT = "`opro runs list` shows all runs; --runs-dir names another directory"


def jobs_to_resume(
    store: RunStore, ids: Sequence[str], caps: Mapping[str, str], env: Environment
) -> Jobs:
    """The jobs of ``opro resume``.

    Args:
        store: the runs directory; its lock is held by the caller.
        ids: ids or their beginnings; none, or ``latest``, for the last command that left any run
            unfinished.
        caps: caps that replace those the command was given.
        env: environment and ``.env``.

    Raises:
        UsageError: there is nothing to resume, or a cap is not a number.
        RunsError: a run is damaged, or another command is writing it.
        ModelUnavailable: a model is not available any more.
    """
    chosen = _last(store) if list(ids) in ([], ["latest"]) else _named(store, ids)
    others = _same_command(chosen, store)
    requests = dict.fromkeys(r for run in chosen for r in run.spec().model_requests().values())
    models: dict[ModelRequest, ModelChoice] = {r: choose_model(r, env) for r in requests}
    resolved = chosen[-1].about.get("preset", {}).get("resolved", {})
    budget = _settings(BudgetSettings, {**_caps([*others, *chosen]), **_numbers(caps)})
    limits = _settings(LimitSettings, resolved.get("limits", {}))
    notices = [notice for choice in models.values() for notice in choice.notices]
    notices += _changed(chosen)
    return jobs_of_runs(chosen, models, limits, budget, tuple(dict.fromkeys(notices)), others)


def _named(store: RunStore, ids: Sequence[str]) -> list[StoredRun]:
    chosen, damaged = store.select(ids)
    if damaged:
        raise damaged[0]
    records = [read_record(run, whole=False) for run in chosen]
    if all(record.finished for record in records):
        raise UsageError(f"{_listed(chosen)}: finished; there is nothing to resume.", NEXT)
    if not any(record.resumable for record in records):
        raise UsageError(
            f"{_listed(chosen)}: no starting point has a value; there is nothing to resume.",
            "mend the objective, then give the command that began it",
        )
    return chosen


def _last(store: RunStore) -> list[StoredRun]:
    """All runs of the last command that left one unfinished."""
    for run in store.last_used():
        if read_record(run, whole=False).resumable:
            break
    else:
        raise UsageError(f"There is no unfinished run in {store.root}.", NEXT)
    return [run, *_same_command([run], store)]


def last_command(store: RunStore) -> list[StoredRun]:
    """The runs of the command that wrote last, oldest first; none where there are no runs."""
    for run in store.last_used():
        return sorted([run, *_same_command([run], store)], key=lambda r: r.id)
    return []


def _same_command(chosen: Sequence[StoredRun], store: RunStore) -> list[StoredRun]:
    """The other runs of the commands that began these runs, or wrote them last."""
    ids = {run.id for run in chosen}
    batches = {run.about.get("batch") for run in chosen} - {None}
    sessions = {_session(run) for run in chosen} - {None}
    return [
        run
        for run in store.all()[0]
        if run.id not in ids and (run.about.get("batch") in batches or _session(run) in sessions)
    ]


def _session(run: StoredRun) -> str | None:
    """The command that wrote a run last."""
    sessions = run.sessions()
    return sessions[-1].name if sessions else None


def _caps(chosen: Sequence[StoredRun]) -> dict[str, Any]:
    """The caps that the last command with these runs was given, or else its preset."""
    last = [sessions[-1] for run in chosen if (sessions := run.sessions())]
    if last:
        return dict(max(last, key=lambda session: (session.number, session.began)).budget)
    resolved = chosen[-1].about.get("preset", {}).get("resolved", {})
    return {key: value for key, value in resolved.get("budget", {}).items() if value is not None}


def _changed(chosen: Sequence[StoredRun]) -> list[str]:
    """Sentences about presets whose files have changed: their runs continue as they were begun."""
    notices = []
    for path, sha in {_origin(run) for run in chosen}:
        try:
            there = Path(path).is_absolute() and Path(path).is_file()
            now = resolve(path).base.sha256() if there else sha
        except OproError:
            now = None
        if now != sha:
            notices.append(f"{path} has changed since; its runs are finished as they were begun.")
    return notices


def _origin(run: StoredRun) -> tuple[str, str]:
    """The file a run came from and its hash, where nothing was set over it; else nothing."""
    about = run.about.get("preset", {})
    path, sources = str(about.get("path", "")), about.get("sources", {})
    if overridden(path, sources):
        return "", ""
    return str(about.get("file", path)), str(about.get("sha256", ""))


def _numbers(caps: Mapping[str, str]) -> dict[str, Any]:
    return {key: parse_scalar(str(value)) for key, value in caps.items()}


def _settings(model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name, message = option_text(str(first["loc"][0])), first["msg"]
        if message.startswith("Value error, "):
            said = f": {message.removeprefix('Value error, ')}"
        else:
            said = f" {first['input']!r}: {message.replace('Input should', 'it should', 1)}"
        raise UsageError(f"{name}{said}.", f"as in {name} 5") from None


def _listed(runs: Sequence[StoredRun]) -> str:
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return runs[0].id + more
