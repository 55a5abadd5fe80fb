"""A report as one HTML page."""

from __future__ import annotations

from opro_cli.report.formats import RenderOptions
from opro_cli.report.page.document import render_page
from opro_cli.report.page.keeping import Keeping
from opro_cli.report.summary import Summary


def render(summary: Summary, options: RenderOptions) -> str:
    """The page; see :mod:`opro_cli.report.page.document`.

    Raises:
        RunsError: the log of a run is damaged.
    """
    return render_page(summary, Keeping(summary, options.replies))
