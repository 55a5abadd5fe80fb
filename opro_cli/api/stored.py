"""Stored runs, as iterables of plain dicts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from opro_cli.api.errors import python_words
from opro_cli.core.errors import RunsError
from opro_cli.core.events import Evaluated, Evaluation, Event, Point, Started, Stepped
from opro_cli.core.events.json_form import to_json
from opro_cli.core.problem import Problem
from opro_cli.core.totals import RunTotals
from opro_cli.report.formats.notebook import html_figures, html_table
from opro_cli.report.judged import JudgedRun
from opro_cli.runs.lock import writer_of
from opro_cli.runs.record import RunRecord, read_record
from opro_cli.runs.store import RunStore, StoredRun

PARAMETER = "params_"
"""The beginning of a parameter's column, which no other column has."""


class Run:
    """One stored run. What it says is read when it is asked for the first time.

    Args:
        stored: its directory.
        keeper: kept alive as long as this.
    """

    def __init__(self, stored: StoredRun, keeper: object = None) -> None:
        self._stored, self._keeper = stored, keeper

    @property
    def id(self) -> str:
        """The id: the name of its directory."""
        return self._stored.id

    @property
    def path(self) -> Path:
        """The directory."""
        return self._stored.path

    @property
    def created(self) -> str:
        """When it was created (UTC, ISO 8601)."""
        return self._stored.created

    @property
    def spec(self) -> dict[str, Any]:
        """All settings of the run, as ``run.json`` has them."""
        spec: dict[str, Any] = self._stored.about["spec"]
        return spec

    @property
    def model(self) -> str | None:
        """The model that was asked; None for none."""
        model = self._stored.about.get("model")
        return model if isinstance(model, str) else None

    @property
    def state(self) -> str:
        """``converged``, ``stopped``, ``failed``, ``unfinished`` or ``running``."""
        state = self._totals.state
        running = state == "unfinished" and writer_of(self.path) is not None
        return "running" if running else state

    @property
    def reason(self) -> str | None:
        """Why it stopped, as ``max_evaluations``; None where it did not."""
        return self._totals.reason

    @property
    def best(self) -> dict[str, Any] | None:
        """The best parameters by name; None where no point has a value."""
        found = self._best
        return None if found is None else self._named(found.point)

    @property
    def value(self) -> float | None:
        """The value of the best parameters."""
        return None if self._best is None else self._best.value

    @property
    def cost(self) -> float | None:
        """US dollars of all models; None where a price is unknown."""
        return self._totals.total_cost

    @property
    def nfev(self) -> int:
        """Evaluations so far, also those of a step that has not ended."""
        return self._totals.evaluations

    @property
    def nit(self) -> int:
        """Steps so far."""
        return self._totals.step

    def events(self) -> Iterator[dict[str, Any]]:
        """All events of the log, each with its time ``t`` (UTC, ISO 8601)."""
        with python_words():
            for logged in self._stored.log():
                yield {"t": logged.time.isoformat(timespec="milliseconds"), **to_json(logged.event)}

    def trials(self) -> list[dict[str, Any]]:
        """One dict for each different point, in the order of evaluation.

        ``number`` (from 0), ``step`` (0 for starting points), ``value`` (nan where there is none),
        ``source`` (who proposed it), ``why`` (there is no value), ``note`` (what the objective
        said), and ``params_NAME`` for each parameter; ``params`` with the whole point where its
        coordinates have no names.
        """
        rows = []
        for number, (pair, step) in enumerate(self._pairs):
            row = {
                "number": number,
                "step": self._totals.step + 1 if step is None else step,
                "value": pair.value,
                "source": pair.source,
                "why": pair.why,
                "note": pair.note,
            }
            named = self._named(pair.point)
            rows.append({**row, **{f"{PARAMETER}{name}": v for name, v in named.items()}})
        return rows

    def steps(self) -> list[dict[str, Any]]:
        """One dict for each step: its number, its evaluations, its new points, its solutions that
        were rejected, the best value so far, and the calls and the cost so far."""
        totals, rows = RunTotals(direction=self._problem.text.direction), []
        for event in self._record.events:
            totals.add(event)
            if isinstance(event, Started | Stepped):
                rows.append(
                    {
                        "step": totals.step,
                        "evaluations": totals.evaluations,
                        "points": totals.distinct_pairs,
                        "rejected": totals.unusable,
                        "best": totals.best[1] if totals.best else math.nan,
                        "calls": totals.calls,
                        "cost": totals.total_cost,
                    }
                )
        return rows

    def curve(self) -> list[dict[str, Any]]:
        """The best value so far after each evaluation: ``evaluations``, ``step``, ``value`` and
        ``best``."""
        rows, best = [], math.nan
        for trial in self.trials():
            value = trial["value"]
            if math.isfinite(value) and (math.isnan(best) or self._better(value, best)):
                best = value
            at = {"evaluations": trial["number"] + 1, "step": trial["step"]}
            rows.append({**at, "value": value, "best": best})
        return rows

    def summary(self) -> dict[str, Any]:
        """The run in one flat dict: id, settings in short, result."""
        spec = self.spec
        result = {
            "run": self.id,
            "created": self.created,
            "preset": spec["preset"],
            "optimizer": spec["optimizer"],
            "model": self.model,
            "repetition": spec["repetition"] + 1,
            "seed": spec["seed"],
            "state": self.state,
            "reason": self.reason,
            "steps": self.nit,
            "evaluations": self.nfev,
            "value": self.value,
            "cost": self.cost,
        }
        return {**result, **{f"{PARAMETER}{k}": v for k, v in (self.best or {}).items()}}

    @cached_property
    def _record(self) -> RunRecord:
        with python_words():
            return read_record(self._stored)

    @property
    def _totals(self) -> RunTotals:
        return self._record.totals

    @cached_property
    def _problem(self) -> Problem:
        return self._record.spec.build_problem()

    @cached_property
    def _pairs(self) -> list[tuple[Evaluation, int | None]]:
        """Each different point, and its step; None for one of a step that has not ended."""
        found: dict[Point, tuple[Evaluation, int | None]] = {}
        for event in self._record.events:
            for pair, step in _measured(event):
                before = found.get(pair.point)
                if before is None or before[1] is None:
                    found[pair.point] = pair, step
        return list(found.values())

    @property
    def _best(self) -> Evaluation | None:
        """The best pair; of a run that has chosen among finalists, the chosen one."""
        finite = [pair for pair, _ in self._pairs if math.isfinite(pair.value)]
        chosen = JudgedRun(self._totals).chosen if self._totals.judged else None
        for pair in finite if chosen is not None else ():
            if pair.point == chosen:
                return pair
        least = self._problem.text.direction == "minimize"
        return min(finite, key=lambda p: p.value if least else -p.value, default=None)

    def _better(self, value: float, best: float) -> bool:
        return value < best if self._problem.text.direction == "minimize" else value > best

    def _named(self, point: Point) -> dict[str, Any]:
        names = self._problem.space.names
        return dict(zip(names, point, strict=True)) if names else {"point": list(point)}

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.state}, best {self.value} at {self.best}>"

    def _repr_html_(self) -> str:
        return html_figures(self._stored) + html_table(self.summary())


