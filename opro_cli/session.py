"""What each command does, once its options are parsed: calls the rooms, prints, returns a code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opro_cli import display, estimate, plan
from opro_cli import presets as preset_files
from opro_cli import report as reports
from opro_cli.environment import Environment
from opro_cli.errors import OproError, ReplayMismatch, RunsError
from opro_cli.events import Event, Failed, Stopped
from opro_cli.output import print_out, say
from opro_cli.plan import Plan
from opro_cli.runs import Runs
from opro_cli.text import clean


def run(optimizers: Sequence[str] | None, options: Mapping[str, Any]) -> int:
    """``run-opro``, ``run-sgd``, ``run-baseline`` and ``sweep``."""
    env = Environment()
    asked = plan.Asked(
        preset=options["preset"],
        flags={key: options.get(key) for key in (*plan.FLAGS, "w_true", "b_true")},
        settings=options.get("settings") or (),
        targets=options.get("target") or (),
    )
    shown = display.choose(options["display"], sys.stderr, dict(os.environ))
    dry = bool(options["dry_run"] or options["print_config"])
    made = plan.make(asked, env, optimizers, dry=dry)
    if options["print_config"]:
        print_out(_config(made))
        return 0
    if options["dry_run"]:
        print_out(_dry_json(made) if options["json"] else _dry_text(made))
        return 0
    from opro_cli.launch import Launcher, ending

    runs = Runs(runs_directory(options["runs_dir"], env))
    results = [_Results()] if options["json"] else []
    outcome = Launcher(runs, [shown, *results], env, say).launch(made)
    ids = [watched.id for watched in outcome.runs if watched.id]
    if not options["json"]:
        print_out(reports.render(reports.summarize(*runs.select(ids)), "table", _width()))
    say(ending(outcome))
    if outcome.stopped:
        say(f"stopped: {outcome.stopped}")
        say(f"go on with: opro resume{_where(options['runs_dir'])}")
    else:
        say(f"next: opro report --format markdown{_where(options['runs_dir'])}")
    return outcome.exit_code


class _Results(display.Silent):
    """One JSON line on stdout for every run that ends."""

    def event(self, run: display.Watched, event: Event) -> None:
        if isinstance(event, Stopped | Failed):
            print_out(json.dumps(_result(run)) + "\n")


def _result(run: display.Watched) -> dict[str, Any]:
    t = run.tally
    return {
        "run": run.id,
        "preset": run.spec.preset,
        "optimizer": run.spec.optimizer.name,
        "model": run.spec.model,
        "target": run.spec.target,
        "repetition": run.spec.repetition + 1,
        "state": t.state,
        "reason": t.reason,
        "error": t.error,
        "steps": t.step,
        "best": {"point": list(t.best[0]), "value": t.best[1]} if t.best else None,
        "distinct_pairs": t.distinct_pairs,
        "recorded_pairs": t.recorded_pairs,
        "evaluations": t.evaluations,
        "calls": t.calls,
        "tokens": {"input": t.usage.input, "output": t.usage.output},
        "cost": None if t.unpriced else t.cost,
        "seconds": round(t.seconds, 3),
    }


def report(
    ids: Sequence[str],
    names: Sequence[str],
    form: str,
    output: Path | None,
    runs_dir: Path | None,
    baseline: str | None = None,
) -> int:
    """``report``."""
    reports.check_format(form)
    reports.check_baseline(baseline)
    directory = runs_directory(runs_dir, Environment())
    chosen, damaged = Runs(directory).select(ids)
    if names:
        wanted = {*names, *(f"{name} (replay)" for name in names)}
        chosen = [run for run in chosen if run.about["spec"].get("preset") in wanted]
    if not chosen and not damaged and form not in ("json", "csv"):
        say(f"There are no runs in {directory} to report on.")
        say("hint: opro run-opro --preset quickstart")
    summary = reports.summarize(chosen, damaged, baseline)
    text = reports.render(summary, form, None if output else _width())
    for error in summary.damaged:
        say(f"error: {error.message}")
    if summary.damaged:
        say(f"hint: {summary.damaged[0].hint}")
    code = 1 if summary.damaged else 0
    if output is None:
        print_out(text)
        return code
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunsError(
            f"{output} cannot be written: {error.strerror}.", "choose another --output"
        ) from None
    say(f"written to {output}")
    return code


def replay(paths: Sequence[Path], save: bool, runs_dir: Path | None, as_json: bool) -> int:
    """``replay``: exit code 1 at the first difference."""
    from opro_cli import recording
    from opro_cli import replay as replays
    from opro_cli.provenance import circumstances

    runs = Runs(runs_directory(runs_dir, Environment()))
    if save:
        runs.check_writable()
    about = circumstances() if save else {}
    checked = failed = 0
    for path in paths:
        for recorded in recording.find(path):
            checked += 1
            try:
                replayed = replays.replay(recorded)
            except ReplayMismatch as mismatch:
                failed += 1
                line = {"recording": recorded.name, "ok": False, "difference": mismatch.message}
                said = clean(mismatch.message, 2000)
                print_out(json.dumps(line) + "\n" if as_json else said + "\n")
                continue
            print_out(json.dumps(replayed.facts()) + "\n" if as_json else replayed.line() + "\n")
            if save:
                replayed.save(runs, about)
    said = f"{checked} recordings, {checked - failed} came out as recorded"
    say(said + (f", {failed} did not." if failed else "."))
    return 1 if failed else 0


def presets(as_json: bool) -> int:
    """``presets``."""
    for name, path in preset_files.available().items():
        try:
            found = preset_files.resolve(str(path))
        except OproError as error:
            say(f"error: {error.message}")
            continue
        general, problem = found.base.general, found.base.problem
        facts = {
            "name": name,
            "title": general.title,
            "path": str(path),
            "problem": problem.kind,
            "targets": list(problem.targets),
            "reps": general.reps,
            "optimizers": ["opro", *general.baselines],
            "cells": len(found.cells),
        }
        if as_json:
            print_out(json.dumps(facts) + "\n")
        else:
            runs = sum(len(list(c.runs(["opro", *general.baselines]))) for c in found.cells)
            print_out(f"{name:<14} {clean(general.title, 80)}  ({runs} runs)\n")
    return 0


def runs_directory(option: Path | None, env: Environment) -> Path:
    """``--runs-dir``, ``OPRO_RUNS_DIR`` or ``./runs``."""
    return option or Path(env.get("OPRO_RUNS_DIR") or "runs")


def _where(runs_dir: Path | None) -> str:
    return f" --runs-dir {runs_dir}" if runs_dir else ""


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _config(made: Plan) -> str:
    return preset_files.to_yaml(made.preset, made.resolved.sources, made.optimizers)


def _dry_json(made: Plan) -> str:
    total = estimate.of_plan(made)
    return (
        json.dumps(
            {
                "preset": made.preset.dump(made.optimizers),
                "sources": dict(made.resolved.sources),
                "runs": [
                    {
                        "optimizer": spec.optimizer.name,
                        "model": spec.model,
                        "target": spec.target,
                        "repetition": spec.repetition + 1,
                        "axes": dict(spec.axes),
                        **_span(estimate.of_run(spec, made)),
                    }
                    for spec in made.specs
                ],
                "total": _span(total),
                "assumed": estimate.ASSUMED,
            }
        )
        + "\n"
    )


def _span(e: estimate.Estimate) -> dict[str, Any]:
    return {
        "steps": [round(e.steps.low), round(e.steps.high)],
        "calls": [round(e.calls.low), round(e.calls.high)],
        "tokens": {
            "input": [round(e.input.low), round(e.input.high)],
            "output": [round(e.output.low), round(e.output.high)],
        },
        "cost": None if e.cost is None else [round(e.cost.low, 6), round(e.cost.high, 6)],
    }


def _dry_text(made: Plan) -> str:
    lines = [f"# {clean(made.resolved.path)}", _config(made)]
    models = sorted({spec.model for spec in made.specs if spec.model})
    lines.append(f"{len(made.specs)} runs" + (f" with {', '.join(models)}:" if models else ":"))
    for spec in made.specs:
        e = estimate.of_run(spec, made)
        calls = f", at most {e.calls.high:,.0f} model calls" if e.calls.high else ""
        lines.append(f"  {display.Watched(spec).name}: at most {e.steps.high:,.0f} steps{calls}")
    total = estimate.of_plan(made)
    if total.calls.high:
        lines.append(f"model calls   {total.calls.low:,.0f} to {total.calls.high:,.0f}")
        lines.append(f"input tokens  {total.input.low:,.0f} to {total.input.high:,.0f}")
        lines.append(f"output tokens {total.output.low:,.0f} to {total.output.high:,.0f}")
        lines.append(f"cost          {_money(total)}")
        lines.append(f"assumed       {estimate.ASSUMED}")
    lines.append("Nothing was started.")
    return "\n".join(lines) + "\n"


def _money(e: estimate.Estimate) -> str:
    if e.cost is None:
        return f"unknown: no price is known for {', '.join(sorted(e.unpriced))}"
    if not e.cost.high:
        return "nothing: the model runs on this machine"
    return f"${e.cost.low:.4f} to ${e.cost.high:.2f}"
