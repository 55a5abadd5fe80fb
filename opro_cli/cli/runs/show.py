"""``opro runs show``."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from opro_cli.cli.console import print_out, width
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import one_run, stored_json
from opro_cli.cli.runs.result import result_lines
from opro_cli.core.errors import UsageError
from opro_cli.core.events import (
    Evaluation,
    Event,
    Failed,
    ParsedSolution,
    Point,
    Prompted,
    Replied,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.events.json_form import to_json
from opro_cli.core.text import clean, plural, point, source_text, status_text
from opro_cli.core.totals import MODEL, START
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.presets.spec import RunSpec
from opro_cli.report.formats.accuracy import run_accuracy
from opro_cli.report.judged import JudgedRun, is_judged
from opro_cli.runs.disk.sources import ValueSources, settings_of
from opro_cli.runs.progress import reason_of, value_text
from opro_cli.runs.record import read_record
from opro_cli.runs.store import StoredRun

FEW_STEPS = 12
"""Steps that are named where another one is not recorded."""

WHY = {"spare": "not evaluated: the step had all its points already"}
"""What a status means where it may surprise."""


def show(options: Options) -> int:
    """Print one run, or one of its steps."""
    run = one_run(options["run"], options["runs_dir"])
    if options["step"] is None:
        _show_run(run, as_json=options["json"])
    else:
        _show_step(run, options["step"], as_json=options["json"])
    return 0


def _show_run(run: StoredRun, *, as_json: bool) -> None:
    """Settings, sources, result and steps."""
    record = read_record(run)
    sources = run.about.get("preset", {}).get("sources", {})
    settings = settings_of(run.about)
    steps = list(_steps(record.events))
    if as_json:
        result = stored_json(run, record.spec, record.totals)
        facts = {"settings": settings, "sources": sources, "steps": steps}
        if is_judged(record.spec):
            facts["accuracy"] = run_accuracy(JudgedRun(record.totals))
        print_out(json.dumps({"run": run.id, **result, **facts}) + "\n")
        return
    versions = run.about.get("versions", {})
    lines = [
        clean(run.id),
        *result_lines(record),
        "",
        f"created   {clean(run.created)}",
        f"command   {clean(str(run.about.get('command', '')))}",
        *_wrapped("versions", ", ".join(f"{k} {v}" for k, v in versions.items())),
        f"model     {clean(str(run.about.get('model') or 'none'))}",
        "",
        "settings",
    ]
    told = ValueSources(run.about, record.spec.optimizer.name)
    for key, value in settings.items():
        source = told.of(key, value)
        end = f"  # {source}" if source else ""
        lines.append(clean(f"  {key}: {json.dumps(value)}{end}", 1000))
    lines += ["", "steps", *(clean(f"  {_step_line(facts, record.spec)}") for facts in steps)]
    print_out("\n".join(lines) + "\n")


def _wrapped(word: str, text: str) -> list[str]:
    """A text behind its word, in lines that fit the terminal."""
    said = f"{word:<9} {clean(text, 2000)}"
    return textwrap.wrap(said, width() or len(said) + 1, subsequent_indent=" " * 10)


def _steps(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """A JSON object for every step, and for every stop and failure."""
    replies = retries = 0
    for event in events:
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
                yield {
                    "step": event.step,
                    "pairs": [[list(p.point), p.value] for p in event.pairs],
                    "sources": [p.source for p in event.pairs],
                    "replies": replies,
                    "retries": retries,
                    "fates": dict(Counter(solution.status for solution in event.solutions)),
                }
                replies = retries = 0
            case Stopped(step, reason):
                yield {"step": step, "stopped": reason}
            case Failed():
                yield {"step": event.step + 1, "failed": event.said}


def _step_line(facts: dict[str, Any], spec: RunSpec) -> str:
    step = f"{facts['step']:>5}"
    if "stopped" in facts:
        return f"{step}  stopped: {reason_of(spec, facts['stopped'])}"
    if "failed" in facts:
        return f"{step}  failed: {facts['failed']}"
    statuses = facts.get("fates", {})
    shown = (f" ({source_text(s)})" * (bool(statuses) and s != MODEL) for s in facts["sources"])
    pairs = "; ".join(
        f"{point(tuple(p))} {value_text(spec, v)}{source}"
        for (p, v), source in zip(facts["pairs"], shown, strict=True)
    )
    line = f"{step}  {pairs or 'no new point'}"
    if not statuses:
        return line
    used = ", ".join(f"{count} {status_text(status)}" for status, count in statuses.items())
    retries = f", {plural(facts['retries'], 'retry', 'retries')}" if facts["retries"] else ""
    return f"{line}  [{used}{retries}]"


def _show_step(run: StoredRun, step: int, *, as_json: bool) -> None:
    """Meta-prompts and replies of one step, and how each reply was used."""
    events, spec = [logged.event for logged in run.log()], run.spec()
    prompts = [e for e in events if isinstance(e, Prompted) and e.step == step]
    replies = [e for e in events if isinstance(e, Replied) and e.step == step]
    made = [e for e in events if isinstance(e, Stepped) and e.step == step]
    started = [e for e in events if isinstance(e, Started) and step == 0]
    failures = [e for e in events if isinstance(e, Failed) and e.step + 1 == step]
    if not (prompts or replies or made or started or failures):
        numbers = [e.step for e in events if isinstance(e, Stepped)]
        raise UsageError(f"{run.id} has no record of step {step}.", _recorded(numbers))
    if as_json:
        found: list[Event] = [*started, *prompts, *replies, *made, *failures]
        print_out("".join(json.dumps(to_json(event)) + "\n" for event in found))
        return
    lines = []
    for attempt, prompt in enumerate(prompts):
        asked = f"{plural(prompt.samples, 'sample')}, form {clean(prompt.form, 40)}"
        asked += f", temperature {prompt.temperature}" if prompt.temperature is not None else ""
        lines += [f"step {step}: meta-prompt ({asked})", *_indented(prompt.prompt)]
        lines += _continued(prompt, attempt, spec)
    solutions = [solution for stepped in made for solution in stepped.solutions]
    values = {pair.point: pair.value for stepped in made for pair in stepped.pairs}
    for replied in sorted(replies, key=lambda e: e.sample):
        lines += ["", *_reply_lines(replied)]
        own = (s for s in solutions if s.sample == replied.sample)
        lines += [_solution_line(solution, values, spec) for solution in own]
    lines += _others([pair for e in started for pair in e.pairs], spec)
    lines += _others([pair for e in made for pair in e.pairs], spec)
    for failure in failures:
        lines += ["", f"failed: {clean(failure.said)}"]
    print_out("\n".join(lines).lstrip("\n") + "\n")


def _recorded(steps: Sequence[int]) -> str:
    """Which steps have a record: an optimizer that makes many at a time skips numbers."""
    if not steps:
        return "it has made no step"
    if len(steps) == steps[-1]:
        return f"its last step is {steps[-1]}"
    few = ", ".join(map(str, steps[:FEW_STEPS])) + (" …" if len(steps) > FEW_STEPS else "")
    return f"{len(steps)} of its {steps[-1]:,} steps are recorded: {few}, the last {steps[-1]}"


def _continued(prompt: Prompted, attempt: int, spec: RunSpec) -> Iterator[str]:
    """What a list without an instruction asks for, in this attempt of its step."""
    if prompt.form not in FORMS or not FORMS[prompt.form].continues:
        return
    aim = prompt.prompt.split("\n")[-1].partition(":")[0].split()
    asked = f" {clean(aim[-1], 40)} is the value asked for." if aim else ""
    yield f"  This model follows no instruction; it continues the list.{asked}"
    names = spec.build_problem().space.names
    if prompt.form == "rows" and names:
        turn = (prompt.step + attempt) % len(names) if getattr(spec.optimizer, "turn", False) else 0
        order = ", ".join((*names[turn:], *names[:turn]))
        yield f"  Each row is a value and a point, written as ({clean(order, 200)})."


def _others(pairs: Sequence[Evaluation], spec: RunSpec) -> Iterator[str]:
    """The points of a step that no model proposed, each with its value, by who did."""
    for source in dict.fromkeys(pair.source for pair in pairs if pair.source != MODEL):
        yield ""
        by = source_text(source) if spec.optimizer.asks_model else spec.optimizer.name
        yield "starting points" if source == START else f"proposed by {clean(by)}"
        for pair in pairs:
            if pair.source == source:
                known = f" ({status_text('known')})" if pair.known else ""
                why = f" ({clean(pair.why)})" if pair.why else ""
                shown = f"{point(pair.point)} value {value_text(spec, pair.value)}"
                yield f"  → {shown}{known}{why}"


def _reply_lines(replied: Replied) -> Iterator[str]:
    reply = replied.reply
    facts = [clean(reply.model, 60), clean(reply.finish, 40)]
    if reply.usage:
        facts.append(f"{reply.usage.input}+{reply.usage.output} tokens")
    if reply.attempts > 1:
        facts.append(f"{reply.attempts} attempts")
    yield f"reply {replied.sample + 1} ({', '.join(facts)})"
    yield from _indented(reply.text)
    yield from (f"  ! {clean(trouble)}" for trouble in reply.troubles)


def _solution_line(solution: ParsedSolution, values: dict[Point, float], spec: RunSpec) -> str:
    """How a solution in a reply was used."""
    where = f" {point(solution.point)}" if solution.point is not None else ""
    value = values.get(solution.point) if solution.point is not None else None
    shown = f" value {value_text(spec, value)}" if value is not None else ""
    reason = solution.why or WHY.get(solution.status, "")
    why = f" ({clean(reason)})" if reason else ""
    return f"  → {status_text(solution.status)}{where}{shown}{why}"


def _indented(text: str) -> list[str]:
    """Untrusted text, line by line, without control characters."""
    return [f"  | {clean(line, 2000)}" for line in text.split("\n")[:2000]]
