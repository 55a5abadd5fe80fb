"""``opro runs``: what is in the runs directory, one run at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from opro_cli import locks, past
from opro_cli.differences import changes, flat
from opro_cli.environment import Environment
from opro_cli.errors import RunsError, UsageError
from opro_cli.events import Event, Failed, Prompted, Replied, Started, Stepped, Stopped
from opro_cli.output import print_out, say
from opro_cli.problems import label
from opro_cli.runs import Recorded, Runs
from opro_cli.session import runs_directory
from opro_cli.tally import MODEL, Tally
from opro_cli.text import clean, number, point

STATES = ("converged", "stopped", "failed", "unfinished", "running")


def listing(
    presets: Sequence[str], states: Sequence[str], limit: int, runs_dir: Path | None, as_json: bool
) -> int:
    """``runs list``: newest first. Exit code 1 where a run is damaged, after all others."""
    for state in states:
        if state not in STATES:
            raise UsageError(f"--state {state}: no such state.", "states: " + ", ".join(STATES))
    runs = Runs(runs_directory(runs_dir, Environment()))
    found, damaged = runs.all()
    matching = (
        facts
        for run in reversed(found)
        if not presets or run.about["spec"].get("preset") in presets
        if (facts := _facts(run, damaged)) is not None
        if not states or facts["state"] in states
    )
    shown = list(islice(matching, limit or None))
    if as_json:
        print_out("".join(json.dumps(facts) + "\n" for facts in shown))
    else:
        print_out(_columns([_row(facts) for facts in shown]))
        if not found:
            say(f"There are no runs in {runs.root}.")
        elif limit and len(shown) == limit and len(found) > limit:
            say(f"the newest {limit} of {len(found)} runs; --limit 0 shows all")
    for error in damaged:
        say(f"error: {error.message}")
    return 1 if damaged else 0


def _facts(run: Recorded, damaged: list[RunsError]) -> dict[str, Any] | None:
    try:
        spec, tally = run.spec(), past.read(run, whole=False).tally
    except RunsError as error:
        damaged.append(error)
        return None
    return {
        "run": run.id,
        "created": run.created,
        "preset": spec.preset,
        "optimizer": spec.optimizer.name,
        "target": spec.target,
        "repetition": spec.repetition + 1,
        "axes": dict(spec.axes),
        "model": run.about.get("model"),
        **_result(run, tally),
    }


def _result(run: Recorded, t: Tally) -> dict[str, Any]:
    state = "running" if t.state == "unfinished" and locks.held(run.path) else t.state
    return {
        "state": state,
        "reason": t.reason,
        "error": t.error,
        "steps": t.step,
        "best": {"point": list(t.best[0]), "value": t.best[1]} if t.best else None,
        "distinct_pairs": t.distinct_pairs,
        "recorded_pairs": t.recorded_pairs,
        "evaluations": t.evaluations,
        "calls": t.calls,
        "retries": t.attempts - t.calls if t.attempts > t.calls else 0,
        "replies": dict(t.fates),
        "tokens": {"input": t.usage.input, "output": t.usage.output},
        "cost": None if t.unpriced else t.cost,
        "seconds": round(t.seconds, 3),
    }


def _row(facts: dict[str, Any]) -> list[str]:
    best = facts["best"]
    state = facts["state"]
    if state == "stopped":
        state = facts["reason"]
    return [
        facts["run"],
        clean(facts["preset"], 24),
        label(facts["target"]),
        clean(facts["model"] or facts["optimizer"], 24),
        state,
        str(facts["steps"]),
        f"{point(tuple(best['point']))} {number(best['value'])}" if best else "-",
        "unknown" if facts["cost"] is None else f"${facts['cost']:.4f}" if facts["cost"] else "-",
    ]


HEADINGS = ["run", "preset", "target", "model", "state", "steps", "best", "cost"]


def _columns(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    table = [HEADINGS, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADINGS))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in table]
    return "".join(line.rstrip() + "\n" for line in lines)


def show(name: str, step: int | None, runs_dir: Path | None, as_json: bool) -> int:
    """``runs show``."""
    run = _one(name, runs_dir)
    happened = [logged.event for logged in run.log()]
    if step is not None:
        return _show_step(run, happened, step, as_json)
    spec, tally = run.spec(), past.read(run, whole=False).tally
    sources = run.about.get("preset", {}).get("sources", {})
    settings = dict(flat({k: v for k, v in run.about["spec"].items() if k != "published"}))
    if as_json:
        facts = {"settings": settings, "sources": sources, "steps": list(_steps(happened))}
        print_out(json.dumps({"run": run.id, **_result(run, tally), **facts}) + "\n")
        return 0
    lines = [clean(run.id), f"created   {clean(run.created)}"]
    lines += [f"command   {clean(str(run.about.get('command', '')))}"]
    versions = run.about.get("versions", {})
    lines += ["versions  " + clean(", ".join(f"{k} {v}" for k, v in versions.items()))]
    lines += [f"model     {clean(str(run.about.get('model') or 'none'))}", "", "settings"]
    for key, value in settings.items():
        source = sources.get(_as_set(key, spec.optimizer.name), "default")
        lines.append(clean(f"  {key}: {json.dumps(value)}  # {source}", 1000))
    lines += ["", "result"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in _result(run, tally).items()]
    lines += ["", "steps"]
    lines += [clean(f"  {_step_line(facts)}") for facts in _steps(happened)]
    print_out("\n".join(lines) + "\n")
    return 0


def _as_set(key: str, optimizer: str) -> str:
    """A key of a spec as a preset has it."""
    if key.startswith("settings."):
        return f"{optimizer}.{key.removeprefix('settings.')}"
    return "problem.targets" if key.startswith("target") else key


def _steps(happened: Sequence[Event]) -> Iterator[dict[str, Any]]:
    replies = retries = 0
    for event in happened:
        match event:
            case Started(pairs):
                yield {
                    "step": 0,
                    "pairs": [[list(p.point), p.value] for p in pairs],
                    "sources": [p.source for p in pairs],
                }
            case Replied(reply=reply):
                replies, retries = replies + 1, retries + reply.attempts - 1
            case Stepped():
                fates = Counter(reading.fate for reading in event.readings)
                yield {
                    "step": event.step,
                    "pairs": [[list(p.point), p.value] for p in event.pairs],
                    "sources": [p.source for p in event.pairs],
                    "replies": replies,
                    "retries": retries,
                    "fates": dict(fates),
                }
                replies = retries = 0
            case Stopped(step, reason):
                yield {"step": step, "stopped": reason}
            case Failed():
                yield {"step": event.step + 1, "failed": f"{event.error}: {event.message}"}


def _step_line(facts: dict[str, Any]) -> str:
    if "stopped" in facts:
        return f"{facts['step']:>5}  stopped: {facts['stopped']}"
    if "failed" in facts:
        return f"{facts['step']:>5}  failed: {facts['failed']}"
    asked = bool(facts.get("fates"))
    sources = (f" ({s})" * (asked and s != MODEL) for s in facts["sources"])
    pairs = "; ".join(
        f"{point(tuple(p))} {number(v)}{source}"
        for (p, v), source in zip(facts["pairs"], sources, strict=True)
    )
    fates = ", ".join(f"{count} {fate}" for fate, count in facts.get("fates", {}).items())
    retries = f", {facts['retries']} retries" if facts.get("retries") else ""
    return f"{facts['step']:>5}  {pairs or 'nothing new'}" + (f"  [{fates}{retries}]" * bool(fates))


def _show_step(run: Recorded, happened: Sequence[Event], step: int, as_json: bool) -> int:
    """Meta-prompt, replies, and what became of each."""
    prompts = [e for e in happened if isinstance(e, Prompted) and e.step == step]
    replies = [e for e in happened if isinstance(e, Replied) and e.step == step]
    made = [e for e in happened if isinstance(e, Stepped) and e.step == step]
    failures = [e for e in happened if isinstance(e, Failed) and e.step + 1 == step]
    if not (prompts or replies or made or failures):
        last = max((e.step for e in happened if isinstance(e, Stepped)), default=0)
        raise UsageError(f"{run.id} has no step {step}.", f"its last step is {last}")
    if as_json:
        from opro_cli.events import to_json

        found: list[Event] = [*prompts, *replies, *made, *failures]
        print_out("".join(json.dumps(to_json(event)) + "\n" for event in found))
        return 0
    lines = []
    for prompt in prompts:
        asked = f"{prompt.samples} samples, form {prompt.form}"
        asked += f", temperature {prompt.temperature}" if prompt.temperature is not None else ""
        lines += [f"step {step}: meta-prompt ({asked})", *_indented(prompt.prompt)]
    readings = [reading for stepped in made for reading in stepped.readings]
    values = {pair.point: pair.value for stepped in made for pair in stepped.pairs}
    for replied in sorted(replies, key=lambda e: e.sample):
        reply = replied.reply
        tokens = f", {reply.usage.input}+{reply.usage.output} tokens" if reply.usage else ""
        retried = f", {reply.attempts} attempts" if reply.attempts > 1 else ""
        said = f"reply {replied.sample + 1} ({clean(reply.model, 60)}, {clean(reply.finish, 40)}"
        lines += ["", said + f"{tokens}{retried})", *_indented(reply.text)]
        lines += [f"  ! {clean(trouble)}" for trouble in reply.troubles]
        for reading in readings:
            if reading.sample == replied.sample:
                where = f" {point(reading.point)}" if reading.point is not None else ""
                value = values.get(reading.point) if reading.point is not None else None
                worth = f" value {number(value)}" if value is not None else ""
                why = f" ({clean(reading.why)})" if reading.why else ""
                lines.append(f"  → {reading.fate}{where}{worth}{why}")
    for failure in failures:
        lines += ["", f"failed: {failure.error}: {clean(failure.message)}"]
    print_out("\n".join(lines) + "\n")
    return 0


def _indented(text: str) -> list[str]:
    """Untrusted text, line by line, each harmless."""
    return [f"  | {clean(line, 2000)}" for line in text.split("\n")[:2000]]


def diff(a: str, b: str, runs_dir: Path | None, as_json: bool) -> int:
    """``runs diff``."""
    first, second = (_compared(_one(name, runs_dir)) for name in (a, b))
    found = changes(first, second)
    if as_json:
        print_out(json.dumps([{"key": k, "a": x, "b": y} for k, x, y in found]) + "\n")
        return 0
    for key, x, y in found:
        print_out(clean(f"{key}: {json.dumps(x)} → {json.dumps(y)}", 1000) + "\n")
    if not found:
        say("They do not differ.")
    return 0


def _compared(run: Recorded) -> dict[str, Any]:
    git = run.about.get("git") or {}
    spec = {k: v for k, v in run.about["spec"].items() if k != "published"}
    return {
        "settings": spec,
        "model": run.about.get("model"),
        "versions": {**run.about.get("versions", {}), "commit": git.get("commit")},
        "result": _result(run, past.read(run, whole=False).tally),
    }


def _one(name: str, runs_dir: Path | None) -> Recorded:
    runs = Runs(runs_directory(runs_dir, Environment()))
    found, damaged = runs.select([name])
    if damaged:
        raise damaged[0]
    if len(found) != 1:
        ids = ", ".join(run.id for run in found[:3])
        raise UsageError(f"{name!r} is the beginning of {len(found)} ids: {ids} …", "give more")
    return found[0]
