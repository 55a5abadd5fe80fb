"""``opro report``."""

from __future__ import annotations

from pathlib import Path

from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import chosen_runs
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.environment import Environment
from opro_cli.report import FORMATS, needs_histories, render
from opro_cli.report.formats import check_replies
from opro_cli.report.summary import summarize
from opro_cli.report.table import Detail
from opro_cli.runs.store import RunStore, runs_directory

ENDINGS = {
    "": "table",
    ".txt": "table",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
}
"""The formats of files, by the ending of their names."""

PAGE = "html"

PAPER = "latex"
"""The format with one main table for each problem; all of them by --wide."""

DATA = ("json", "csv")
"""Formats for programs, which have no need of messages."""


def report(options: Options) -> int:
    """Print or write a report; exit code 1 where a run is damaged."""
    output, baseline = options["output"], options["baseline"]
    form = options["form"] or form_of(output)
    FORMATS.check(form, "--format")
    if baseline is not None:
        OPTIMIZERS.check(baseline, "--baseline")
    replies = check_replies(options["replies"])
    if replies is not None and form != PAGE:
        raise UsageError("--replies is for a page.", "add --format html, or leave it out")
    curves = bool(options["curves"])
    if curves and form != "csv":
        raise UsageError("--curves is for CSV.", "add --format csv, or leave it out")
    directory = runs_directory(options["runs_dir"], Environment())
    chosen, damaged = chosen_runs(RunStore(directory), options)
    if not chosen and not damaged and form not in DATA:
        say(f"There are no runs in {directory} to report on.")
        say("hint: opro run-opro --preset quickstart")
    detail: Detail = "full" if options["wide"] or (output and form != PAPER) else "main"
    summary = summarize(
        chosen,
        damaged,
        baseline,
        model_only=options["model_only"],
        side_by_side=options["side_by_side"],
        histories=needs_histories(form, detail),
    )
    text = render(
        summary, form, None if output else width(), detail=detail, replies=replies, curves=curves
    )
    for error in summary.damaged:
        say(f"error: {error.message}")
    if summary.damaged:
        say(f"hint: {summary.damaged[0].hint}")
    if output is None:
        print_out(text)
        if form == "table" and detail == "main" and summary.rows:
            say("all columns and tables: --wide, or --format markdown")
    else:
        write_file(output, text.encode())
    return 1 if summary.damaged else 0


def form_of(output: Path | None) -> str:
    """The format that the ending of a file names. Raises UsageError where it names none."""
    if output and output.is_dir():
        raise UsageError(f"--output {output} is a directory.", "add the name of a file")
    ending = output.suffix.lower() if output else ""
    if ending not in ENDINGS:
        raise UsageError(
            f"--output {output}: there is no format for {ending}.",
            f"give --format too, or an ending of {', '.join(filter(None, ENDINGS))}",
        )
    return ENDINGS[ending]


def write_file(path: Path, contents: bytes) -> None:
    """Write what --output asks for. Raises RunsError where that cannot be done."""
    try:
        path = path.expanduser()
        path.write_bytes(contents)
    except RuntimeError:
        raise RunsError(f"{path}: there is no such home directory.", "write it out") from None
    except OSError as error:
        raise RunsError(
            f"{path} cannot be written: {error.strerror}.", "choose another --output"
        ) from None
    say(f"written to {path}")
