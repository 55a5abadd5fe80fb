"""``opro plot``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.cli.options.overrides import read_target
from opro_cli.cli.report import write_file
from opro_cli.cli.runs.listing import chosen_runs
from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean, plural
from opro_cli.presets.environment import Environment
from opro_cli.report.figures.comparisons import AXES, Axis
from opro_cli.report.figures.drawing import terminal
from opro_cli.report.figures.export import ENDINGS, to_json
from opro_cli.report.figures.figure import COLUMN_MM, PAGE, Figure, Layout, paper
from opro_cli.report.figures.kinds import KINDS, default_kind
from opro_cli.report.groups import by_problem, is_now, target_name
from opro_cli.report.rows import Row
from opro_cli.report.summary import Summary, summarize
from opro_cli.runs.resume import last_command
from opro_cli.runs.store import RunStore, StoredRun, runs_directory

WIDTHS = (20.0, 500.0)
"""Millimetres of a figure."""

NO_TERMINAL = 80

MOST_IDS = 6
"""Runs that are named in a command to be typed."""

TOGETHER = ("curves", "ecdf")
"""Kinds of figure that hold all targets of a problem."""


def plot(options: Options) -> int:
    """Show or write a figure; exit code 1 where a run is damaged."""
    output: Path | None = options["output"]
    axis = _axis(options["axis"])
    kind: str | None = options["kind"]
    if kind is not None:
        KINDS.check(kind, "--kind")
    ending = output.suffix.lower() if output else ""
    if output and ending not in ENDINGS:
        raise UsageError(
            f"--output {output}: there is no form for {ending or 'a name without an ending'}.",
            f"give it an ending of {', '.join(ENDINGS)}",
        )
    width_mm = _width(options["width"])
    summary = _summary(options)
    if output and not options.several("runs"):
        summary = _one_version(summary)
    chosen = kind or default_kind(summary, lines=output is None and not options["json"])
    layout = paper(width_mm) if output else PAGE
    figures = _figures(chosen, summary, axis, layout)
    if options["json"]:
        print_out(b"".join(to_json(figure) for figure in figures).decode())
    elif output is None:
        _show(figures, chosen, plain=bool(options["ascii"]))
    if output is not None:
        write_file(output, ENDINGS[ending](_only(figures), width_mm))
    if chosen in TOGETHER and not options.several("target"):
        _say_targets(summary)
    for note in dict.fromkeys(note for figure in figures for note in figure.notes):
        say(note)
    for error in summary.damaged:
        say(f"error: {error.message}")
    return 1 if summary.damaged else 0


def _summary(options: Options) -> Summary:
    """The runs that were asked for: the given ones, those of presets, else the last command's."""
    store = RunStore(runs_directory(options["runs_dir"], Environment()))
    if options.several("runs") or options.several("preset"):
        runs, damaged = chosen_runs(store, options)
    else:
        runs, damaged = last_command(store), []
        _say_others(store, runs)
    targets = [read_target(text) for text in options.several("target")]
    runs = [run for run in runs if not targets or run.about["spec"]["target"] in targets]
    if targets and not runs:
        raise UsageError(
            f"--target {options.several('target')[0]}: no run has this target.",
            "`opro runs list` shows the targets of all runs",
        )
    if not runs and not damaged:
        raise UsageError(
            f"There are no runs in {store.root} to draw.", "opro run-opro --preset quickstart"
        )
    summary = summarize(runs, damaged, histories=True)
    if not summary.rows:
        raise damaged[0] if damaged else summary.damaged[0]
    return summary


def _say_others(store: RunStore, runs: list[StoredRun]) -> None:
    """Say how the other runs of the same presets can be drawn beside these."""
    presets = {str(run.about["spec"]["preset"]) for run in runs}
    ids = {run.id for run in runs}
    more = sum(
        str(run.about["spec"]["preset"]) in presets and run.id not in ids for run in store.all()[0]
    )
    if more:
        names = " ".join(f"--preset {name}" for name in sorted(presets))
        say(f"hint: {plural(more, 'more run')} of earlier commands: opro plot {names}")


