"""``run-opro``, ``run-sgd``, ``run-baseline``, ``sweep`` and ``resume``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from opro_cli.cli import progress
from opro_cli.cli.console import INTERRUPTED, print_out, say, width
from opro_cli.cli.flags import DEFAULT_PRESETS, Options
from opro_cli.cli.options.habits import CALLED
from opro_cli.cli.options.overrides import overrides_of
from opro_cli.cli.plan import config, dry_run, lines
from opro_cli.cli.progress.lines import Results, cause
from opro_cli.cli.report import form_of, write_file
from opro_cli.cli.runs.result import closing_lines
from opro_cli.core.errors import OproError, UsageError
from opro_cli.core.events import GAVE_UP, Status
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import listed, plural, reason_text
from opro_cli.core.totals import RunTotals
from opro_cli.optimizers import DEFAULT, OPTIMIZERS
from opro_cli.presets import files
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override, option_text
from opro_cli.presets.plan import fitting_optimizers, make_plan
from opro_cli.presets.resolve import resolve
from opro_cli.presets.shard import Shard
from opro_cli.report import FORMATS, render
from opro_cli.report.closing import already_done, result_lines
from opro_cli.report.contest import check_contest, resolution_of_plan, summary_json
from opro_cli.report.notes import best_points
from opro_cli.report.summary import summarize
from opro_cli.report.verdicts import LONGEST
from opro_cli.runs.jobs import Jobs, jobs_for_plan
from opro_cli.runs.launch import Launcher, Outcome
from opro_cli.runs.resume import CAPS, jobs_to_resume
from opro_cli.runs.store import RunStore, runs_directory

HELP: Mapping[Status, str] = {
    "truncated": "raise opro.max_output_tokens: the replies are cut off",
    "empty": "raise opro.max_output_tokens, which thinking may use up, or ask another --model",
    "blocked": "ask another --model",
    "unparsable": "ask another --model, or one that follows a schema",
}
"""What may help where the replies of a run are of no use."""

WITHOUT_SWEEP = Override("sweep", {}, "opro compare")
"""A contest is held on the base values of a preset."""

RETURNS = "see what the objective returns: it must be one finite number"


def run_opro(options: Options) -> int:
    """``opro run-opro``."""
    return _run(options, ["opro"])


def run_sgd(options: Options) -> int:
    """``opro run-sgd``."""
    return _run(options, ["sgd"])


def run_baseline(options: Options) -> int:
    """``opro run-baseline``."""
    names = list(dict.fromkeys(options.several("optimizer")))
    if options["named"] in OPTIMIZERS and options["named"] not in files.available():
        raise UsageError(
            f"{options['named']} is an optimizer, not a preset.", f"type -O {options['named']}"
        )
    if not names:
        raise UsageError("No optimizer is given.", f"as in -O NAME; {_fitting(options)}")
    _check_optimizers(names, options)
    return _run(options, names)


def _check_optimizers(names: Sequence[str], options: Options) -> None:
    """Raises UsageError, with what may be meant, where there is no such optimizer."""
    for name in names:
        if name not in OPTIMIZERS:
            known = CALLED.get(name.lower())
            near = f"did you mean {known}?" if known else did_you_mean(name, OPTIMIZERS)
            raise UsageError(
                f"--optimizer: there is no optimizer {name[:60]!r}.", near or _fitting(options)
            )


def _fitting(options: Options) -> str:
    """A hint with the optimizers that fit the preset; with all of them where it cannot be read."""
    preset = _preset(options)
    try:
        base = resolve(preset).base
        fit = fitting_optimizers(base)
    except OproError:
        return OPTIMIZERS.hint("")
    own = [name for name in base.optimizers if name in fit and name != DEFAULT]
    others = ", ".join(name for name in fit if name not in own)
    if not own:
        return f"optimizers for {preset}: {others}"
    return f"the preset {preset} has {listed(own)}; also fit {others}"


def sweep(options: Options) -> int:
    """``opro sweep``."""
    return _run(options, None)


def compare(options: Options) -> int:
    """``opro compare``."""
    names = list(dict.fromkeys(options.several("optimizer")))
    _check_optimizers(names, options)
    asked = any("model" in OPTIMIZERS[name].model_fields for name in names)
    if not names or (options.several("model") and not asked):
        names = [DEFAULT, *names]  # the models are asked by it
    return _run(options, names, side_by_side=True)


def resume(options: Options) -> int:
    """``opro resume``."""
    env = Environment()
    store = RunStore(runs_directory(options["runs_dir"], env))
    ids = options.several("runs")
    caps = {key: options[key] for key in CAPS if options[key] is not None}
    return _launch(lambda: jobs_to_resume(store, ids, caps, env), store, options, env)


def _run(options: Options, names: Sequence[str] | None, *, side_by_side: bool = False) -> int:
    """Run these optimizers; None: everything in the preset.

    Args:
        options: of the command.
        names: of optimizers.
        side_by_side: hold the models and optimizers against the first, on the base values.
    """
    env = Environment()
    preset = _preset(options)
    if hidden := files.hidden(preset):
        say(f"note: {hidden}.")
    FORMATS.check(_form(options), "--format")
    overrides = overrides_of(options, env, names)
    resolved = resolve(preset, [WITHOUT_SWEEP, *overrides] if side_by_side else overrides)
    dry = options["dry_run"] or options["print_config"]
    shard = Shard.parse(options["shard"]) if options["shard"] is not None else None
    swept = side_by_side or names is None
    plan = make_plan(resolved, env, names, grid=swept, dry=dry, shard=shard)
    shows = resolution_of_plan(plan.specs, optimizers=side_by_side)
    if side_by_side:
        check_contest(plan.specs)
    if options["print_config"]:
        print_out(config.config_json(plan) if options["json"] else config.config(plan))
        return 0
    if options["dry_run"]:
        print_out(dry_run.as_json(plan) if options["json"] else dry_run.as_text(plan, shows))
        return 0
    store = RunStore(runs_directory(options["runs_dir"], env))

    def find() -> Jobs:
        jobs = jobs_for_plan(plan, store, fresh=options["fresh"])
        to_do = [job.spec for job in jobs.to_do]
        if (names is None or side_by_side) and to_do and not options["json"]:
            for line in lines.before(plan, to_do, shows):
                say(line)
        return jobs

    return _launch(find, store, options, env, side_by_side=side_by_side)


def _form(options: Options) -> str:
    """The format of the table: as it is named, else by the ending of the file."""
    return str(options["form"] or form_of(options["output"]))


def _preset(options: Options) -> str:
    """The preset, given by name or by --preset. Raises UsageError where these are two."""
    given = dict.fromkeys(filter(None, (options["named"], options["preset"])))
    if len(given) > 1:
        raise UsageError(f"Two presets are given: {' and '.join(given)}.", "leave out --preset")
    return next(iter(given), DEFAULT_PRESETS.get(options.command, ""))


def _launch(
    find: Callable[[], Jobs],
    store: RunStore,
    options: Options,
    env: Environment,
    *,
    side_by_side: bool = False,
) -> int:
    """Do the jobs, print their table, and say how to continue."""
    shown = progress.choose(options["display"], sys.stderr, env)
    displays = [shown, Results()] if options["json"] else [shown]
    where = _where(options["runs_dir"])

    def leaving() -> None:
        say(f"interrupted; continue with: opro resume{where}")

    outcome = Launcher(store, displays, env, say, leaving).launch(find)
    order = {run.id: i for i, run in enumerate(outcome.runs) if run.id}
    stored, damaged = store.select(list(order))
    stored = sorted((run for run in stored if run.id in order), key=lambda run: order[run.id])
    form, output = _form(options), options["output"]
    followed = form != "table"
    summary = summarize(stored, damaged, histories=followed, side_by_side=side_by_side)
    if not options["json"]:
        text = render(summary, form, None if output else width(), detail="summary")
        print_out(text) if output is None else write_file(output, text.encode())
    elif side_by_side:
        print_out(json.dumps({"contests": summary_json(summary.rows)}) + "\n")
    _say_failures(outcome, where)
    unprinted = best_points(summary.rows) if options["json"] else ()
    noted = not options["json"] and output is None and form == "table"
    for line in (*unprinted, *result_lines(summary.rows, noted=noted)):
        say(line)
    if line := already_done(outcome.already_finished, len(outcome.runs)):
        say(line)
    if outcome.exit_code == INTERRUPTED:
        leaving()
    elif all(run.totals.permanent for run in outcome.runs if run.totals.error) and any(
        run.totals.error for run in outcome.runs
    ):
        say("mend the objective, then give the same command: it starts the failed runs again")
    elif any(run.totals.error for run in outcome.runs):
        say(f"try the failed ones again with: opro resume{where}")
    elif outcome.stopped:
        say(f"stopped: {outcome.stopped}")
        say(f"continue with: opro resume{where}{_raised_cap(outcome)}")
    else:
        for line in closing_lines(summary, where, whole=options["json"]):
            say(line, LONGEST)
    return outcome.exit_code


def _where(runs_dir: Path | None) -> str:
    """The option of a command that is to be pasted into a shell."""
    if not runs_dir:
        return ""
    return f" --runs-dir{'=' if str(runs_dir).startswith('-') else ' '}{_quoted(str(runs_dir))}"


def _quoted(text: str) -> str:
    """A word for a shell, also where it holds control characters: these cannot be shown."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else _escaped(c) for c in escaped) + "'"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _raised_cap(outcome: Outcome) -> str:
    """The cap that was reached, as an option with twice its value, or more where one call needs
    that."""
    spent = {
        "max_cost": outcome.spent.cost,
        "max_calls": outcome.spent.calls,
        "max_tokens": outcome.spent.tokens,
        "max_time": outcome.seconds,
    }
    cap = getattr(outcome.caps, outcome.reason, None)
    if cap is None:
        return ""
    most = 2 * max(cap, spent[outcome.reason])
    if outcome.reason == "max_calls":
        most = max(most, outcome.least_calls)
    return f" {option_text(outcome.reason)} {most if isinstance(most, int) else f'{most:.4g}'}"


