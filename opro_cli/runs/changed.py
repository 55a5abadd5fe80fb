"""A preset that has changed since the runs of the same command were begun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opro_cli.core.errors import PresetError
from opro_cli.core.mappings import changes
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import label
from opro_cli.runs.record import read_record
from opro_cli.runs.store import RunStore, StoredRun, slug

NO_EFFECT = ("title", "description", "published", "limits", "budget", "baselines")
"""Keys of a preset whose change changes no run."""


def refuse_changed(plan: Plan, store: RunStore) -> None:
    """Raises PresetError where a run with replies or steps would be begun again, unfinished.

    A plan that is made from no file cannot have changed. A run that is not asked for any more is
    left alone, and so is one without a reply or a step: nothing of it is lost.
    """
    if plan.resolved.file is None:
        return
    resolved, path = plan.preset.dump(plan.optimizers), plan.resolved.path
    planned = {_place(spec): spec for spec in plan.specs}
    for run in _last_batch(plan, store):
        before = run.about["preset"]
        if before.get("sha256") == plan.preset.sha256():
            return
        earlier = run.spec()
        ours = planned.get(_place(earlier))
        if ours is None or ours.sha256() == earlier.sha256():
            continue
        record = read_record(run, whole=False)
        if record.finished or not (record.totals.replies or record.totals.step):
            continue
        changed = changes(_effective(before.get("resolved", {})), _effective(resolved))
        said = "; ".join(f"{key} was {old} and is {new}" for key, old, new in changed[:4])
        raise PresetError(
            f"{path} has changed since {run.id} was begun, which is unfinished: {said}.",
            "`opro resume` continues it as it was; --fresh starts again with the changed preset",
        )


def _place(spec: RunSpec) -> tuple[str, str, int, str]:
    """Optimizer, target, repetition and swept settings: what a run is for."""
    return spec.optimizer.name, label(spec.target), spec.repetition, str(dict(spec.axes))


def _last_batch(plan: Plan, store: RunStore) -> Iterator[StoredRun]:
    """The runs of the last command that took this file with the same options."""
    batch = None
    ours = overridden(plan.resolved.path, dict(plan.resolved.sources))
    for run in store.newest(f"-{slug(plan.preset.name)}-"):
        about = run.about.get("preset")
        if about is None or about.get("path") != plan.resolved.path:
            continue
        if about.get("file", str(plan.resolved.file)) != str(plan.resolved.file):
            continue  # a file of that name in another folder
        if overridden(about["path"], about.get("sources", {})) != ours:
            continue
        batch = batch or run.about.get("batch")
        if run.about.get("batch") != batch:
            return
        yield run


def overridden(path: str, sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Key and source of every setting over the file's, except caps and limits."""
    return {
        (key, source)
        for key, source in sources.items()
        if source != path and key.partition(".")[0] not in NO_EFFECT
    }


def _effective(resolved: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resolved.items() if key not in NO_EFFECT}
