"""What a command has to do: which of its runs are made already, which are to be gone on with."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opro_cli import past as pasts
from opro_cli.differences import changes
from opro_cli.errors import PresetError, RunsError
from opro_cli.llm.budget import Amount, BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.providers import Choice, Wanted
from opro_cli.locks import Lock
from opro_cli.past import Past
from opro_cli.plan import Plan, wanted
from opro_cli.provenance import process, provenance
from opro_cli.runs import Recorded, Runs, slug
from opro_cli.spec import RunSpec
from opro_cli.tally import tally_of

BEARING_APART = ("title", "description", "published", "limits", "budget", "baselines")
"""Keys of a preset whose change changes no run."""


@dataclass
class Job:
    """One run of a command."""

    spec: RunSpec
    past: Past
    run: Recorded | None = None
    """None for one that is to be begun."""
    lock: Lock | None = None

    @property
    def done(self) -> bool:
        """Whether it was made before."""
        return self.past.finished


@dataclass
class Work:
    """The jobs of one command, and what they share."""

    jobs: list[Job]
    models: Mapping[Wanted, Choice]
    limits: LimitSettings
    budget: BudgetSettings
    notices: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    """For ``run.json`` of the runs that are begun."""

    @property
    def to_do(self) -> list[Job]:
        """The jobs that are not done."""
        return [job for job in self.jobs if not job.done]

    @property
    def spent(self) -> Amount:
        """What earlier sessions spent on these runs."""
        tallies = [job.past.tally for job in self.jobs]
        return Amount(
            calls=sum(t.calls for t in tallies),
            tokens=sum(t.usage.input + t.usage.output for t in tallies),
            cost=sum(t.cost for t in tallies),
        )

    @property
    def seconds(self) -> float:
        """How long those sessions took."""
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        for job in self.jobs:
            for name, (began, ended) in job.past.spans.items():
                spans.setdefault(name, []).append((began, ended))
        lengths = [max(e for _, e in span) - min(s for s, _ in span) for span in spans.values()]
        return sum(length.total_seconds() for length in lengths)

    def claim(self, runs: Runs, names: Mapping[Wanted, str]) -> None:
        """Create what is to be begun, and lock all that is to be done.

        Args:
            runs: where.
            names: what the opened models call themselves.

        Raises:
            RunsError: with nothing locked.
        """
        session = secrets.token_hex(8)
        about = {**process(), "budget": self.budget.model_dump(exclude_none=True)}
        try:
            for job in self.to_do:
                if job.run is None:
                    job.run = runs.create(job.spec, {**self.about, **self._model(job.spec, names)})
                job.lock = Lock(job.run.path)
                job.run.begin(session, about)
        except RunsError:
            self.release()
            raise

    def _model(self, spec: RunSpec, names: Mapping[Wanted, str]) -> dict[str, Any]:
        """What ``run.json`` says of the model."""
        want = wanted(spec)
        if want is None or want not in names:
            return {}
        price = self.models[want].price
        priced = None if price is None else {"input": price.input, "output": price.output}
        return {"model": names[want], "price": priced}

    def release(self) -> None:
        """Unlock everything. Safe to call twice."""
        for job in self.jobs:
            if job.lock is not None:
                job.lock.release()


def of_plan(plan: Plan, runs: Runs, *, fresh: bool = False) -> Work:
    """The jobs of a plan: those that are neither made nor begun are to be begun.

    Args:
        plan: what was asked for.
        runs: where earlier runs are looked for.
        fresh: look for none.

    Raises:
        PresetError: there are unfinished runs of the same command, and the preset has changed.
        RunsError: a run that would be gone on with is damaged.
    """
    if not fresh:
        _refuse_changed(plan, runs)
    jobs = [_job(spec, [] if fresh else _earlier(spec, runs)) for spec in plan.specs]
    about = {**provenance(plan), "batch": secrets.token_hex(8)}
    general = plan.preset.general
    return Work(jobs, plan.models, general.limits, general.budget, plan.notices, about)


def of_runs(
    chosen: Sequence[Recorded],
    models: Mapping[Wanted, Choice],
    limits: LimitSettings,
    budget: BudgetSettings,
    notices: tuple[str, ...],
) -> Work:
    """The jobs of ``opro resume``: these runs, as far as they are not finished."""
    jobs = [Job(run.spec(), pasts.read(run), run) for run in chosen]
    return Work(jobs, models, limits, budget, notices)


def _earlier(spec: RunSpec, runs: Runs) -> list[Recorded]:
    found, damaged = runs.of(spec)
    if damaged:
        raise RunsError(damaged[0].message, "move it away, or start anew with --fresh")
    return found


def _job(spec: RunSpec, earlier: Sequence[Recorded]) -> Job:
    """The last run that is finished, else the last there is, else a new one."""
    candidates = [Job(spec, pasts.read(run), run) for run in earlier]
    finished = [job for job in candidates if job.done]
    return (finished or candidates or [Job(spec, Past(tally_of(spec)))])[-1]


def _refuse_changed(plan: Plan, runs: Runs) -> None:
    """Raises PresetError where going on would leave runs of the preset as it was behind."""
    resolved, path = plan.preset.dump(plan.optimizers), plan.resolved.path
    for run in _last_batch(plan, runs):
        before = run.about["preset"]
        if before["sha256"] == plan.preset.sha256():
            return
        if pasts.read(run, whole=False).finished:
            continue
        changed = changes(_bearing(before["resolved"]), _bearing(resolved))
        said = "; ".join(f"{key} was {old} and is {new}" for key, old, new in changed[:4])
        raise PresetError(
            f"{path} has changed since {run.id} was begun, which is unfinished: {said}.",
            "`opro resume` goes on with it as it was; --fresh starts anew with the changed preset",
        )


def _last_batch(plan: Plan, runs: Runs) -> Iterator[Recorded]:
    """The runs of the last command that took this file with the same options."""
    batch = None
    ours = overrides(plan.resolved.path, dict(plan.resolved.sources))
    for run in runs.newest(f"-{slug(plan.preset.name)}-"):
        about = run.about.get("preset")
        if not isinstance(about, dict) or about.get("path") != plan.resolved.path:
            continue
        if overrides(about["path"], about["sources"]) != ours:
            continue
        batch = batch or run.about.get("batch")
        if run.about.get("batch") != batch:
            return
        yield run


def overrides(path: str, sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Key and source of what was set over the file, caps and limits apart: they change no run."""
    return {
        (key, source)
        for key, source in sources.items()
        if source != path and key.partition(".")[0] not in BEARING_APART
    }


def _bearing(resolved: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resolved.items() if key not in BEARING_APART}
