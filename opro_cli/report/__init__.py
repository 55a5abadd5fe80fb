"""Runs → summary → one file a format."""

from __future__ import annotations

import difflib

from opro_cli import optimizers
from opro_cli.errors import UsageError
from opro_cli.report.summary import Summary, summarize

__all__ = ["FORMATS", "Summary", "check_baseline", "check_format", "render", "summarize"]

FORMATS = ("table", "markdown", "csv", "json")


def check_format(form: str) -> None:
    """Raises UsageError for anything but one of ``FORMATS``."""
    if form not in FORMATS:
        raise UsageError(f"--format {form}: no such format.", "formats: " + ", ".join(FORMATS))


def check_baseline(name: str | None) -> None:
    """Raises UsageError for a name that no optimizer has."""
    if name is None or name in optimizers.NAMES:
        return
    near = difflib.get_close_matches(name, optimizers.NAMES, n=3, cutoff=0.4)
    raise UsageError(
        f"--baseline {name}: there is no such optimizer.",
        f"did you mean {' or '.join(near)}?" if near else "see " + ", ".join(optimizers.NAMES),
    )


def render(summary: Summary, form: str, width: int | None = None, *, brief: bool = False) -> str:
    """A summary in one of ``FORMATS``; of a table, ``brief`` is the first part.

    Raises UsageError for any other format.
    """
    check_format(form)
    if form == "table":
        from opro_cli.report import plain

        return plain.render(summary, width, brief=brief)
    if form == "markdown":
        from opro_cli.report import markdown

        return markdown.render(summary)
    from opro_cli.report import data

    return data.render_csv(summary) if form == "csv" else data.render_json(summary)