def _say_failures(outcome: Outcome, where: str) -> None:
    """Say why runs failed: the display may show nothing, and the log may have no place."""
    failed = [run.totals for run in outcome.runs if run.totals.error]
    errors = Counter(totals.error for totals in failed)
    for error, count in errors.most_common(3):
        say(f"failed ({plural(count, 'run')}): {error}")
    hint = next((totals.hint for totals in failed if totals.hint), "")
    if hint:
        say(f"hint: {hint}")
    for reason in sorted(GAVE_UP):
        idle = [run.totals for run in outcome.runs if run.totals.reason == reason]
        if idle:
            causes: Counter[str] = sum((totals.causes for totals in idle), Counter())
            said = f"stopped ({plural(len(idle), 'run')}): {reason_text(reason)}"
            say(f"{said}{cause(causes)}; `give_up: null` in the preset goes on all the same")
            say(f"hint: {_help(idle) if reason == 'no_reply' else RETURNS}")
    rejected = [
        run
        for run in outcome.runs
        if run.totals.replies and run.totals.unusable == run.totals.replies
    ]
    if rejected:
        runs = plural(len(rejected), "run")
        say(f"{runs} had no usable reply at all; see: opro runs show {rejected[0].id}{where}")


def _help(idle: Sequence[RunTotals]) -> str:
    """What may help runs without a usable reply."""
    statuses = sum((totals.statuses for totals in idle), Counter[Status]())
    for status, _ in statuses.most_common():
        if status in HELP:
            return HELP[status]
    return "ask another --model"
