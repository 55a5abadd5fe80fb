"""``opro runs list``, and finding one run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from opro_cli.cli.columns import table
from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import REASONS, clean, point, reason_text
from opro_cli.core.totals import RunTotals
from opro_cli.llm.local.known import GEMMA
from opro_cli.llm.provider import bare_name
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets import files
from opro_cli.presets.environment import Environment
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import label
from opro_cli.report.formats.accuracy import run_accuracy
from opro_cli.report.judged import JudgedRun, is_judged
from opro_cli.report.rows import FINISHED
from opro_cli.runs.checks.replay import REPLAYED
from opro_cli.runs.disk.contents import PROBLEM, ProblemContents, is_current, short
from opro_cli.runs.lock import writer_of
from opro_cli.runs.progress import STATES, is_share, result_json, value_text
from opro_cli.runs.record import read_record
from opro_cli.runs.store import END, RunStore, StoredRun, runs_directory

SHOWN_STATES = ("finished", *REASONS.values())
"""The words for states in the list."""

DROPPED = ("best", "cost", "model", "preset", "steps")
"""Columns that are left out on a narrow screen, in this order."""


def list_runs(options: Options) -> int:
    """List runs, newest first; exit code 1 where a run is damaged, after all others."""
    wanted = Filter(options)
    store = RunStore(runs_directory(options["runs_dir"], Environment()))
    found, damaged = chosen_runs(store, options)
    rows = (_read(run, damaged) for run in reversed(found) if wanted.of(run))
    read = (row for row in rows if row is not None)
    matching = (row for row in read if wanted.in_state(row[0]["state"], _state(*row)))
    limit = options["limit"]
    shown = list(islice(matching, limit or None))
    if options["json"]:
        print_out("".join(json.dumps(facts) + "\n" for facts, _ in shown))
    else:
        print_out(_table(shown, width()))
        if not found:
            say(f"There are no runs in {store.root}.")
        elif not shown and not damaged:
            say(f"No run in {store.root} matches {wanted}.")
        elif limit and len(shown) == limit and len(found) > limit:
            say(f"the newest {limit} of {len(found)} runs; --limit 0 shows all")
    for error in damaged:
        say(f"error: {error.message}")
    return 1 if damaged else 0


class Filter:
    """Which runs are meant.

    Args:
        options: with optimizers, models and states, each of which may be given several times.

    Raises:
        UsageError: there is no such state or optimizer.
    """

    def __init__(self, options: Options) -> None:
        self._given = {n: options.several(n) for n in ("preset", "optimizer", "model", "state")}
        for state in self._given["state"]:
            if state not in (*STATES, *SHOWN_STATES):
                known = ", ".join([*STATES, *SHOWN_STATES])
                raise UsageError(f"--state {state}: no such state.", f"states: {known}")
        for name in self._given["optimizer"]:
            OPTIMIZERS.check(name, "--optimizer")

    def __str__(self) -> str:
        """The options as they were given."""
        return " ".join(f"--{n} {clean(v, 60)}" for n, vs in self._given.items() for v in vs)

    def matching(self, found: Iterable[StoredRun]) -> list[StoredRun]:
        """The runs that match in all but the preset; damaged ones match nothing."""
        kept = []
        for run in filter(self.of, found):
            row = _read(run, [])
            if row is not None and self.in_state(row[0]["state"], _state(*row)):
                kept.append(run)
        return kept

    def of(self, run: StoredRun) -> bool:
        """Whether optimizer and model are among those wanted."""
        optimizers, models = self._given["optimizer"], self._given["model"]
        model = str(run.about.get("model") or "")
        return (not optimizers or run.about["spec"]["optimizer"] in optimizers) and (
            not models or any(_names(given, model) for given in models)
        )

    def in_state(self, state: str, shown: str = "") -> bool:
        """Whether a state, or the words that are shown for it, is among those wanted."""
        words = {state, shown, *(["finished"] if state in FINISHED else [])}
        return not self._given["state"] or bool(words & {*self._given["state"]})


def _names(given: str, model: str) -> bool:
    """Whether what was typed names a model: with its provider or without, or as ``local``."""
    return (
        given in (model, bare_name(model))
        or bare_name(given) == model
        or (given == "local" and model == GEMMA.name)
    )


def of_presets(runs: list[StoredRun], names: list[str], *, strict: bool = True) -> list[StoredRun]:
    """The runs of these presets, replayed ones included; all runs if there are no names.

    Raises UsageError where it is strict, there are runs, and none of them is of a preset named.
    """
    stems = {Path(n).stem if n.endswith(files.SUFFIXES) else n for n in names}
    there = {str(run.about["spec"]["preset"]).removesuffix(REPLAYED) for run in runs}
    for stem in stems if there and strict else ():
        if stem not in there:
            raise UsageError(
                f"There is no run of a preset {stem!r}.",
                did_you_mean(stem, there) or f"presets of the runs: {', '.join(sorted(there))}",
            )
    known = {*stems, *(stem + REPLAYED for stem in stems)}
    return [run for run in runs if not names or run.about["spec"]["preset"] in known]


def chosen_runs(store: RunStore, options: Options) -> tuple[list[StoredRun], list[RunsError]]:
    """The runs that a command is given by id and by preset (all for none), and the damaged ones.

    Raises RunsError or UsageError where an id, or a preset, matches nothing.
    """
    ids = options.several("runs")
    try:
        found, damaged = store.select_anywhere(ids)
    except RunsError as error:
        presets = {str(run.about["spec"]["preset"]) for run in store.newest("")}
        stems = [Path(n).stem if n.endswith(files.SUFFIXES) else n for n in ids]
        named = next((n for n in stems if n in presets or n in files.available()), None)
        if named is None:
            raise
        raise RunsError(error.message, f"did you mean --preset {clean(named, 60)}?") from None
    return of_presets(found, options.several("preset"), strict=not damaged), damaged


def _read(run: StoredRun, damaged: list[RunsError]) -> tuple[dict[str, Any], RunSpec] | None:
    """The facts of a run; None where it is damaged, with the error added to the list."""
    try:
        spec, view = run.spec(), read_record(run, whole=False).view
    except RunsError as error:
        damaged.append(error)
        return None
    facts = {
        "run": run.id,
        "created": run.created,
        "preset": spec.preset,
        "optimizer": spec.optimizer.name,
        "target": spec.target,
        "repetition": spec.repetition + 1,
        "axes": dict(spec.axes),
        "model": run.about.get("model"),
        "contents": dict(view.contents),
        **stored_json(run, spec, view.totals),
    }
    if is_judged(spec):
        facts["accuracy"] = run_accuracy(JudgedRun(view.totals))
    return facts, spec


def stored_json(run: StoredRun, spec: RunSpec, totals: RunTotals) -> dict[str, Any]:
    """The result of a stored run as JSON data; it may still be running."""
    result = result_json(spec, totals)
    if totals.state == "unfinished" and writer_of(run.path) is not None:
        result["state"] = "running"
    return result


def _table(found: Sequence[tuple[dict[str, Any], RunSpec]], room: int | None) -> str:
    """The runs, a line each: with whole ids where there is room, else with their ends."""
    versions = _versions(found)
    rows = [
        {**_row(facts, spec), **({"version": version} if any(versions) else {})}
        for (facts, spec), version in zip(found, versions, strict=True)
    ]
    whole = table(rows, None, right=RIGHT)
    if room is None or max(map(len, whole.splitlines()), default=0) <= room:
        return whole
    ids = [row["run"] for row in rows]
    length = next((n for n in range(END, 80) if len({i[-n:] for i in ids}) == len(ids)), 80)
    return table([{**row, "run": row["run"][-length:]} for row in rows], room, DROPPED, RIGHT)


RIGHT = ("steps", "value")


def _versions(found: Sequence[tuple[dict[str, Any], RunSpec]]) -> list[str]:
    """For each run which version of its problem's files it was made from, where there are two."""
    seen: dict[tuple[str, str], set[str]] = {}
    for facts, spec in found:
        for key, value in facts["contents"].items():
            if key.startswith(PROBLEM):
                seen.setdefault((spec.preset, key), set()).add(value)
    problems, versions = ProblemContents(), []
    for facts, spec in found:
        own = facts["contents"]
        differing = [key for key in own if len(seen.get((spec.preset, key), ())) > 1]
        now = bool(differing) and is_current(spec, own, problems) is True
        versions.append(" ".join(short(own[key]) for key in differing) + " (now)" * now)
    return versions


