"""The options of all commands, in one table. Signatures for typer are made from it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import typer

OPRO, SGD, BASELINE, SWEEP = "run-opro", "run-sgd", "run-baseline", "sweep"
RESUME, REPORT, REPLAY, PRESETS = "resume", "report", "replay", "presets"
LIST, SHOW, BEST, DIFF = "runs list", "runs show", "runs best", "runs diff"
MODELS, FETCH = "models", "models fetch"
INIT, CHECK, PRESET_SHOW, PRESET_COPY = "init", "check", "presets show", "presets copy"

STARTING = frozenset({OPRO, SGD, BASELINE, SWEEP})
"""The commands that start runs."""
ASKING = frozenset({OPRO, BASELINE, SWEEP})
"""Those whose optimizers can ask a model."""
CHECKED = ASKING | {CHECK}
RUNNING = STARTING | {RESUME}
INSPECTING = frozenset({LIST, SHOW, BEST, DIFF})
WITH_RUNS = RUNNING | INSPECTING | {REPORT, REPLAY}
ALL = WITH_RUNS | {PRESETS, MODELS, FETCH, INIT, CHECK, PRESET_SHOW, PRESET_COPY}

MODEL_FIELD = "*."
"""The beginning of a setting that belongs to each optimizer run that has such a field."""


@dataclass(frozen=True)
class Flag:
    """One option, or one argument.

    Args:
        name: its name among a command's options.
        commands: the commands that have it.
        help: one sentence.
        declarations: how it is typed; none for an argument.
        setting: the dotted key that it sets, or ``*.field``; empty for one that sets none.
        metavar: its value in the help.
        type: of its value. A number is a text until it is read as a preset would read it.
        default: the value if it is not given; ``...`` where it must be given.
        repeatable: whether it can be given several times.
        text: the value of the setting is a text, whatever it looks like.
        least: the least value of a number that sets nothing.
        kind: the only kind of problem that it is for; empty for any.
    """

    name: str
    commands: frozenset[str]
    help: str
    declarations: tuple[str, ...] = ()
    setting: str = ""
    metavar: str | None = None
    type: type = str
    default: Any = None
    repeatable: bool = False
    text: bool = False
    least: int | None = None
    kind: str = ""

    def parameter(self) -> inspect.Parameter:
        """The parameter of a command's function, as typer reads it."""
        declared: Any
        if self.declarations:
            parser = directory if self.name == "runs_dir" else None
            own = "" if not self.setting or "[default" in self.help else PRESETS_OWN
            declared = typer.Option(
                *self.declarations,
                metavar=self.metavar,
                help=self.help + own + ".",
                min=self.least,
                parser=parser,
            )
        else:
            declared = typer.Argument(metavar=self.metavar, help=self.help + ".")
        kind: Any = GenericAlias(list, (self.type,)) if self.repeatable else self.type
        kind = kind | None if self.default is None else kind
        annotation = Annotated[kind, declared]
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if self.default is ... else self.default,
            annotation=annotation,
        )


PRESETS_OWN = " [default: the preset's]"
"""Shown where the preset has the value of an option that is not given."""


def directory(text: str) -> Path:
    """The directory that an option names. Raises typer.BadParameter where it names none."""
    if not text.strip() or "\0" in text:
        raise typer.BadParameter("this names no directory; leave the option out for ./runs.")
    return Path(text)


def _models() -> str:
    """The names of models, as the providers declare them."""
    if len(sys.argv) <= 2:  # `opro --help`, which shows no options, need not load the providers
        return "MODEL"
    from opro_cli.core.errors import OproError
    from opro_cli.llm import model_help

    try:
        return model_help()
    except OproError:  # another provider cannot be loaded
        return "auto, local, gemini-…, openai:…"


def _number(name: str, setting: str, help_: str, commands: frozenset[str], *more: str) -> Flag:
    """A flag that sets a number of a preset."""
    metavar = "NUMBER" if name in _FRACTIONS else _METAVARS.get(name, "N")
    declarations = ("--" + name.replace("_", "-"), *more)
    return Flag(name, commands, help_, declarations, setting, metavar)


