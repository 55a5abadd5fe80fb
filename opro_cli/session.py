"""What each command does, once its options are parsed: calls the rooms, prints, returns a code."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opro_cli import afterwards, display, plan
from opro_cli import presets as preset_files
from opro_cli import report as reports
from opro_cli.environment import Environment
from opro_cli.errors import OproError, RunsError
from opro_cli.output import print_out, say
from opro_cli.runs import Runs
from opro_cli.text import clean, plural

if TYPE_CHECKING:
    from opro_cli.jobs import Work


def run(optimizers: Sequence[str] | None, options: Mapping[str, Any]) -> int:
    """``run-opro``, ``run-sgd``, ``run-baseline`` and ``sweep``."""
    env = Environment()
    asked = plan.Asked(
        preset=options["preset"],
        flags={key: options.get(key) for key in (*plan.FLAGS, "w_true", "b_true")},
        settings=options.get("settings") or (),
        targets=options.get("target") or (),
    )
    dry = bool(options["dry_run"] or options["print_config"])
    made = plan.make(asked, env, optimizers, dry=dry)
    if dry:
        from opro_cli import dryrun
    if options["print_config"]:
        print_out(dryrun.config_json(made) if options["json"] else dryrun.config(made))
        return 0
    if options["dry_run"]:
        print_out(dryrun.as_json(made) if options["json"] else dryrun.as_text(made))
        return 0
    from opro_cli import jobs

    runs = Runs(runs_directory(options["runs_dir"], env))
    fresh = bool(options["fresh"])
    return _make(lambda: jobs.of_plan(made, runs, fresh=fresh), runs, options, env)


def resume(ids: Sequence[str], options: Mapping[str, Any]) -> int:
    """``resume``."""
    from opro_cli import resuming

    env = Environment()
    runs = Runs(runs_directory(options["runs_dir"], env))
    caps = {key: options[key] for key in resuming.CAPS if options.get(key) is not None}
    work = resuming.work(runs, ids, caps, env)
    return _make(lambda: work, runs, options, env)


def _make(
    find: Callable[[], Work], runs: Runs, options: Mapping[str, Any], env: Environment
) -> int:
    """Do the jobs, print the table, say what to type next."""
    from opro_cli.launch import Launcher, ending

    shown = display.choose(options["display"], sys.stderr, dict(os.environ))
    results = [afterwards.Results()] if options["json"] else []
    where = _where(options["runs_dir"])

    def leaving() -> None:
        say(f"interrupted; go on with: opro resume{where}")

    outcome = Launcher(runs, [shown, *results], env, say, leaving).launch(find)
    ids = [watched.id for watched in outcome.runs if watched.id]
    if not options["json"]:
        print_out(
            reports.render(reports.summarize(*runs.select(ids)), "table", _width(), brief=True)
        )
    afterwards.failures(outcome)
    say(ending(outcome))
    failed = any(watched.tally.error for watched in outcome.runs)
    if outcome.before == len(outcome.runs):
        say("Everything was made before; --fresh makes it anew.")
    if outcome.exit_code == INTERRUPTED:
        leaving()
    elif outcome.stopped and not failed:
        say(f"stopped: {outcome.stopped}")
        say(f"go on with: opro resume{where}{afterwards.raised(outcome)}")
    elif failed:
        say(f"try the failed ones again with: opro resume{where}")
    else:
        say(f"next: opro report --format markdown{where}")
    return outcome.exit_code


INTERRUPTED = 130


def report(
    ids: Sequence[str],
    names: Sequence[str],
    form: str,
    output: Path | None,
    runs_dir: Path | None,
    baseline: str | None = None,
    model_only: bool = False,
) -> int:
    """``report``."""
    reports.check_format(form)
    reports.check_baseline(baseline)
    directory = runs_directory(runs_dir, Environment())
    chosen, damaged = Runs(directory).select(ids)
    if names:
        names = [Path(n).stem if n.endswith(preset_files.SUFFIXES) else n for n in names]
        wanted = {*names, *(f"{name} (replay)" for name in names)}
        chosen = [run for run in chosen if run.about["spec"].get("preset") in wanted]
    if not chosen and not damaged and form not in ("json", "csv"):
        say(f"There are no runs in {directory} to report on.")
        say("hint: opro run-opro --preset quickstart")
    summary = reports.summarize(chosen, damaged, baseline, model_only=model_only)
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
    from opro_cli import replay as replays
    from opro_cli.provenance import circumstances

    root = runs_directory(runs_dir, Environment())
    if save:
        Runs(root).check_writable()
    about = circumstances() if save else {}
    places = [place for path in paths for place in _places(path, root)]
    checked = failed = 0
    for result in replays.check_all(places, root if save else None, about):
        checked += 1
        failed += not result.ok
        print_out((json.dumps(result.facts) if as_json else result.line) + "\n")
    noun = "recording" if checked == 1 else "recordings"
    said = f"{checked} {noun}, {checked - failed} came out as recorded"
    say(said + (f", {failed} did not." if failed else "."))
    return 1 if failed else 0


def _places(path: Path, root: Path) -> list[Path]:
    """The recordings at a path, or of the runs with this id. Raises UsageError for neither."""
    from opro_cli import recording

    if not path.exists():
        with contextlib.suppress(RunsError):
            runs, damaged = Runs(root).select([str(path)])
            if runs and not damaged:
                return [run.path for run in runs]
    return recording.places(path)


def presets(as_json: bool) -> int:
    """``presets``."""
    for name, path in preset_files.available().items():
        try:
            found = preset_files.resolve(str(path))
        except OproError as error:
            broken = {"name": name, "path": preset_files.tidy(path), "error": error.message}
            line = f"{clean(name, 40):<14} cannot be used: {clean(error.message)}"
            print_out((json.dumps(broken) if as_json else line) + "\n")
            continue
        general, problem = found.base.general, found.base.problem
        optimizers = list(dict.fromkeys(["opro", *general.baselines]))
        facts = {
            "name": name,
            "title": general.title,
            "path": found.path,
            "problem": problem.kind,
            "targets": list(problem.targets),
            "reps": general.reps,
            "optimizers": optimizers,
            "cells": len(found.cells),
        }
        if as_json:
            print_out(json.dumps(facts) + "\n")
        else:
            runs = plural(sum(cell.count(optimizers) for cell in found.cells), "run")
            print_out(f"{clean(name, 40):<14} {clean(general.title, 80)}  ({runs})\n")
    return 0


def runs_directory(option: Path | None, env: Environment) -> Path:
    """``--runs-dir``, ``OPRO_RUNS_DIR`` or ``./runs``."""
    named = env.get("OPRO_RUNS_DIR", "")
    if "\0" in named:
        raise RunsError("OPRO_RUNS_DIR is no path: it holds a NUL.", "set it to a directory")
    return option or Path(named if named.strip() else "runs")


def _where(runs_dir: Path | None) -> str:
    return f" --runs-dir {runs_dir}" if runs_dir else ""


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
