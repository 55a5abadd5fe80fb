"""The options of all commands, in one table. Signatures for typer are made from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opro_cli.cli.options.flag import BUDGET, MODEL, PROBLEM, RUNS, Flag

OPRO, SGD, BASELINE, SWEEP = "run-opro", "run-sgd", "run-baseline", "sweep"
COMPARE = "compare"
RESUME, REPORT, PLOT, REPLAY, PRESETS = "resume", "report", "plot", "replay", "presets"
EXPORT = "export"
LIST, SHOW, BEST, DIFF, REMOVE = "runs list", "runs show", "runs best", "runs diff", "runs rm"
MODELS, FETCH = "models", "models fetch"
INIT, CHECK, PRESET_SHOW, PRESET_COPY = "init", "check", "presets show", "presets copy"

STARTING = frozenset({OPRO, SGD, BASELINE, SWEEP, COMPARE})
"""The commands that start runs."""
ASKING = frozenset({OPRO, BASELINE, SWEEP, COMPARE})
"""Those whose optimizers can ask a model."""
CHECKED = ASKING | {CHECK}
SEVERAL = frozenset({SWEEP, COMPARE})
"""Those that may ask several models, and whose preset must be named."""
RUNNING = STARTING | {RESUME}
INSPECTING = frozenset({LIST, SHOW, BEST, DIFF, REMOVE})
WITH_RUNS = RUNNING | INSPECTING | {REPORT, PLOT, REPLAY, EXPORT}
ALL = WITH_RUNS | {PRESETS, MODELS, FETCH, INIT, CHECK, PRESET_SHOW, PRESET_COPY}

MODEL_FIELD = "*."
"""The beginning of a setting that belongs to each optimizer run that has such a field."""

DEFAULT_PRESETS = {OPRO: "quickstart", SGD: "exp1", BASELINE: "exp1"}
"""The presets of commands that are given none."""


def _number(
    name: str, setting: str, help_: str, commands: frozenset[str], *more: str, **shown: Any
) -> Flag:
    """A flag that sets a number of a preset."""
    metavar = "NUMBER" if name in _FRACTIONS else _METAVARS.get(name, "N")
    declarations = ("--" + name.replace("_", "-"), *more)
    return Flag(name, commands, help_, declarations, setting, metavar, **shown)


_FRACTIONS = {"temperature", "learning_rate", "tolerance"}
_METAVARS = {"max_cost": "DOLLARS", "max_time": "SECONDS"}

_PROMPTING = frozenset({OPRO, SWEEP, COMPARE})
_DESCENDING = frozenset({SGD, SWEEP})
_ONE = STARTING - SEVERAL
_RUN = "An id, its beginning, or latest (begun last)"


def _default(command: str) -> str:
    return f"A preset, or its file [default: {DEFAULT_PRESETS[command]}]"


FLAGS: tuple[Flag, ...] = (
    # What to run.
    *(Flag("named", frozenset({command}), _default(command), metavar="PRESET", panel=PROBLEM,
           complete="presets") for command in DEFAULT_PRESETS),
    Flag("preset", SEVERAL, "A preset, or its file; `opro presets` lists them",
         metavar="PRESET", default=..., panel=PROBLEM, complete="presets"),
    Flag("preset", _ONE, "The same as PRESET", ("--preset", "-p"), metavar="NAME|FILE",
         panel=PROBLEM, complete="presets", rare=ALL),
    Flag("optimizer", frozenset({BASELINE}), "An optimizer, such as cma-es; repeatable",
         ("--optimizer", "-O"), metavar="NAME", repeatable=True, panel=PROBLEM,
         complete="optimizers"),
    Flag("optimizer", frozenset({COMPARE}), "An optimizer [default: opro]; repeatable",
         ("--optimizer", "-O"), metavar="NAME", repeatable=True, panel=PROBLEM,
         complete="optimizers"),
    Flag("target", STARTING, "This target only, as in w=15,b=14; repeatable", ("--target",),
         metavar="NAME=VALUE,…", repeatable=True, panel=PROBLEM),
    Flag("w_true", _ONE, "Target w of a line, with --b-true", ("--w-true",), metavar="NUMBER",
         panel=PROBLEM, rare=ALL),
    Flag("b_true", _ONE, "Target b of a line, with --w-true", ("--b-true",), metavar="NUMBER",
         panel=PROBLEM, rare=ALL),
    _number("reps", "reps", "Repetitions of every target", STARTING, panel=PROBLEM),
    _number("seed", "seed", "Seed of everything except the data", STARTING, panel=PROBLEM,
            rare=STARTING),
    _number("num_points", "problem.num_points", "Data points of a line", STARTING, panel=PROBLEM,
            rare=ALL),
    Flag("objective", CHECKED, "Your own function, for a custom problem", ("--objective",),
         "problem.objective", "FILE.py:NAME", text=True, kind="custom", panel=PROBLEM),
    Flag("executor", CHECKED, "A cluster that computes a custom objective", ("--executor",),
         "problem.executor", "dask://HOST:PORT|FILE.py:NAME", text=True, kind="custom",
         panel=PROBLEM, rare=ALL),
    Flag("cities", STARTING | {CHECK}, "Tours: file of your own cities (TSPLIB, CSV, JSON)",
         ("--cities",), "problem.cities", "FILE", text=True, kind="tsp", panel=PROBLEM,
         rare=STARTING),
    Flag("data", CHECKED, "Instructions: file of examples (JSON, CSV, TSV)", ("--data",),
         "problem.data", "FILE", text=True, kind="instructions", panel=PROBLEM),
    Flag("question", CHECKED, "Instructions: column of the question, or a template of columns",
         ("--question",), "problem.question", "COLUMN", text=True, kind="instructions",
         panel=PROBLEM, rare=ALL),
    Flag("answer", CHECKED, "Instructions: column of the right answer", ("--answer",),
         "problem.answer", "COLUMN", text=True, kind="instructions", panel=PROBLEM, rare=ALL),
    Flag("metric", CHECKED, "Instructions: exact, label, choice, number, contains, regex, json "
         "or a function", ("--metric",), "problem.metric", "NAME|FILE.py:NAME", text=True,
         kind="instructions", panel=PROBLEM, complete="metrics", rare=ALL),
    Flag("settings", STARTING | {CHECK}, "Set any value, as in opro.temperature=1.3", ("--set",),
         metavar="KEY=VALUE",
         repeatable=True, panel=PROBLEM),
    Flag("shard", frozenset({SWEEP}), "This share of the runs, as in 3/16", ("--shard",),
         metavar="N/COUNT", panel=PROBLEM, rare=ALL),
    # The model.
    Flag("model", CHECKED - SEVERAL - {CHECK}, "One of `opro models` [env: MODEL_NAME]",
         ("--model", "-m"), MODEL_FIELD + "model", "MODEL", text=True, panel=MODEL,
         complete="models"),
    Flag("model", SEVERAL | {CHECK}, "One of `opro models`; repeatable",
         ("--model", "-m"), MODEL_FIELD + "model", "MODEL", repeatable=True, text=True,
         panel=MODEL, complete="models"),
    Flag("base_url", ASKING, "Server of an openai: model [env: OPENAI_BASE_URL]",
         ("--base-url",), MODEL_FIELD + "base_url", "URL", text=True, panel=MODEL, rare=ALL),
    Flag("strict_model", ASKING, "Fail if a model other than the requested one answers",
         ("--strict-model",), MODEL_FIELD + "strict_model", type=bool, panel=MODEL, rare=ALL),
    Flag("scorer", CHECKED, "Instructions: model that answers the examples", ("--scorer",),
         "problem.scorer.model", "MODEL", text=True, kind="instructions", panel=MODEL,
         complete="models", rare=STARTING),
    _number("temperature", MODEL_FIELD + "temperature", "Sampling temperature, from 0 to 2",
            ASKING, panel=MODEL, rare=frozenset({COMPARE})),
    Flag("strategy", _PROMPTING, "How to ask the model: paper or adaptive", ("--strategy",),
         "opro.strategy", "NAME", text=True, panel=MODEL, complete="strategies"),
    _number("max_num_pairs", "opro.max_num_pairs", "Pairs shown to the model, at most", _PROMPTING,
            panel=MODEL, rare=STARTING),
    _number("points_per_step", "opro.points_per_step", "Proposals that a step asks for",
            _PROMPTING, panel=MODEL, rare=frozenset({COMPARE})),
    _number("proposals_per_call", "opro.proposals_per_call", "Different proposals in one reply",
            _PROMPTING, panel=MODEL, rare=ALL),
    _number("concurrency", "limits.concurrency", "Calls at the same time", ASKING, panel=MODEL,
            rare=ALL),
    _number("requests_per_minute", "limits.requests_per_minute", "Calls a minute, at most", ASKING,
            panel=MODEL, rare=ALL),
    _number("tokens_per_minute", "limits.tokens_per_minute", "Tokens a minute, at most", ASKING,
            panel=MODEL, rare=ALL),
    # Limits and caps.
    _number("max_steps", "max_steps", "Steps of a run, at most", ASKING, panel=BUDGET),
    _number("max_evaluations", "max_evaluations", "Evaluations of a run, starting points included",
            ASKING, panel=BUDGET),
    _number("patience", "patience", "Steps without a better value, at most", ASKING, panel=BUDGET,
            rare=STARTING),
    _number("learning_rate", "sgd.learning_rate", "Gradient descent: step size", _DESCENDING,
            panel=BUDGET, rare=frozenset({SWEEP})),
    _number("tolerance", "sgd.tolerance", "Gradient descent: gap to the loss of the target",
            _DESCENDING, panel=BUDGET, rare=frozenset({SWEEP})),
    _number("batch_size", "sgd.batch_size", "Data points in a gradient", frozenset({SGD}),
            panel=BUDGET),
    _number("max_iterations", "sgd.max_iterations", "Iterations, at most", frozenset({SGD}),
            "--max-steps", panel=BUDGET),
    _number("max_cost", "budget.max_cost", "Spend no more than this", ASKING | {RESUME},
            panel=BUDGET),
    _number("max_calls", "budget.max_calls", "Make no more model calls than this",
            ASKING | {RESUME}, panel=BUDGET, rare=STARTING),
    _number("max_tokens", "budget.max_tokens", "Use no more tokens than this", ASKING | {RESUME},
            panel=BUDGET, rare=STARTING),
    _number("max_time", "budget.max_time", "Start no new step after this time", RUNNING,
            panel=BUDGET),
    # Stored runs.
    Flag("runs", frozenset({RESUME}), "Ids, their beginnings, or latest", metavar="RUN…",
         repeatable=True, panel=RUNS, complete="runs"),
    Flag("runs", frozenset({REPORT, PLOT, LIST, EXPORT}),
         "Ids, their beginnings, latest, or directories", metavar="RUN…", repeatable=True,
         panel=RUNS, complete="runs"),
    Flag("runs", frozenset({REMOVE}), "Ids, or their beginnings", metavar="RUN…",
         repeatable=True, panel=RUNS, complete="runs"),
    Flag("paths", frozenset({REPLAY}), "Runs (or their ids), recordings, directories",
         metavar="PATH…", type=Path, default=..., repeatable=True, panel=RUNS, complete="runs"),
    Flag("run", frozenset({SHOW, BEST}), _RUN + " [default: the latest run of a model]",
         metavar="RUN", panel=RUNS, complete="runs"),
    Flag("a", frozenset({DIFF}), _RUN, metavar="A", default=..., panel=RUNS, complete="runs"),
    Flag("b", frozenset({DIFF}), "The other", metavar="B", default=..., panel=RUNS,
         complete="runs"),
    Flag("preset", frozenset({REPORT, PLOT, LIST, REMOVE, EXPORT}),
         "Runs of this preset only; repeatable", ("--preset", "-p"), metavar="NAME|FILE",
         repeatable=True, panel=RUNS, complete="presets"),
    Flag("optimizer", frozenset({LIST, REMOVE}), "Runs of this optimizer only; repeatable",
         ("--optimizer", "-O"), metavar="NAME", repeatable=True, panel=RUNS,
         complete="optimizers"),
    Flag("model", frozenset({LIST, REMOVE}), "Runs of this model only; repeatable",
         ("--model", "-m"), metavar="MODEL", repeatable=True, panel=RUNS, complete="models"),
    Flag("state", frozenset({LIST, REMOVE}), "Such as failed or running; repeatable", ("--state",
         "--status"), metavar="STATE", repeatable=True,
         panel=RUNS, complete="states"),
    Flag("limit", frozenset({LIST}), "Number of runs to list; 0 for all", ("--limit", "-n"),
         metavar="N", type=int, default=50, least=0, panel=RUNS),
    Flag("step", frozenset({SHOW}), "This step only: meta-prompt, replies and how each was used",
         ("--step",), metavar="N", type=int, panel=RUNS),
    Flag("baseline", frozenset({REPORT}), "Compare with this one, repetition by repetition",
         ("--baseline",), metavar="NAME", panel=RUNS, complete="optimizers"),
    Flag("side_by_side", frozenset({REPORT}), "Only the paired table of `opro compare`",
         ("--compare",), type=bool, default=False, panel=RUNS),
    Flag("model_only", frozenset({REPORT}), "Leave out points of random search",
         ("--model-only",), type=bool, default=False, panel=RUNS),
    Flag("target", frozenset({PLOT}), "Runs on this target only, as in w=15,b=14; repeatable",
         ("--target",), metavar="NAME=VALUE,…", repeatable=True, panel=RUNS),
    Flag("save", frozenset({REPLAY}), "Keep the results in the runs directory", ("--save",),
         type=bool, default=False),
    # Models.
    Flag("name", frozenset({FETCH}), "A name that `opro models` lists, or hf.co/USER/REPO:Q4_K_M",
         metavar="NAME", default=..., panel=MODEL, complete="fetchable"),
    Flag("file", frozenset({FETCH}), "Take this file, which must be the known one, instead of "
         "downloading it", ("--from",), metavar="FILE", type=Path, panel=MODEL),
    # Presets.
    Flag("source", frozenset({INIT}), "A function, of which a preset is written; it is not run",
         metavar="FILE.py:NAME", panel=PROBLEM),
    Flag("prompt", frozenset({INIT}), "Instead, a data file: a preset for an instruction",
         ("--prompt",), metavar="FILE", panel=PROBLEM),
    Flag("question", frozenset({INIT}), "With --prompt: column of the question, or a template",
         ("--question",), metavar="COLUMN", panel=PROBLEM),
    Flag("answer", frozenset({INIT}), "With --prompt: column of the right answer", ("--answer",),
         metavar="COLUMN", panel=PROBLEM),
    Flag("output", frozenset({INIT}), "The preset to write [default: after the source; - for "
         "stdout]", ("--output", "-o"), metavar="FILE", type=Path),
    Flag("force", frozenset({INIT}), "Replace a file that is there already", ("--force",),
         type=bool, default=False),
    Flag("preset", frozenset({CHECK, PRESET_SHOW, PRESET_COPY}), "A preset, or its file",
         metavar="PRESET", default=..., panel=PROBLEM, complete="presets"),
    Flag("to", frozenset({PRESET_COPY}), "File or folder to copy it to [default: here]",
         metavar="FILE", type=Path),
    Flag("execute", frozenset({CHECK}), "Run code of yours too: call the objective or the metric "
         "once", ("--run",), type=bool, default=False),
    # What to print.
    Flag("dry_run", STARTING, "Say what would run and its cost; start nothing",
         ("--dry-run",), type=bool, default=False),
    Flag("print_config", STARTING, "Show every value and where it comes from; start nothing",
         ("--print-config",), type=bool, default=False, rare=ALL),
    Flag("fresh", STARTING, "Start new runs, also where the same ones exist", ("--fresh",),
         type=bool, default=False),
    Flag("yes", frozenset({REMOVE}), "Remove without asking", ("--yes", "-y"), type=bool,
         default=False),
    Flag("form", frozenset({REPORT}), "table, markdown, latex, csv, json or html",
         ("--format", "-f"), metavar="FORMAT", complete="formats"),
    Flag("form", frozenset({COMPARE}), "table, markdown, latex, csv, json or html",
         ("--format", "-f"), metavar="FORMAT", complete="formats"),
    Flag("wide", frozenset({REPORT}), "All columns and all tables, however wide", ("--wide", "-w"),
         type=bool, default=False),
    Flag("replies", frozenset({REPORT}), "In a page: none, best (run of each row) or all",
         ("--replies",), metavar="CHOICE"),
    Flag("kind", frozenset({PLOT}), "Such as curves [default: by the problem]", ("--kind", "-k"),
         metavar="KIND", complete="kinds"),
    Flag("axis", frozenset({PLOT}), "evaluations, calls, cost or seconds", ("--axis", "-x"),
         metavar="NAME", complete="axes"),
    Flag("width", frozenset({PLOT}), "Millimetres of a file's figure [default: 89]",
         ("--width",), metavar="MM", type=float),
    Flag("ascii", frozenset({PLOT}), "Only ASCII characters", ("--ascii",), type=bool,
         default=False),
    Flag("output", frozenset({PLOT}), "Write to a file: .svg .png .pdf .csv .json",
         ("--output", "-o"), metavar="FILE", type=Path),
    Flag("curves", frozenset({REPORT}), "In CSV: every change of the best value of each run",
         ("--curves",), type=bool, default=False),
    Flag("to", frozenset({EXPORT}), "otlp, mlflow or ro-crate", ("--to",), metavar="TARGET",
         default=..., complete="targets"),
    Flag("output", frozenset({EXPORT}), "The file of otlp, or the directory of ro-crate",
         ("--output", "-o"), metavar="PATH", type=Path),
    Flag("endpoint", frozenset({EXPORT}), "The server, for otlp or mlflow", ("--endpoint",),
         metavar="URL"),
    Flag("no_texts", frozenset({EXPORT}), "Leave out prompts, replies and what was found",
         ("--no-texts",), type=bool, default=False),
    Flag("output", frozenset({REPORT, COMPARE}), "Write to a file", ("--output", "-o"),
         metavar="FILE", type=Path, rare=frozenset({COMPARE})),
    Flag("runs_dir", WITH_RUNS, "Where runs are kept [env: OPRO_RUNS_DIR]",
         ("--runs-dir",), metavar="DIR", type=Path),
    Flag("display", RUNNING, "Progress: auto, rich, plain, json or none",
         ("--display",), metavar="KIND", complete="displays", rare=STARTING),
    Flag("json", ALL - {REPORT}, "JSON on stdout, one object a line", ("--json",), type=bool,
         default=False, rare=STARTING),
    Flag("debug", ALL, "Show a traceback with an error", ("--debug",), type=bool, default=False,
         rare=ALL),
)  # fmt: skip
"""In the order of the help, within each group."""


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
    return inspect.Signature([flag.parameter(command) for flag in flags_of(command)])
