"""The whole page: one file that opens from disk, asks for nothing, and runs one script, ours.

The policy in its head allows that script and that style by their hashes, and pictures that are in
the page; it forbids everything else. So a text from a model that became an element by some mistake
could still run nothing and ask for nothing.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from opro_cli.core import __version__
from opro_cli.core.text import clean, count, duration, listed, plural
from opro_cli.report.figures.elements import Element
from opro_cli.report.figures.palette import stylesheet
from opro_cli.report.judged import is_judged
from opro_cli.report.page.controls import report_table
from opro_cli.report.page.keeping import Keeping
from opro_cli.report.page.problems import Problems
from opro_cli.report.page.runs_table import runs_section
from opro_cli.report.rows import FINISHED
from opro_cli.report.summary import Summary
from opro_cli.report.tables import tables

NAMED = 5
"""Presets that the title names."""


def render_page(summary: Summary, keeping: Keeping) -> str:
    """The page of these runs.

    Args:
        summary: with histories.
        keeping: which replies the page holds.

    Raises:
        RunsError: the log of a run is damaged.
    """
    title = _title(summary)
    problems = Problems(summary, keeping)
    sections = problems.sections()
    made = [report_table(table) for table in tables(summary) if table not in problems.tables]
    if made:
        sections.append(("tables", "Tables", Element("section", Element("h2", "Tables"), *made)))
    sections.append(("runs", "Runs", runs_section(summary.rows)))
    if summary.notes:
        notes = Element("ul", *(Element("li", clean(note, 2000)) for note in summary.notes))
        card = Element("div", notes, class_="card")
        sections.append(("notes", "Notes", Element("section", Element("h2", "Notes"), card)))
    for key, _, section in sections:
        section.attributes["id"] = key
    links = [Element("li", Element("a", name, href=f"#{key}")) for key, name, _ in sections]
    body = Element(
        "body",
        Element("a", "To the content", href="#content", class_="skip"),
        _header(title, summary),
        Element("nav", Element("ul", *links), aria_label="Parts of this page"),
        Element("main", *(section for _, _, section in sections), id="content"),
        _footer(keeping),
        _dialog(),
        *keeping.blocks(),
        *problems.blocks,
    )
    style = stylesheet() + _asset("style.css")
    script = _asset("script.js")
    body.add(Element("script", script))
    head = Element(
        "head",
        Element("meta", charset="utf-8"),
        Element("meta", http_equiv="Content-Security-Policy", content=_policy(script, style)),
        Element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Element("meta", name="color-scheme", content="light dark"),
        Element("meta", name="referrer", content="no-referrer"),
        Element("title", title),
        Element("style", style),
    )
    return "<!DOCTYPE html>\n" + Element("html", head, body, lang="en").render() + "\n"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(script: str, style: str) -> str:
    """The content security policy."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _title(summary: Summary) -> str:
    presets = list(dict.fromkeys(clean(row.preset, 80) for row in summary.rows))
    if not presets:
        return "opro report: no runs"
    more = [f"{len(presets) - NAMED} more"] if len(presets) > NAMED else []
    return f"opro report: {listed([*presets[:NAMED], *more])}"


def _header(title: str, summary: Summary) -> Element:
    rows = summary.rows
    runs = [run for row in rows for run in row.runs]
    optimizers = dict.fromkeys(row.optimizer for row in rows)
    models = [clean(model, 80) for model in dict.fromkeys(row.model for row in rows) if model]
    parts = [plural(len(runs), "run"), f"of {plural(len(optimizers), 'optimizer')}"]
    days = sorted({run.created[:10] for run in runs if run.created})
    if days:
        parts.append(f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}")
    lead = f"{' '.join(parts)}{'. Model: ' + listed(models[:NAMED]) if models else ''}."
    header = Element("header", Element("h1", title), Element("p", clean(lead, 1000), class_="lead"))
    tiles = Element("dl", class_="tiles")
    tiles.extend(
        Element("div", Element("dt", name), Element("dd", text)) for name, text in _tiles(summary)
    )
    header.add(tiles if runs else None)
    others = [run for run in runs if run.totals.state not in FINISHED]
    if others:
        states = [
            plural(sum(run.totals.state == state for run in others), f"{state} run")
            for state in ("failed", "unfinished")
            if any(run.totals.state == state for run in others)
        ]
        verb = "is" if len(others) == 1 else "are"
        counts = "counts" if len(others) == 1 else "count"
        text = f"{listed(states)} {verb} named below, and {counts} in no result."
        header.add(Element("p", text, class_="warning"))
    if summary.damaged:
        verb = "is" if len(summary.damaged) == 1 else "are"
        text = f"{plural(len(summary.damaged), 'damaged run')} {verb} left out; see the notes."
        header.add(Element("p", text, class_="warning"))
    return header


def _tiles(summary: Summary) -> list[tuple[str, str]]:
    """The numbers of all runs: those that the tables sum up."""
    rows = summary.rows
    runs = [run for row in rows for run in row.runs]
    found = [("runs", f"{len(runs):,}")]
    goals = [row for row in rows if row.has_goal and not is_judged(row.spec)]
    if goals:
        solved = sum(len(row.solved) for row in goals)
        found.append(("solved", f"{solved:,} of {sum(len(row.runs) for row in goals):,} runs"))
    found.append(("evaluations", count(sum(run.totals.evaluations for run in runs))))
    calls = sum(row.calls for row in rows)
    if calls:
        costs = [run.totals.total_cost for run in runs]
        known = [cost for cost in costs if cost is not None]
        found.append(("model calls", count(calls)))
        found.append(("cost", f"${sum(known):.4g}" if len(known) == len(costs) else "unknown"))
    found.append(("time of all runs", duration(sum(row.seconds for row in rows))))
    return found


def _footer(keeping: Keeping) -> Element:
    return Element(
        "footer",
        Element("p", f"Made by opro {__version__} from the logs of these runs. {keeping.sentence}"),
        Element("noscript", "Sorting, filtering and the pages of runs need JavaScript."),
    )


def _dialog() -> Element:
    close = Element("form", Element("button", "Close", type="submit"), method="dialog")
    bar = Element("div", Element("h2", "Run", id="dialog-title"), close, class_="bar")
    inside = Element("div", class_="inside")
    return Element("dialog", bar, inside, aria_labelledby="dialog-title")