_FRACTIONS = {"temperature", "learning_rate", "tolerance"}
_METAVARS = {"max_cost": "DOLLARS", "max_time": "SECONDS"}

_PROMPTING = frozenset({OPRO, SWEEP})
_DESCENDING = frozenset({SGD, SWEEP})
_PRESET = "A preset; see `opro presets`"
_RUN = "An id, its beginning, or latest"

FLAGS: tuple[Flag, ...] = (
    # What to run.
    Flag(
        "optimizer", frozenset({BASELINE}), "An optimizer; repeatable", ("--optimizer", "-O"),
        metavar="NAME", default=..., repeatable=True,
    ),
    Flag("preset", frozenset({OPRO}), _PRESET, ("--preset", "-p"), metavar="NAME|PATH",
         default="quickstart"),
    Flag("preset", frozenset({SGD, BASELINE}), _PRESET, ("--preset", "-p"), metavar="NAME|PATH",
         default="exp1"),
    Flag("preset", frozenset({SWEEP}), _PRESET, metavar="NAME|PATH", default=...),
    Flag("w_true", STARTING - {SWEEP}, "Target w, with --b-true" + PRESETS_OWN, ("--w-true",),
         metavar="NUMBER"),
    Flag("b_true", STARTING - {SWEEP}, "Target b, with --w-true" + PRESETS_OWN, ("--b-true",),
         metavar="NUMBER"),
    Flag("target", STARTING, "Run this target only, as in w=15,b=14; repeatable" + PRESETS_OWN,
         ("--target",), metavar="NAME=VALUE,…", repeatable=True),
    # The model.
    Flag("model", CHECKED, _models() + " [env: MODEL_NAME]" + PRESETS_OWN, ("--model", "-m"),
         MODEL_FIELD + "model", "MODEL", text=True),
    _number("temperature", MODEL_FIELD + "temperature", "Sampling temperature, from 0 to 2",
            ASKING),
    # Settings of the optimizers, the problem and the run.
    _number("max_num_pairs", "opro.max_num_pairs", "Pairs shown to the model, at most", _PROMPTING),
    _number("points_per_step", "opro.points_per_step", "Proposals that a step asks for",
            _PROMPTING),
    Flag("strategy", _PROMPTING, "How to ask the model: paper or adaptive", ("--strategy",),
         "opro.strategy", "NAME", text=True),
    _number("learning_rate", "sgd.learning_rate", "Gradient descent: step size", _DESCENDING),
    _number("tolerance", "sgd.tolerance",
            "Gradient descent: how near to the loss of the target counts as solved", _DESCENDING),
    _number("batch_size", "sgd.batch_size", "Gradient descent: data points in a gradient",
            frozenset({SGD})),
    _number("max_iterations", "sgd.max_iterations", "Iterations, at most", frozenset({SGD}),
            "--max-steps"),
    _number("num_points", "problem.num_points", "Data points", STARTING),
    Flag("objective", CHECKED, "Objective of a custom problem", ("--objective",),
         "problem.objective", "FILE.py:NAME", text=True, kind="custom"),
    Flag("data", CHECKED, "Instructions: file of examples (JSON, JSON Lines, CSV or TSV)",
         ("--data",), "problem.data", "FILE", text=True, kind="instructions"),
    Flag("question", CHECKED, "Instructions: column of the question, or a template of columns",
         ("--question",), "problem.question", "COLUMN", text=True, kind="instructions"),
    Flag("answer", CHECKED, "Instructions: column of the right answer", ("--answer",),
         "problem.answer", "COLUMN", text=True, kind="instructions"),
    Flag("metric", CHECKED, "Instructions: exact, label, choice, number, contains, regex, json "
         "or a function", ("--metric",), "problem.metric", "NAME|FILE.py:NAME", text=True,
         kind="instructions"),
    Flag("scorer", CHECKED, "Instructions: model that answers the examples", ("--scorer",),
         "problem.scorer.model", "NAME", text=True, kind="instructions"),
    _number("max_steps", "max_steps", "Steps of a run, at most", ASKING),
    _number("max_evaluations", "max_evaluations",
            "Evaluations of a run, at most, starting points included", ASKING),
    _number("patience", "patience", "Steps without a better value, at most", ASKING),
    _number("reps", "reps", "Repetitions of every target", STARTING),
    _number("seed", "seed", "Seed of everything except the data", STARTING),
    Flag("base_url", ASKING, "Server of an openai: model [env: OPENAI_BASE_URL]" + PRESETS_OWN,
         ("--base-url",), MODEL_FIELD + "base_url", "URL", text=True),
    Flag("strict_model", ASKING, "Fail if a model other than the requested one answers",
         ("--strict-model",), MODEL_FIELD + "strict_model", type=bool),
    _number("proposals_per_call", "opro.proposals_per_call", "Distinct proposals in one reply",
            _PROMPTING),
    # Limits and caps.
    _number("concurrency", "limits.concurrency", "Calls at the same time", ASKING),
    _number("requests_per_minute", "limits.requests_per_minute", "Calls a minute, at most", ASKING),
    _number("tokens_per_minute", "limits.tokens_per_minute", "Tokens a minute, at most", ASKING),
    _number("max_cost", "budget.max_cost", "Spend no more than this", ASKING | {RESUME}),
    _number("max_calls", "budget.max_calls", "Make no more model calls than this",
            ASKING | {RESUME}),
    _number("max_tokens", "budget.max_tokens", "Use no more tokens than this", ASKING | {RESUME}),
    _number("max_time", "budget.max_time", "Stop starting new steps after this time", RUNNING),
    Flag("settings", STARTING | {CHECK}, "Set any value, as in opro.temperature=1.3, or swept "
         "values, as in sweep.opro.temperature=[1.0,1.5]; repeatable", ("--set",),
         metavar="KEY=VALUE", repeatable=True),
    Flag("fresh", STARTING, "Start new runs, also where the same runs exist already",
         ("--fresh",), type=bool, default=False),
    # Stored runs.
    Flag("runs", frozenset({RESUME, REPORT}), "Ids, their beginnings, or latest",
         metavar="[RUN…]", repeatable=True),
    Flag("paths", frozenset({REPLAY}), "Runs (or their ids), recordings, directories",
         metavar="PATH…", type=Path, default=..., repeatable=True),
    Flag("run", frozenset({SHOW, BEST}), _RUN, metavar="RUN", default=...),
    Flag("a", frozenset({DIFF}), _RUN, metavar="A", default=...),
    Flag("b", frozenset({DIFF}), "The other", metavar="B", default=...),
    Flag("preset", frozenset({REPORT, LIST}), "Runs of this preset only; repeatable "
         "[default: all]", ("--preset", "-p"), metavar="NAME|PATH", repeatable=True),
    Flag("state", frozenset({LIST}), "converged, stopped, failed, unfinished or running; "
         "repeatable", ("--state",), metavar="STATE", repeatable=True),
    Flag("limit", frozenset({LIST}), "Number of runs to list; 0 for all", ("--limit", "-n"),
         metavar="N", type=int, default=50, least=0),
    Flag("step", frozenset({SHOW}), "This step only: meta-prompt, replies and how each was used",
         ("--step",), metavar="N", type=int),
    # Models.
    Flag("name", frozenset({FETCH}), "A name that `opro models` lists, or hf.co/USER/REPO:Q4_K_M",
         metavar="NAME", default=...),
    Flag("file", frozenset({FETCH}), "Take this file, which must be the known one, instead of "
         "downloading it", ("--from",), metavar="FILE", type=Path),
    # Presets.
    Flag("source", frozenset({INIT}), "A function, of which a preset is written; it is not run",
         metavar="[FILE.py:NAME]"),
    Flag("prompt", frozenset({INIT}), "Instead, a data file: a preset for an instruction",
         ("--prompt",), metavar="FILE"),
    Flag("question", frozenset({INIT}), "With --prompt: column of the question, or a template",
         ("--question",), metavar="COLUMN"),
    Flag("answer", frozenset({INIT}), "With --prompt: column of the right answer", ("--answer",),
         metavar="COLUMN"),
    Flag("output", frozenset({INIT}), "The preset to write [default: after the source; - for "
         "stdout]", ("--output", "-o"), metavar="FILE", type=Path),
    Flag("force", frozenset({INIT}), "Replace a file that is there already", ("--force",),
         type=bool, default=False),
    Flag("preset", frozenset({CHECK, PRESET_SHOW, PRESET_COPY}), _PRESET, metavar="NAME|PATH",
         default=...),
    Flag("to", frozenset({PRESET_COPY}), "File or folder to copy it to [default: here]",
         metavar="[FILE]", type=Path),
    Flag("execute", frozenset({CHECK}), "Run code of yours too: call the objective or the metric "
         "once", ("--run",), type=bool, default=False),
    # What to print.
    Flag("form", frozenset({REPORT}), "table, markdown, csv or json [default: by the ending of "
         "--output, else table]", ("--format", "-f"), metavar="FORMAT"),
    Flag("wide", frozenset({REPORT}), "All columns and all tables, also those that do not fit "
         "side by side", ("--wide", "-w"), type=bool, default=False),
    Flag("baseline", frozenset({REPORT}), "Compare with this optimizer, repetition by repetition",
         ("--baseline",), metavar="NAME"),
    Flag("model_only", frozenset({REPORT}), "Leave out random-search points in runs of a model",
         ("--model-only",), type=bool, default=False),
    Flag("output", frozenset({REPORT}), "Write to a file [default: stdout]", ("--output", "-o"),
         metavar="FILE", type=Path),
    Flag("save", frozenset({REPLAY}), "Keep the results in the runs directory", ("--save",),
         type=bool, default=False),
    Flag("runs_dir", WITH_RUNS, "Where runs are kept [env: OPRO_RUNS_DIR] [default: runs]",
         ("--runs-dir",), metavar="DIR", type=Path),
    Flag("display", RUNNING, "Progress: auto, rich, plain, json or none [env: OPRO_DISPLAY] "
         "[default: auto]", ("--display",), metavar="KIND"),
    Flag("json", ALL - {REPORT}, "JSON on stdout, one object a line, and nothing else there",
         ("--json",), type=bool, default=False),
    Flag("dry_run", STARTING, "Show the runs and the number of model calls; start nothing",
         ("--dry-run",), type=bool, default=False),
    Flag("print_config", STARTING, "Show every value and where it comes from; start nothing",
         ("--print-config",), type=bool, default=False),
    Flag("debug", ALL, "Show a traceback with an error", ("--debug",), type=bool, default=False),
)  # fmt: skip
"""In the order of the help."""


@dataclass(frozen=True)
class Options:
    """The options of one command, as they were given."""

    command: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """The value of an option; None where it was not given, or the command lacks it."""
        return self.values.get(name)

    def several(self, name: str) -> list[Any]:
        """The values of a repeatable option."""
        return list(self.values.get(name) or ())

    def settings(self) -> Iterator[tuple[Flag, Any]]:
        """The options given that set a key of the preset, with their values."""
        for flag in flags_of(self.command):
            if flag.setting and self[flag.name] is not None:
                yield flag, self[flag.name]


def flags_of(command: str) -> list[Flag]:
    """The options and arguments of a command."""
    return [flag for flag in FLAGS if command in flag.commands]


def signature(command: str) -> inspect.Signature:
    """The signature of a command's function, as typer reads it."""
    return inspect.Signature([flag.parameter() for flag in flags_of(command)])
