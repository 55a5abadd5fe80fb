"""The options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PresetName = Annotated[
    str, typer.Option("--preset", "-p", metavar="NAME|PATH", help="A preset; see `opro presets`.")
]
PresetFile = Annotated[str, typer.Argument(metavar="PRESET", help="A preset's file or name.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any value, as in opro.temperature=1.3."),
]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME=VALUE,…", help="Run this target only; repeatable."),
]
WTrue = Annotated[
    str | None, typer.Option("--w-true", metavar="NUMBER", help="Target w, with --b-true.")
]
BTrue = Annotated[
    str | None, typer.Option("--b-true", metavar="NUMBER", help="Target b, with --w-true.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", help="auto, local, local:PATH.gguf, gemini-…"),
]
Temperature = Annotated[
    str | None, typer.Option("--temperature", metavar="NUMBER", help="Sampling temperature.")
]
MaxNumPairs = Annotated[
    str | None, typer.Option("--max-num-pairs", metavar="N", help="Pairs shown to the model.")
]
PointsPerStep = Annotated[
    str | None, typer.Option("--points-per-step", metavar="N", help="Proposals asked a step.")
]
NumPoints = Annotated[str | None, typer.Option("--num-points", metavar="N", help="Data points.")]
MaxSteps = Annotated[
    str | None, typer.Option("--max-steps", metavar="N", help="Steps a run, at most.")
]
Patience = Annotated[
    str | None,
    typer.Option("--patience", metavar="N", help="Steps without a better value, at most."),
]
MaxEvaluations = Annotated[
    str | None,
    typer.Option("--max-evaluations", metavar="N", help="Evaluations a run, starts included."),
]
Optimizer = Annotated[
    list[str],
    typer.Option("--optimizer", "-O", metavar="NAME", help="A baseline; repeatable."),
]
Reps = Annotated[
    str | None, typer.Option("--reps", metavar="N", help="Repetitions of every target.")
]
Seed = Annotated[
    str | None, typer.Option("--seed", metavar="N", help="Seed of everything but the data.")
]
MaxIterations = Annotated[
    str | None,
    typer.Option("--max-iterations", "--max-steps", metavar="N", help="Iterations, at most."),
]
LearningRate = Annotated[
    str | None,
    typer.Option("--learning-rate", metavar="NUMBER", help="Gradient descent: step size."),
]
Tolerance = Annotated[
    str | None,
    typer.Option("--tolerance", metavar="NUMBER", help="Gradient descent: how close is solved."),
]
BatchSize = Annotated[
    str | None,
    typer.Option("--batch-size", metavar="N", help="Gradient descent: data points a gradient."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Server of an openai: model [OPENAI_BASE_URL]."),
]
StrictModel = Annotated[
    bool | None,
    typer.Option("--strict-model", help="Fail where another model answers than the one asked for."),
]
ProposalsPerCall = Annotated[
    str | None,
    typer.Option("--proposals-per-call", metavar="N", help="Distinct proposals in one reply."),
]
Concurrency = Annotated[
    str | None, typer.Option("--concurrency", metavar="N", help="Calls in flight at once.")
]
RequestsPerMinute = Annotated[
    str | None, typer.Option("--requests-per-minute", metavar="N", help="Calls begun a minute.")
]
TokensPerMinute = Annotated[
    str | None, typer.Option("--tokens-per-minute", metavar="N", help="Tokens a minute.")
]
MaxCost = Annotated[
    str | None, typer.Option("--max-cost", metavar="DOLLARS", help="Spend no more than this.")
]
MaxCalls = Annotated[
    str | None, typer.Option("--max-calls", metavar="N", help="Make no more model calls than this.")
]
MaxTokens = Annotated[
    str | None, typer.Option("--max-tokens", metavar="N", help="Use no more tokens than this.")
]
MaxTime = Annotated[
    str | None, typer.Option("--max-time", metavar="SECONDS", help="Begin nothing after this long.")
]
RunsDir = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir",
        metavar="DIR",
        help="Where runs are kept [env: OPRO_RUNS_DIR] [default: runs].",
    ),
]
DisplayKind = Annotated[
    str,
    typer.Option("--display", metavar="KIND", help="Progress: auto, rich, plain, json or none."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout, and nothing else there.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show the runs and the number of model calls; start nothing."),
]
PrintConfig = Annotated[
    bool,
    typer.Option("--print-config", help="Show every value and where it comes from; start nothing."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]
