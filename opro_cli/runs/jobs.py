"""The jobs of a command: which of its runs are finished, which are resumed, which are new."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opro_cli.core.errors import PresetError, RunsError
from opro_cli.core.mappings import changes
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.budget import Amount, BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.provider import ModelChoice
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.lock import WriterLock, check_free
from opro_cli.runs.provenance import process, provenance
from opro_cli.runs.record import RunRecord, new_record, read_record
from opro_cli.runs.store import RunStore, StoredRun, slug

NO_EFFECT = ("title", "description", "published", "limits", "budget", "baselines")
"""Keys of a preset whose change changes no run."""


@dataclass
class Job:
    """One run of a command."""

    spec: RunSpec
    record: RunRecord
    run: StoredRun | None = None
    """None for one that is not begun."""

    @property
    def done(self) -> bool:
        """Whether it is finished already."""
        return self.record.finished

    def forget_events(self) -> None:
        """Give back the memory of a run that has ended: its totals stay."""
        self.record = RunRecord(self.record.view, last=self.record.last)


@dataclass
class Jobs:
    """The jobs of one command, and the settings they share."""

    jobs: list[Job]
    models: Mapping[ModelRequest, ModelChoice]
    limits: LimitSettings
    budget: BudgetSettings
    notices: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    """For ``run.json`` of new runs."""
    others: Sequence[RunRecord] = ()
    """Further runs of the same command: a cap is for all of them together."""

    @property
    def to_do(self) -> list[Job]:
        """The jobs that are not done."""
        return [job for job in self.jobs if not job.done]

    @property
    def needed(self) -> dict[ModelRequest, ModelChoice]:
        """The models of the jobs that are not done."""
        requests = {r for job in self.to_do for r in job.spec.model_requests().values()}
        return {request: self.models[request] for request in self.models if request in requests}

    @property
    def _records(self) -> list[RunRecord]:
        return [*(job.record for job in self.jobs), *self.others]

    @property
    def spent(self) -> Amount:
        """Calls, tokens and dollars that earlier sessions spent on these runs."""
        spending = [record.totals.spending for record in self._records]
        return Amount(
            calls=sum(s.calls for s in spending),
            tokens=sum(s.tokens for s in spending),
            cost=sum(s.cost for s in spending),
        )

    @property
    def seconds(self) -> float:
        """The duration of those sessions."""
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        for record in self._records:
            for name, (began, ended) in record.spans.items():
                spans.setdefault(name, []).append((began, ended))
        lengths = [max(e for _, e in span) - min(s for s, _ in span) for span in spans.values()]
        return sum(length.total_seconds() for length in lengths)

    def claim(
        self, store: RunStore, lock: WriterLock, opened: Mapping[ModelRequest, Model]
    ) -> None:
        """Create the new runs, and claim all that are not done.

        Args:
            store: where; its lock is held by the caller.
            lock: the command's.
            opened: the models, whose names are recorded.

        Raises:
            RunsError: with nothing claimed.
        """
        about = {**process(), "budget": self.budget.model_dump(exclude_none=True)}
        try:
            number = 1 + max(
                (s.number for job in self.to_do if job.run for s in job.run.sessions()), default=0
            )
            for job in self.to_do:
                if job.run is None:
                    model = self._model(job.spec, opened)
                    job.run = store.create(job.spec, {**self.about, **model})
                    view = job.record.view
                    view.id, view.created = job.run.id, job.run.created
                    view.model = model.get("model")
                lock.claim(job.run.path, process())
                job.run.begin_session(lock.session, {**about, "number": number})
        except RunsError:
            self.release(lock)
            raise

    def release(self, lock: WriterLock) -> None:
        """Give all runs back. Safe to call twice."""
        for job in self.jobs:
            if job.run is not None:
                lock.release(job.run.path)

    def _model(self, spec: RunSpec, opened: Mapping[ModelRequest, Model]) -> dict[str, Any]:
        """The part of ``run.json`` that describes the models."""
        requests = {r: q for r, q in spec.model_requests().items() if q in opened}
        if not requests:
            return {}
        described = {
            role: {"model": opened[request].info.name, "price": _price(self.models[request])}
            for role, request in requests.items()
        }
        first = next(iter(described.values()))
        return {**first, **({"models": described} if len(described) > 1 else {})}


def _price(choice: ModelChoice) -> dict[str, float] | None:
    price = choice.price
    return None if price is None else {"input": price.input, "output": price.output}


def jobs_for_plan(plan: Plan, store: RunStore, *, fresh: bool = False) -> Jobs:
    """The jobs of a plan: finished runs are kept, unfinished ones resumed, the others are new.

    Args:
        plan: the runs to make.
        store: where earlier runs are looked for; its lock is held by the caller.
        fresh: look for none.

    Raises:
        PresetError: there are unfinished runs of the same command, and the preset has changed.
        RunsError: a run that would be resumed is damaged, or another command is writing it.
    """
    if not fresh:
        _refuse_changed(plan, store)
    jobs = [_job(spec, [] if fresh else _earlier(spec, store)) for spec in plan.specs]
    about = {**provenance(plan), "batch": secrets.token_hex(8)}
    general = plan.preset.general
    return Jobs(jobs, plan.models, general.limits, general.budget, plan.notices, about)


def jobs_of_runs(
    chosen: Sequence[StoredRun],
    models: Mapping[ModelRequest, ModelChoice],
    limits: LimitSettings,
    budget: BudgetSettings,
    notices: tuple[str, ...],
    others: Sequence[StoredRun] = (),
) -> Jobs:
    """The jobs of ``opro resume``: these runs, as far as they are not finished.

    Args:
        others: further runs of the command that began these.
    """
    jobs = [job_of_run(run) for run in chosen]
    also = [read_record(run, whole=False) for run in others]
    return Jobs(jobs, models, limits, budget, notices, others=also)


def job_of_run(run: StoredRun) -> Job:
    """A run as a job. Raises RunLocked where another command is writing it."""
    check_free(run.path)
    return Job(run.spec(), read_record(run), run)


def _earlier(spec: RunSpec, store: RunStore) -> list[StoredRun]:
    found, damaged = store.of(spec)
    if damaged:
        raise RunsError(damaged[0].message, "move it away, or start again with --fresh")
    return found


def _job(spec: RunSpec, earlier: Sequence[StoredRun]) -> Job:
    """The last run that is finished, else the last one, else a new one.

    Raises RunLocked where another command is writing the one that is to be resumed.
    """
    for run in reversed(earlier):
        record = read_record(run, whole=False)
        if record.finished:
            break
    else:
        if not earlier:
            return Job(spec, new_record(spec))
        run = earlier[-1]
        record = job_of_run(run).record  # read again, now that nobody writes it
    record.view.spec = spec
    return Job(spec, record, run)


def _refuse_changed(plan: Plan, store: RunStore) -> None:
    """Raises PresetError where unfinished runs of the preset as it was would be left behind."""
    resolved, path = plan.preset.dump(plan.optimizers), plan.resolved.path
    for run in _last_batch(plan, store):
        before = run.about["preset"]
        if before["sha256"] == plan.preset.sha256():
            return
        if read_record(run, whole=False).finished:
            continue
        changed = changes(_effective(before["resolved"]), _effective(resolved))
        said = "; ".join(f"{key} was {old} and is {new}" for key, old, new in changed[:4])
        raise PresetError(
            f"{path} has changed since {run.id} was begun, which is unfinished: {said}.",
            "`opro resume` continues it as it was; --fresh starts again with the changed preset",
        )


def _last_batch(plan: Plan, store: RunStore) -> Iterator[StoredRun]:
    """The runs of the last command that took this file with the same options."""
    batch = None
    ours = overridden(plan.resolved.path, dict(plan.resolved.sources))
    for run in store.newest(f"-{slug(plan.preset.name)}-"):
        about = run.about.get("preset")
        if not isinstance(about, dict) or about.get("path") != plan.resolved.path:
            continue
        if overridden(about["path"], about["sources"]) != ours:
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
