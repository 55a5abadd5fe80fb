"""The commands: parse, call, print, and map errors to exit codes. No logic here.

Exit codes: 0 done; 1 a run failed; 2 usage or configuration; 3 stopped by a cap or a quota;
130 interrupted.
Data goes to stdout, progress and messages to stderr.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opro_cli import options
from opro_cli.cli_runs import runs_app
from opro_cli.guard import command

app = typer.Typer(
    name="opro",
    help="Run language models as optimizers (OPRO, arXiv 2309.03409), beside fair baselines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help would double the time of `opro --help`
)


def _version(wanted: bool) -> None:
    if wanted:
        from opro_cli import __version__

        typer.echo(f"opro {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@command(app, "run-opro")
def run_opro(
    preset: options.PresetName = "quickstart",
    w_true: options.WTrue = None,
    b_true: options.BTrue = None,
    target: options.Target = None,
    model: options.Model = None,
    temperature: options.Temperature = None,
    max_num_pairs: options.MaxNumPairs = None,
    points_per_step: options.PointsPerStep = None,
    strategy: options.Strategy = None,
    num_points: options.NumPoints = None,
    objective: options.Objective = None,
    max_steps: options.MaxSteps = None,
    max_evaluations: options.MaxEvaluations = None,
    patience: options.Patience = None,
    reps: options.Reps = None,
    seed: options.Seed = None,
    base_url: options.BaseUrl = None,
    strict_model: options.StrictModel = None,
    proposals_per_call: options.ProposalsPerCall = None,
    concurrency: options.Concurrency = None,
    requests_per_minute: options.RequestsPerMinute = None,
    tokens_per_minute: options.TokensPerMinute = None,
    max_cost: options.MaxCost = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    max_time: options.MaxTime = None,
    settings: options.Set = None,
    fresh: options.Fresh = False,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = "auto",
    json: options.Json = False,
    dry_run: options.DryRun = False,
    print_config: options.PrintConfig = False,
    debug: options.Debug = False,
) -> int:
    """Let a language model optimize: every target and repetition of a preset."""
    from opro_cli import session

    return session.run(["opro"], locals())


@command(app, "run-sgd")
def run_sgd(
    preset: options.PresetName = "exp1",
    w_true: options.WTrue = None,
    b_true: options.BTrue = None,
    target: options.Target = None,
    learning_rate: options.LearningRate = None,
    tolerance: options.Tolerance = None,
    batch_size: options.BatchSize = None,
    max_iterations: options.MaxIterations = None,
    num_points: options.NumPoints = None,
    reps: options.Reps = None,
    seed: options.Seed = None,
    max_time: options.MaxTime = None,
    settings: options.Set = None,
    fresh: options.Fresh = False,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = "auto",
    json: options.Json = False,
    dry_run: options.DryRun = False,
    print_config: options.PrintConfig = False,
    debug: options.Debug = False,
) -> int:
    """Gradient descent on a preset's targets: the baseline that sees the data."""
    from opro_cli import session

    return session.run(["sgd"], locals())


@command(app, "run-baseline")
def run_baseline(
    optimizer: options.Optimizer,
    preset: options.PresetName = "exp1",
    w_true: options.WTrue = None,
    b_true: options.BTrue = None,
    target: options.Target = None,
    num_points: options.NumPoints = None,
    objective: options.Objective = None,
    max_steps: options.MaxSteps = None,
    max_evaluations: options.MaxEvaluations = None,
    patience: options.Patience = None,
    reps: options.Reps = None,
    seed: options.Seed = None,
    max_time: options.MaxTime = None,
    settings: options.Set = None,
    fresh: options.Fresh = False,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = "auto",
    json: options.Json = False,
    dry_run: options.DryRun = False,
    print_config: options.PrintConfig = False,
    debug: options.Debug = False,
) -> int:
    """Other optimizers on a preset's targets: same data, same starts, as many evaluations."""
    from opro_cli import plan, session

    return session.run(plan.baselines(optimizer), locals())


@command(app, "sweep")
def sweep(
    preset: options.PresetFile,
    target: options.Target = None,
    model: options.Model = None,
    temperature: options.Temperature = None,
    max_num_pairs: options.MaxNumPairs = None,
    points_per_step: options.PointsPerStep = None,
    strategy: options.Strategy = None,
    num_points: options.NumPoints = None,
    objective: options.Objective = None,
    max_steps: options.MaxSteps = None,
    max_evaluations: options.MaxEvaluations = None,
    patience: options.Patience = None,
    reps: options.Reps = None,
    seed: options.Seed = None,
    learning_rate: options.LearningRate = None,
    tolerance: options.Tolerance = None,
    base_url: options.BaseUrl = None,
    strict_model: options.StrictModel = None,
    proposals_per_call: options.ProposalsPerCall = None,
    concurrency: options.Concurrency = None,
    requests_per_minute: options.RequestsPerMinute = None,
    tokens_per_minute: options.TokensPerMinute = None,
    max_cost: options.MaxCost = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    max_time: options.MaxTime = None,
    settings: options.Set = None,
    fresh: options.Fresh = False,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = "auto",
    json: options.Json = False,
    dry_run: options.DryRun = False,
    print_config: options.PrintConfig = False,
    debug: options.Debug = False,
) -> int:
    """Everything in a preset: OPRO and the baselines, on every cell of its grid."""
    from opro_cli import session

    return session.run(None, locals())


@command(app, "resume")
def resume(
    runs: options.RunIds = None,
    max_cost: options.MaxCost = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    max_time: options.MaxTime = None,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = "auto",
    json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    """Go on with unfinished runs: those named, or what the last command left."""
    from opro_cli import session

    return session.resume(runs or [], locals())


@command(app, "report")
def report(
    runs: options.RunIds = None,
    preset: options.PresetNames = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="table, markdown, csv or json.")
    ] = "table",
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", help="Compare with this optimizer, in pairs."),
    ] = None,
    model_only: Annotated[
        bool,
        typer.Option("--model-only", help="Leave out points that code has drawn for a model."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file [default: stdout]."),
    ] = None,
    runs_dir: options.RunsDir = None,
    debug: options.Debug = False,
) -> int:
    """What is in the runs directory, in the layout of the published tables."""
    from opro_cli import session

    return session.report(runs or [], preset or [], form, output, runs_dir, baseline, model_only)


@command(app, "replay")
def replay(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Runs (or their ids), recordings, directories."),
    ],
    save: Annotated[
        bool, typer.Option("--save", help="Keep the results in the runs directory.")
    ] = False,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    """Recorded replies through today's code, checked against what was recorded."""
    from opro_cli import session

    return session.replay(paths, save, runs_dir, json)


@command(app, "presets")
def presets(json: options.Json = False, debug: options.Debug = False) -> int:
    """What there is to choose from."""
    from opro_cli import session

    return session.presets(json)


app.add_typer(runs_app, name="runs")
