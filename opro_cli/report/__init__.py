"""Runs → summary → one file a format."""

from __future__ import annotations

from opro_cli.errors import UsageError
from opro_cli.report.summary import Summary, summarize

__all__ = ["FORMATS", "Summary", "check_format", "render", "summarize"]

FORMATS = ("table", "markdown", "csv", "json")


def check_format(form: str) -> None:
    """Raises UsageError for anything but one of ``FORMATS``."""
    if form not in FORMATS:
        raise UsageError(f"--format {form}: no such format.", "formats: " + ", ".join(FORMATS))


def render(summary: Summary, form: str, width: int | None = None) -> str:
    """A summary in one of ``FORMATS``. Raises UsageError for any other."""
    check_format(form)
    if form == "table":
        from opro_cli.report import plain

        return plain.render(summary, width)
    if form == "markdown":
        from opro_cli.report import markdown

        return markdown.render(summary)
    from opro_cli.report import data

    return data.render_csv(summary) if form == "csv" else data.render_json(summary)
