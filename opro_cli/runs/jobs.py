"""The jobs of a command: which of its runs are finished, which are resumed, which are new."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opro_cli.core.errors import RunsError, UsageError
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.budget import Amount, BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.provider import ModelChoice
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.changed import refuse_changed
from opro_cli.runs.disk.contents import (
    ProblemContents,
    changes,
    model_contents,
    needs_opening,
    other_circumstances,
    recorded,
)
from opro_cli.runs.lock import WriterLock, check_free
from opro_cli.runs.provenance import process, provenance
from opro_cli.runs.record import RunRecord, new_record, read_record
from opro_cli.runs.store import RunStore, StoredRun


@dataclass
class Job:
    """One run of a command."""

    spec: RunSpec
    record: RunRecord
    run: StoredRun | None = None
    """None for one that is not begun."""
    at_once: int = 1
    """Evaluations of its problem at the same time, in all runs together."""

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
    fresh: bool = False
    """Whether nothing of earlier runs is used, their answers neither."""

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
    def to_check(self) -> dict[ModelRequest, ModelChoice]:
        """The models of finished runs that have to be opened to see whether they are the same."""
        requests = {
            request
            for job in self.jobs
            if job.done
            and job.run is not None
            and needs_opening(job.run.about, model_contents(job.spec, {}, self.models))
            for request in job.spec.model_requests().values()
        }
        return {request: self.models[request] for request in self.models if request in requests}

    @property
    def _records(self) -> list[RunRecord]:
        return [*(job.record for job in self.jobs), *self.others]

    @property
    def spent(self) -> Amount:
        """Calls, tokens and dollars that earlier sessions spent on these runs."""
        return sum((record.spent for record in self._records), Amount())

    @property
    def seconds(self) -> float:
        """The duration of those sessions."""
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        for record in self._records:
            for name, (began, ended) in record.spans.items():
                spans.setdefault(name, []).append((began, ended))
        lengths = [max(e for _, e in span) - min(s for s, _ in span) for span in spans.values()]
        return sum(length.total_seconds() for length in lengths)

    @property
    def longest(self) -> float | None:
        """Seconds that a call or an evaluation in flight may take; None for any number."""
        found = [self.limits.timeout] if self.needed else []
        for job in self.to_do:
            timeout = getattr(job.spec.problem, "timeout", 0.0)
            if timeout is None:
                return None
            found.append(timeout)
        return max(found, default=0.0)

    def claim(
        self,
        store: RunStore,
        lock: WriterLock,
        opened: Mapping[ModelRequest, Model],
        redact: Callable[[str], str] = lambda text: text,
    ) -> list[str]:
        """Create the new runs, and claim all that are not done.

        Args:
            store: where; its lock is held by the caller.
            lock: the command's.
            opened: the models, whose names are recorded.
            redact: removes keys from a text.

        Returns:
            Sentences for the user about what differs from earlier sessions.

        Raises:
            UsageError: with nothing claimed.
        """
        command = {**process(), "command": redact(process()["command"])}
        about = {**command, "budget": self.budget.model_dump(exclude_none=True)}
        try:
            problems = ProblemContents()
            notices = [n for job in self.to_do for n in _check_models(job, opened)]
            number = 1 + max(
                (s.number for job in self.to_do if job.run for s in job.run.sessions()), default=0
            )
            for job in self.to_do:
                if job.run is None:
                    model = self._model(job.spec, opened)
                    contents = {**problems.of(job.spec), **model_contents(job.spec, opened)}
                    made_from = {"digests": contents} if contents else {}
                    known = {**self.about, **command, **model, **made_from}
                    job.run = store.create(job.spec, known)
                    view = job.record.view
                    view.id, view.created = job.run.id, job.run.created
                    view.model = model.get("model")
                lock.claim(job.run.path, command)
                job.run.begin_session(lock.session, {**about, "number": number})
        except UsageError:
            self.release(lock)
            raise
        return list(dict.fromkeys(notices))

    def replace_changed(self, opened: Mapping[ModelRequest, Model]) -> list[str]:
        """Make finished runs again whose model is another one now; sentences about them."""
        stale = {}
        for job in self.jobs:
            if job.done and job.run is not None:
                now = model_contents(job.spec, opened, self.models)
                for change in changes(recorded(job.run.about), now):
                    stale[change] = job.run.id
                    job.run, job.record = None, new_record(job.spec)
                    break
        return [_not_used(change, run) for change, run in stale.items()]

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
        asked = [role for role in spec.optimizer.model_requests() if role in described]
        first = described[asked[0]] if asked else {}
        return {**first, **({"models": described} if len(described) > 1 or not asked else {})}


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
        refuse_changed(plan, store)
    stale: dict[str, str] = {}
    problems = ProblemContents()
    jobs = [
        _job(spec, [] if fresh else _earlier(spec, store), problems, stale) for spec in plan.specs
    ]
    about = {**provenance(plan), "batch": secrets.token_hex(8)}
    general = plan.preset.general
    notices = (*plan.notices, *(_not_used(change, run) for change, run in stale.items()))
    limits, budget = general.limits, general.budget
    return Jobs(jobs, plan.models, limits, budget, notices, about, fresh=fresh)


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
    """A run as a job.

    Raises:
        RunLocked: another command is writing it.
        UsageError: it is not finished, and its problem has changed.
    """
    check_free(run.path)
    job = Job(run.spec(), read_record(run), run)
    if not job.done:
        _check_same(run, ProblemContents().of(job.spec))
    return job


def _check_same(run: StoredRun, now: Mapping[str, str]) -> None:
    """Raises UsageError where a run was begun with other contents."""
    for change in changes(recorded(run.about), now):
        raise UsageError(
            f"{change[0].upper()}{change[1:]} since {run.id} was begun, which is unfinished.",
            "put it back as it was, or start again with the same command and --fresh",
        )


def _check_models(job: Job, opened: Mapping[ModelRequest, Model]) -> Iterator[str]:
    """Sentences about circumstances that differ. Raises UsageError where a model is another."""
    if job.run is not None:
        now = model_contents(job.spec, opened)
        _check_same(job.run, now)
        for change in other_circumstances(recorded(job.run.about), now):
            yield f"{change[0].upper()}{change[1:]}: replies may differ from those it gave before."


def _not_used(change: str, run: str) -> str:
    said = f"{change[0].upper()}{change[1:]}"
    return (
        f"{said} since {run} was made: its finished runs are not used again, they are made again."
    )


def _earlier(spec: RunSpec, store: RunStore) -> list[StoredRun]:
    found, damaged = store.of(spec)
    if damaged:
        raise RunsError(damaged[0].message, "move it away, or start again with --fresh")
    return found


def _job(
    spec: RunSpec, earlier: Sequence[StoredRun], problems: ProblemContents, stale: dict[str, str]
) -> Job:
    """The last run that is finished, else the last one, else a new one.

    Args:
        spec: of the run.
        earlier: its runs so far. One with other contents is another run.
        problems: what problems are made from now.
        stale: gets what has changed since finished runs, each with such a run.

    Raises:
        RunLocked: another command is writing the one that is to be resumed.
        UsageError: that one was begun with other contents.
    """
    now = problems.of(spec) if earlier else {}
    same = [run for run in earlier if not any(changes(recorded(run.about), now))]
    for run in reversed(same):
        record = read_record(run, whole=False)
        if record.finished:
            break
    else:
        if not same:
            for run in earlier:
                if read_record(run, whole=False).resumable:
                    _check_same(run, now)
                stale |= dict.fromkeys(changes(recorded(run.about), now), run.id)
            return Job(spec, new_record(spec))
        run = same[-1]
        record = job_of_run(run).record  # read again, now that no other command writes it
        if not record.resumable:
            return Job(spec, new_record(spec))
    record.view.spec = spec
    return Job(spec, record, run)
