"""Reports: runs → summary → tables → one of ``FORMATS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from opro_cli.core.registry import Registry

if TYPE_CHECKING:
    from opro_cli.report.formats import RenderOptions, Replies
    from opro_cli.report.summary import Summary
    from opro_cli.report.table import Detail

Format: TypeAlias = "Callable[[Summary, RenderOptions], str]"

FORMATS: Registry[Format] = Registry(
    "format",
    {
        "table": "opro_cli.report.formats.terminal:render",
        "markdown": "opro_cli.report.formats.markdown:render",
        "csv": "opro_cli.report.formats.data:render_csv",
        "json": "opro_cli.report.formats.data:render_json",
        "html": "opro_cli.report.formats.html:render",
        "latex": "opro_cli.report.formats.latex:render",
    },
)
"""Every format is a function that takes a summary and options, and returns the whole text."""


def needs_histories(form: str, detail: Detail = "full") -> bool:
    """Whether a format shows best values by evaluations, or figures."""
    return detail == "full" or form != "table"


def render(
    summary: Summary,
    form: str,
    width: int | None = None,
    *,
    detail: Detail = "full",
    replies: Replies | None = None,
    curves: bool = False,
) -> str:
    """Render a summary in one of ``FORMATS``.

    Args:
        summary: the rows and their notes.
        form: the name of the format.
        width: columns of the terminal, for ``table``; None where it is none.
        detail: which tables, for ``table``; the columns that do not fit are left out, unless it
            is ``full``.
        replies: whose replies a page holds, for ``html``; None for all that are not too large.
        curves: for ``csv``, the course of each run instead of the rows; the summary needs
            histories.

    Raises:
        UsageError: there is no such format.
    """
    from opro_cli.report.formats import RenderOptions

    return FORMATS[form](summary, RenderOptions(width, detail, replies, curves))
