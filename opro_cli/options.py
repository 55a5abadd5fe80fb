"""The options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PRESETS_OWN = " [default: the preset's]"
"""Where the value of an option comes from that is not given."""


def directory(text: str) -> Path:
    """The directory that an option names. Raises typer.BadParameter where it names none."""
    if not text.strip() or "\0" in text:
        raise typer.BadParameter("this names no directory; leave the option out for ./runs.")
    return Path(text)


PresetName = Annotated[
    str, typer.Option("--preset", "-p", metavar="NAME|PATH", help="A preset; see `opro presets`.")
]
PresetFile = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="A preset; see `opro presets`.")
]
PresetNames = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|PATH",
        help="Runs of this preset only; repeatable [default: all].",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any value, as in opro.temperature=1.3, or an axis of a sweep, as in "
        "sweep.opro.temperature=[1.0,1.5]; repeatable.",
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME=VALUE,…",
        help="Run this target only, as in w=15,b=14; repeatable" + PRESETS_OWN + ".",
    ),
]
WTrue = Annotated[
    str | None,
    typer.Option("--w-true", metavar="NUMBER", help="Target w, with --b-true" + PRESETS_OWN + "."),
]
BTrue = Annotated[
    str | None,
    typer.Option("--b-true", metavar="NUMBER", help="Target b, with --w-true" + PRESETS_OWN + "."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="auto, local, local:PATH.gguf, gemini-…, vertex:…, openai:… [env: MODEL_NAME]"
        + PRESETS_OWN
        + ".",
    ),
]
Temperature = Annotated[
    str | None,
    typer.Option(
        "--temperature",
        metavar="NUMBER",
        help="Sampling temperature, from 0 to 2" + PRESETS_OWN + ".",
    ),
]
MaxNumPairs = Annotated[
    str | None,
    typer.Option(
        "--max-num-pairs", metavar="N", help="Pairs shown to the model, at most" + PRESETS_OWN + "."
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        help="How to ask and react: paper or adaptive" + PRESETS_OWN + ".",
    ),
]
PointsPerStep = Annotated[
    str | None,
    typer.Option(
        "--points-per-step", metavar="N", help="Proposals asked for in a step" + PRESETS_OWN + "."
    ),
]
NumPoints = Annotated[
    str | None, typer.Option("--num-points", metavar="N", help="Data points" + PRESETS_OWN + ".")
]
Objective = Annotated[
    str | None,
    typer.Option("--objective", metavar="FILE.py:NAME", help="Objective of a custom problem."),
]
MaxSteps = Annotated[
    str | None,
    typer.Option("--max-steps", metavar="N", help="Steps of a run, at most" + PRESETS_OWN + "."),
]
Patience = Annotated[
    str | None,
    typer.Option(
        "--patience", metavar="N", help="Steps without a better value, at most" + PRESETS_OWN + "."
    ),
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
    str | None,
    typer.Option("--reps", metavar="N", help="Repetitions of every target" + PRESETS_OWN + "."),
]
Seed = Annotated[
    str | None,
    typer.Option("--seed", metavar="N", help="Seed of everything but the data" + PRESETS_OWN + "."),
]
MaxIterations = Annotated[
    str | None,
    typer.Option(
        "--max-iterations",
        "--max-steps",
        metavar="N",
        help="Iterations, at most" + PRESETS_OWN + ".",
    ),
]
LearningRate = Annotated[
    str | None,
    typer.Option(
        "--learning-rate", metavar="NUMBER", help="Gradient descent: step size" + PRESETS_OWN + "."
    ),
]
Tolerance = Annotated[
    str | None,
    typer.Option(
        "--tolerance",
        metavar="NUMBER",
        help="Gradient descent: how near the loss of the target is solved" + PRESETS_OWN + ".",
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size",
        metavar="N",
        help="Gradient descent: data points in a gradient" + PRESETS_OWN + ".",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="Server of an openai: model [env: OPENAI_BASE_URL]" + PRESETS_OWN + ".",
    ),
]
StrictModel = Annotated[
    bool | None,
    typer.Option(
        "--strict-model",
        help="Fail where another model answers than the one asked for" + PRESETS_OWN + ".",
    ),
]
ProposalsPerCall = Annotated[
    str | None,
    typer.Option(
        "--proposals-per-call",
        metavar="N",
        help="Distinct proposals in one reply" + PRESETS_OWN + ".",
    ),
]
Concurrency = Annotated[
    str | None,
    typer.Option("--concurrency", metavar="N", help="Calls in flight at once" + PRESETS_OWN + "."),
]
RequestsPerMinute = Annotated[
    str | None,
    typer.Option(
        "--requests-per-minute",
        metavar="N",
        help="Calls begun in a minute, at most" + PRESETS_OWN + ".",
    ),
]
TokensPerMinute = Annotated[
    str | None,
    typer.Option(
        "--tokens-per-minute", metavar="N", help="Tokens in a minute, at most" + PRESETS_OWN + "."
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        "--max-cost", metavar="DOLLARS", help="Spend no more than this" + PRESETS_OWN + "."
    ),
]
MaxCalls = Annotated[
    str | None,
    typer.Option(
        "--max-calls", metavar="N", help="Make no more model calls than this" + PRESETS_OWN + "."
    ),
]
MaxTokens = Annotated[
    str | None,
    typer.Option(
        "--max-tokens", metavar="N", help="Use no more tokens than this" + PRESETS_OWN + "."
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time", metavar="SECONDS", help="Begin nothing after this long" + PRESETS_OWN + "."
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Start anew, whatever was made or begun before.")
]
RunIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN…]", help="Ids, their beginnings, or latest."),
]
RunsDir = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir",
        metavar="DIR",
        parser=directory,
        help="Where runs are kept [env: OPRO_RUNS_DIR] [default: runs].",
    ),
]
DisplayKind = Annotated[
    str,
    typer.Option("--display", metavar="KIND", help="Progress: auto, rich, plain, json or none."),
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON on stdout, one object a line, and nothing else there.")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show the runs and the number of model calls; start nothing."),
]
PrintConfig = Annotated[
    bool,
    typer.Option("--print-config", help="Show every value and where it comes from; start nothing."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]