def _measured(event: Event) -> Iterator[tuple[Evaluation, int | None]]:
    match event:
        case Evaluated():
            pair = Evaluation(event.point, event.value, "", why=event.why, note=event.note)
            yield pair, None
        case Started():
            yield from ((pair, 0) for pair in event.pairs)
        case Stepped():
            yield from ((pair, event.step) for pair in event.pairs)


class Runs:
    """The runs in a directory, oldest first.

    Args:
        store: the directory.
        ids: of the runs, or their beginnings; None for all.
    """

    def __init__(self, store: RunStore, ids: tuple[str, ...] | None = None) -> None:
        self._store, self._ids = store, ids

    @classmethod
    def open(cls, path: str | Path = "runs") -> Runs:
        """The runs in a directory. Raises OproError where there is none."""
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise RunsError(f"There is no runs directory {folder}.", 'as in opro.Runs.open("runs")')
        return cls(RunStore(folder))

    @property
    def path(self) -> Path:
        """The directory."""
        return self._store.root

    def __iter__(self) -> Iterator[Run]:
        return iter(Run(stored) for stored in self._stored())

    def __len__(self) -> int:
        return len(self._stored())

    @overload
    def __getitem__(self, key: str | int) -> Run: ...

    @overload
    def __getitem__(self, key: slice) -> list[Run]: ...

    def __getitem__(self, key: str | int | slice) -> Run | list[Run]:
        """A run by its id or the beginning of one, ``latest``, or its place. Raises OproError."""
        if isinstance(key, slice):
            return [Run(stored) for stored in self._stored()[key]]
        if isinstance(key, int):
            return Run(self._stored()[key])
        found = self._stored()
        matching = found[-1:] if key == "latest" else [r for r in found if r.id.startswith(key)]
        if len(matching) != 1:
            many = "There is no run" if not matching else f"{len(matching)} runs have ids like"
            raise RunsError(f"{many} {key!r} in {self.path}.", "a run is named by its id")
        return Run(matching[0])

    def _stored(self) -> list[StoredRun]:
        """The runs that can be read; damaged ones are in :attr:`damaged`."""
        return self._selected()[0]

    @property
    def damaged(self) -> list[RunsError]:
        """Why other runs of the directory cannot be read."""
        return self._selected()[1]

    def _selected(self) -> tuple[list[StoredRun], list[RunsError]]:
        with python_words():
            return self._store.all() if self._ids is None else self._store.select(self._ids)

    def __repr__(self) -> str:
        return f"<Runs in {self.path}: {len(self)}>"

    def _repr_html_(self) -> str:
        return html_figures(*self._stored()) + html_table(*(run.summary() for run in self))
