"""``opro runs list`` and ``opro runs diff``."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.core.mappings import changes
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean, point
from opro_cli.core.totals import RunTotals
from opro_cli.presets import files
from opro_cli.presets.environment import Environment
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import label
from opro_cli.report.formats.accuracy import run_accuracy
from opro_cli.report.judged import JudgedRun, is_judged
from opro_cli.runs.checks.replay import REPLAYED
from opro_cli.runs.lock import writer_of
from opro_cli.runs.progress import is_share, reason_of, value_text
from opro_cli.runs.record import read_record
from opro_cli.runs.store import RunStore, StoredRun, runs_directory

STATES = ("converged", "stopped", "failed", "unfinished", "running")

HEADINGS = ["run", "preset", "target", "model", "state", "steps", "best", "cost"]


def list_runs(options: Options) -> int:
    """List runs, newest first; exit code 1 where a run is damaged, after all others."""
    presets, states = options.several("preset"), options.several("state")
    for state in states:
        if state not in STATES:
            raise UsageError(f"--state {state}: no such state.", "states: " + ", ".join(STATES))
    store = RunStore(runs_directory(options["runs_dir"], Environment()))
    found, damaged = store.all()
    matching = (
        row
        for run in reversed(of_presets(found, presets, strict=not damaged))
        if (row := _read(run, damaged)) is not None
        if not states or row[0]["state"] in states
    )
    limit = options["limit"]
    shown = list(islice(matching, limit or None))
    if options["json"]:
        print_out("".join(json.dumps(facts) + "\n" for facts, _ in shown))
    else:
        print_out(_columns([_row(facts, spec) for facts, spec in shown]))
        if not found:
            say(f"There are no runs in {store.root}.")
        elif not shown and not damaged:
            say(f"No run in {store.root} has this state.")
        elif limit and len(shown) == limit and len(found) > limit:
            say(f"the newest {limit} of {len(found)} runs; --limit 0 shows all")
    for error in damaged:
        say(f"error: {error.message}")
    return 1 if damaged else 0


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


def _read(run: StoredRun, damaged: list[RunsError]) -> tuple[dict[str, Any], RunSpec] | None:
    """The facts of a run; None where it is damaged, with the error added to the list."""
    try:
        spec, totals = run.spec(), read_record(run, whole=False).totals
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
        **result_json(run, totals),
    }
    if is_judged(spec):
        facts["accuracy"] = run_accuracy(JudgedRun(totals))
    return facts, spec


def result_json(run: StoredRun, totals: RunTotals) -> dict[str, Any]:
    """The result of a stored run, which may still be running."""
    result = totals.result_json()
    if totals.state == "unfinished" and writer_of(run.path) is not None:
        result["state"] = "running"
    return result


def _row(facts: dict[str, Any], spec: RunSpec) -> list[str]:
    cost = facts["cost"]
    return [
        clean(facts["run"]),
        clean(facts["preset"], 24),
        clean(label(facts["target"]), 60),
        clean(facts["model"] or facts["optimizer"], 24),
        _state(facts, spec),
        str(facts["steps"]),
        _best(facts, spec),
        "unknown" if cost is None else f"${cost:.4f}" if cost else "-",
    ]


def _best(facts: dict[str, Any], spec: RunSpec) -> str:
    """The best point; of instructions the chosen one, with its accuracy on the test."""
    chosen = facts.get("accuracy") or {}
    if chosen.get("test"):
        return f"{point((chosen['instruction'],))} {value_text(spec, chosen['test']['rate'])} test"
    best = facts["best"]
    if not best:
        return "-"
    train = " train" * is_share(spec)
    return f"{point(tuple(best['point']))} {value_text(spec, best['value'])}{train}"


def _state(facts: dict[str, Any], spec: RunSpec) -> str:
    """The state in words, with the reason of a stop."""
    state, reason = facts["state"], facts["reason"]
    if state in ("failed", "running") or reason is None:
        return str(state)
    return reason_of(spec, reason)


def _columns(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    table = [HEADINGS, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADINGS))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in table]
    return "".join(line.rstrip() + "\n" for line in lines)


def diff(options: Options) -> int:
    """Print the differences between two runs."""
    first, second = (_compared(one_run(options[n], options["runs_dir"])) for n in ("a", "b"))
    found = changes(first, second)
    if options["json"]:
        print_out(json.dumps([{"key": k, "a": x, "b": y} for k, x, y in found]) + "\n")
        return 0
    for key, x, y in found:
        print_out(clean(f"{key}: {json.dumps(x)} → {json.dumps(y)}", 1000) + "\n")
    if not found:
        say("The runs do not differ.")
    return 0


def _compared(run: StoredRun) -> dict[str, Any]:
    git = run.about.get("git") or {}
    return {
        "settings": {k: v for k, v in run.about["spec"].items() if k != "published"},
        "model": run.about.get("model"),
        "versions": {**run.about.get("versions", {}), "commit": git.get("commit")},
        "result": result_json(run, read_record(run, whole=False).totals),
    }


def one_run(name: str, runs_dir: Path | None) -> StoredRun:
    """The run with this id, or this beginning of one. Raises UsageError where it is not one."""
    found, damaged = RunStore(runs_directory(runs_dir, Environment())).select([name])
    if damaged:
        raise damaged[0]
    if len(found) != 1:
        ids = ", ".join(run.id for run in found[:3])
        raise UsageError(
            f"{len(found)} ids begin with {name!r}: {ids} …", "type more characters of the id"
        )
    return found[0]