def _one_version(summary: Summary) -> Summary:
    """The runs of each preset on its problem as it is now, else as it was last; and says so."""
    presets: dict[str, list[list[Row]]] = {}
    for group in by_problem(summary.rows):
        presets.setdefault(group[0].preset, []).append(group)
    kept: list[Row] = []
    for groups in presets.values():
        newest = max(groups, key=lambda rows: (is_now(rows[0]), _begun(rows)))
        kept += newest
        if newest[0].apart:
            say(f"drawn: {newest[0].preset} with {newest[0].apart}")
        for other in groups:
            if other is not newest:
                ids = [run.id for row in other for run in row.runs]
                more = " …" if len(ids) > MOST_IDS else ""
                said = f"not drawn: {plural(len(ids), 'run')} with {other[0].apart}"
                say(f"{said}; to choose them: opro plot {' '.join(ids[:MOST_IDS])}{more}", 1000)
    if len(kept) == len(summary.rows):
        return summary
    runs = [summary.stored[run.id] for row in kept for run in row.runs]
    return summarize(runs, summary.damaged, histories=True)


def _begun(rows: Sequence[Row]) -> str:
    return max(run.created for row in rows for run in row.runs)


def _say_targets(summary: Summary) -> None:
    """Say that one figure holds several targets, and how to draw one of them."""
    for rows in by_problem(summary.rows):
        targets = list({target_name(row): row.target for row in rows if row.target}.items())
        if len(targets) > 1:
            words = ",".join(f"{name}={value}" for name, value in targets[0][1].items())
            say(
                f"hint: {clean(rows[0].preset, 40)} is drawn over {len(targets)} targets together; "
                f"one alone: --target {words}"
            )


def _figures(kind: str, summary: Summary, axis: Axis, layout: Layout) -> list[Figure]:
    figures = KINDS[kind](summary, axis, layout)
    if figures:
        return figures
    if kind == "landscape" and any(row.finished for row in summary.rows):
        raise UsageError(
            "A landscape needs a problem of two numbers, and these runs have another.",
            f"kinds: {', '.join(KINDS)}",
        )
    states = sorted({run.totals.state for row in summary.rows for run in row.runs})
    what = f" by {axis}" if kind in ("curves", "ecdf") else ""
    raise UsageError(
        f"These runs have nothing to draw as {kind}{what} (their states: {', '.join(states)}).",
        f"kinds: {', '.join(KINDS)}; only finished runs have curves",
    )


def _show(figures: list[Figure], kind: str, *, plain: bool) -> None:
    """Figures of lines as text."""
    columns = width()
    shown = [figure for figure in figures if figure.chart is not None]
    if not shown:
        raise UsageError(
            f"A terminal cannot show the kind {kind}.", f"opro plot --kind {kind} -o figure.svg"
        )
    for figure in shown:
        assert figure.chart is not None  # noqa: S101  # see above
        text = terminal.draw(
            figure.chart,
            min(columns or NO_TERMINAL, 120),
            ascii_only=plain or not _encodes(),
            colour=columns is not None,
        )
        print_out(text + "\n")


def _encodes() -> bool:
    """Whether standard output can hold braille."""
    try:
        "⣿".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _only(figures: list[Figure]) -> Figure:
    if len(figures) > 1:
        titles = "; ".join(figure.title for figure in figures[:5])
        raise UsageError(
            f"A file holds one figure, and these runs make {len(figures)}: {titles}.",
            "choose runs by RUN, --preset or --target",
        )
    return figures[0]


def _axis(given: str | None) -> Axis:
    for axis in AXES:
        if given in (None, axis):
            return axis
    if given == "time":
        raise UsageError("--axis time: no such axis.", "did you mean --axis seconds?")
    raise UsageError(f"--axis {given}: no such axis.", f"axes: {', '.join(AXES)}")


def _width(given: float | None) -> float:
    low, high = WIDTHS
    width_mm = COLUMN_MM if given is None else given
    if not low <= width_mm <= high:
        raise UsageError(
            f"--width {width_mm:g}: millimetres from {low:g} to {high:g} are wanted.",
            "89 for a column, 183 for a page",
        )
    return width_mm
