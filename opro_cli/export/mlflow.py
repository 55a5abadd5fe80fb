"""``--to mlflow``: a run of MLflow for each run: settings, curves, totals and the report's page.

A run is found again by its tag ``opro.run``; one that has gone on gets only the new points.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from typing import Any

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Started, Stepped
from opro_cli.export.course import Course, read_course
from opro_cli.export.target import Destination, Exported, ExportFailed, Target
from opro_cli.report import FORMATS, render
from opro_cli.report.summary import summarize
from opro_cli.runs.store import StoredRun

RUN, EVENTS = "opro.run", "opro.events"
"""Tags: the id of the run, and the number of its events that are there already."""

METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100
"""The most that MLflow takes in one request."""

LONGEST = 500
"""Characters of a setting."""

STATES = {"converged": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}


class MlflowTarget(Target):
    """Runs of MLflow's tracking server."""

    summary = "a run of MLflow for each run: settings, curves, totals, the page"
    to_server = True

    @override
    def check(self, where: Destination) -> None:
        super().check(where)
        if find_spec("mlflow") is None:
            raise UsageError(
                "The export to MLflow needs a package that is not installed.",
                "pip install 'opro-cli[mlflow]'",
            )

    @override
    def export(self, runs: Sequence[StoredRun], where: Destination) -> Exported:
        # Without these, MLflow would send statistics of its use to another server, and repeat a
        # call to one that is not there for minutes.
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri=where.endpoint)
        counts = {"runs": 0, "unchanged": 0}
        for run in runs:
            course = read_course(run)
            try:
                new = _export(client, course, where)
            except (MlflowException, OSError) as error:
                said = where.redact((str(error).splitlines() or [type(error).__name__])[0][:300])
                raise ExportFailed(
                    f"MLflow at {where.endpoint} has not taken {run.id}: {said}",
                    "is the server running, and --endpoint right?",
                ) from None
            counts["runs" if new else "unchanged"] += 1
        return Exported(where.endpoint, counts)


TARGET = MlflowTarget()


def _export(client: Any, course: Course, where: Destination) -> bool:
    """Whether there was anything new to export of a run."""
    from mlflow.entities import Param, RunTag

    run, spec = course.run, course.record.spec
    experiment = _experiment(client, f"opro/{spec.preset}")
    found = client.search_runs([experiment], f"tags.`{RUN}` = '{run.id}'", max_results=1)
    seen = int(found[0].data.tags.get(EVENTS, 0)) if found else 0
    if found and seen >= course.events:
        return False
    began = _ms(course.began)
    there = found[0] if found else client.create_run(experiment, began, {RUN: run.id}, run.id)
    key = there.info.run_id
    if not found:
        settings = [Param(name, where.redact(value)) for name, value in _settings(spec.dump())]
        for some in _parts(settings, PARAMETERS_AT_ONCE):
            client.log_batch(key, params=some)
    for some in _parts(_metrics(course, seen), METRICS_AT_ONCE):
        client.log_batch(key, metrics=some)
    if where.texts:
        client.log_text(key, where.redact(_report(run)), _PAGE if "html" in FORMATS else _TABLES)
    tags = {name: where.redact(value) for name, value in _tags(course).items()}
    client.log_batch(key, tags=[RunTag(name, value) for name, value in tags.items()])
    client.set_terminated(key, STATES.get(course.record.totals.state, "KILLED"), _ms(course.ended))
    return True


_PAGE, _TABLES = "report.html", "report.md"


def _report(run: StoredRun) -> str:
    form = "html" if "html" in FORMATS else "markdown"
    return render(summarize([run]), form)


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _metrics(course: Course, seen: int) -> Iterator[Any]:
    """The curves: after each step, the best value and what it took."""
    from mlflow.entities import Metric

    for moment in course.moments:
        if moment.number <= seen or not isinstance(moment.event, Started | Stepped):
            continue
        step = moment.event.step if isinstance(moment.event, Stepped) else 0
        values = {
            "best_value": moment.best,
            "evaluations": moment.evaluations,
            "model_calls": moment.calls,
            "cost_usd": moment.cost,
        }
        for name, value in values.items():
            if value is not None:
                yield Metric(name, float(value), _ms(moment.time), step)


def _tags(course: Course) -> dict[str, str]:
    totals, about = course.record.totals, course.run.about
    return {
        EVENTS: str(course.events),
        "opro.optimizer": course.record.spec.optimizer.name,
        "opro.model": course.record.view.model or "",
        "opro.state": totals.state,
        "opro.reason": totals.reason or "",
        "opro.version": str(about.get("versions", {}).get("opro", "")),
        "opro.input_tokens": str(totals.usage.input),
        "opro.output_tokens": str(totals.usage.output),
    }


def _settings(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The settings of a run, each under its dotted key."""
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from _settings(value, f"{key}.")
        else:
            yield key, value if isinstance(value, str) else json.dumps(value)[:LONGEST]


def _parts(items: Iterator[Any] | Sequence[Any], most: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, most)):
        yield part


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