def _row(facts: dict[str, Any], spec: RunSpec) -> dict[str, str]:
    cost = facts["cost"]
    best, value = _best(facts, spec)
    return {
        "run": clean(facts["run"]),
        "preset": clean(facts["preset"], 24),
        "optimizer": clean(facts["optimizer"], 24),
        "model": clean(facts["model"] or "-", 40),
        "target": clean(label(facts["target"]) or "-", 40),
        "state": _state(facts, spec),
        "steps": str(facts["steps"]),
        "value": value,
        "best": best,
        "cost": "unknown" if cost is None else f"${cost:.4f}" if cost else "-",
    }


def _best(facts: dict[str, Any], spec: RunSpec) -> tuple[str, str]:
    """The best point and its value; of instructions the chosen one, with its test accuracy."""
    chosen = facts.get("accuracy") or {}
    if chosen.get("test"):
        return point((chosen["instruction"],)), f"{value_text(spec, chosen['test']['rate'])} test"
    best = facts["best"]
    if not best:
        return "-", "-"
    train = " train" * is_share(spec)
    return point(tuple(best["point"])), f"{value_text(spec, best['value'])}{train}"


def _state(facts: dict[str, Any], spec: RunSpec) -> str:
    """The state in words, with the reason of a stop."""
    state, reason = facts["state"], facts["reason"]
    if state in ("failed", "running") or reason is None:
        return str(state)
    return "goal on train" if reason == "converged" and is_share(spec) else reason_text(reason)


def one_run(name: str | None, runs_dir: Path | None) -> StoredRun:
    """The run with this id, or this beginning or end of one; for None the last run of a model.

    Raises UsageError where it is not one run.
    """
    store = RunStore(runs_directory(runs_dir, Environment()))
    if name is None:
        last = store.latest(of_model=True)
        if last is None:
            raise RunsError(
                f"There are no runs in {store.root}.", "opro run-opro quickstart makes some"
            )
        return last
    found, damaged = store.select_anywhere([name])
    if damaged:
        raise damaged[0]
    if len(found) != 1:
        ids = ", ".join(run.id for run in found[:3])
        raise UsageError(
            f"{len(found)} ids begin or end with {name!r}: {ids} …",
            "type more characters of the id",
        )
    return found[0]
