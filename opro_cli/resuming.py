"""``opro resume``: which runs to go on with, and under which caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from opro_cli import past, presets
from opro_cli.environment import Environment
from opro_cli.errors import OproError, UsageError
from opro_cli.jobs import Work, of_runs, overrides
from opro_cli.llm.budget import BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.providers import Choice, Wanted, choose
from opro_cli.plan import option, wanted
from opro_cli.runs import Recorded, Runs

M = TypeVar("M", bound=BaseModel)

CAPS = ("max_cost", "max_calls", "max_tokens", "max_time")
NEXT = "`opro runs list` shows what there is; --runs-dir names another directory"


def work(runs: Runs, ids: Sequence[str], caps: Mapping[str, str], env: Environment) -> Work:
    """The jobs to go on with.

    Args:
        runs: the runs directory.
        ids: ids or their beginnings; none, or ``latest``, for the last command that left any run
            unfinished.
        caps: caps that replace those the command was given.
        env: environment and ``.env``.

    Raises:
        UsageError: there is nothing to go on with, or a cap is no number.
        RunsError: a run is damaged.
        ModelUnavailable: a model cannot be had any more.
    """
    chosen = _last(runs) if list(ids) in ([], ["latest"]) else _named(runs, ids)
    models: dict[Wanted, Choice] = {}
    for run in chosen:
        want = wanted(run.spec())
        if want is not None and want not in models:
            models[want] = choose(want, env)
    resolved = chosen[-1].about.get("preset", {}).get("resolved", {})
    budget = _settings(BudgetSettings, {**_caps(chosen), **_numbers(caps)})
    limits = _settings(LimitSettings, resolved.get("limits", {}))
    notices = [notice for choice in models.values() for notice in choice.notices]
    notices += _changed(chosen)
    return of_runs(chosen, models, limits, budget, tuple(dict.fromkeys(notices)))


def _named(runs: Runs, ids: Sequence[str]) -> list[Recorded]:
    chosen, damaged = runs.select(ids)
    if damaged:
        raise damaged[0]
    if all(past.read(run, whole=False).finished for run in chosen):
        raise UsageError(f"{_listed(chosen)}: finished; there is nothing to go on with.", NEXT)
    return chosen


def _last(runs: Runs) -> list[Recorded]:
    """All runs of the last command that left one unfinished."""
    for run in runs.last_used():
        if not past.read(run, whole=False).finished:
            break
    else:
        raise UsageError(f"There is no unfinished run in {runs.root}.", NEXT)
    session, batch = _session(run), run.about.get("batch")
    if session is None:
        return [run]
    return [
        other
        for other in runs.all()[0]
        if _session(other) == session or (batch is not None and other.about.get("batch") == batch)
    ]


def _session(run: Recorded) -> str | None:
    """The process that went on with a run last."""
    sessions = run.sessions()
    return sessions[-1].name if sessions else None


def _caps(chosen: Sequence[Recorded]) -> dict[str, Any]:
    """The caps that the last command with these runs was given."""
    sessions = [session for run in chosen for session in run.sessions()]
    return dict(max(sessions, key=lambda session: session.began).budget) if sessions else {}


def _changed(chosen: Sequence[Recorded]) -> list[str]:
    """What to say where a preset's file is not what it was: the runs go on as they were begun."""
    notices = []
    for path, sha in {_origin(run) for run in chosen}:
        try:
            now = presets.resolve(path).base.sha256() if path and Path(path).is_file() else sha
        except OproError:
            now = None
        if now != sha:
            notices.append(f"{path} has changed since; what was begun is finished as it was.")
    return notices


def _origin(run: Recorded) -> tuple[str, str]:
    """The file a run came from and its hash, where nothing was set over it; else nothing."""
    about = run.about.get("preset", {})
    path, sources = str(about.get("path", "")), about.get("sources", {})
    if overrides(path, sources):
        return "", ""
    return path, str(about.get("sha256", ""))


def _numbers(caps: Mapping[str, str]) -> dict[str, Any]:
    return {key: presets.scalar(str(value)) for key, value in caps.items()}


def _settings(model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = option(str(first["loc"][0]))
        raise UsageError(
            f"{name} is {first['input']!r}; {first['msg'][:1].lower()}{first['msg'][1:]}.",
            f"as in {name} 5",
        ) from None


def _listed(runs: Sequence[Recorded]) -> str:
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return runs[0].id + more
