"""``opro runs``: its commands and their options. No logic here."""

from __future__ import annotations

from typing import Annotated

import typer

from opro_cli import options
from opro_cli.guard import command

runs_app = typer.Typer(
    help="Look at runs: list them, show one, compare two.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@command(runs_app, "list")
def runs_list(
    preset: Annotated[
        list[str] | None, typer.Option("--preset", "-p", help="Runs of this preset only.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="converged, stopped, failed, unfinished or running."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Runs shown; 0 for all.")] = 50,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    """The runs, newest first."""
    from opro_cli import browse

    return browse.listing(preset or [], state or [], limit, runs_dir, json)


@command(runs_app, "show")
def runs_show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id, its beginning, or latest.")],
    step: Annotated[
        int | None, typer.Option("--step", help="This step: meta-prompt, replies, what became.")
    ] = None,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    """One run: its settings and where each comes from, its steps, or one of them whole."""
    from opro_cli import browse

    return browse.show(run, step, runs_dir, json)


@command(runs_app, "diff")
def runs_diff(
    a: Annotated[str, typer.Argument(metavar="A", help="An id, its beginning, or latest.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other.")],
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    """Only what differs between two runs: settings, versions, result."""
    from opro_cli import browse

    return browse.diff(a, b, runs_dir, json)
