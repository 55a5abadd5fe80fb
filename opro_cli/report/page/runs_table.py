"""The table of all runs: to sort, to filter, and to open one."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from opro_cli.core.text import clean, duration
from opro_cli.report.figures.elements import Element
from opro_cli.report.groups import swept_cells, swept_headings, swept_keys, target_name
from opro_cli.report.page.states import state_text
from opro_cli.report.rows import Row
from opro_cli.runs.progress import RunView, value_text

STATES = {
    "converged": "solved",
    "stopped": "finished",
    "failed": "failed",
    "unfinished": "unfinished",
}
"""The words for the states of a run."""

TEXT, NUMBER = "text", "number"


def runs_section(rows: Sequence[Row]) -> Element:
    """The section with every run of these rows."""
    return Element(
        "section",
        Element("h2", "Runs"),
        _filters(rows),
        Element(
            "div",
            _table(rows),
            class_="scroll",
            role="group",
            aria_label="All runs",
            tabindex="0",
        ),
        id="runs",
    )


def address(run: str) -> str:
    """The address of a run's own page, within the page."""
    return f"#run={quote(run, safe='')}"


def _filters(rows: Sequence[Row]) -> Element:
    states = dict.fromkeys(run.totals.state for row in rows for run in row.runs)
    optimizers = dict.fromkeys(row.optimizer for row in rows)
    count = sum(len(row.runs) for row in rows)
    filters = Element("form", class_="filters script", hidden=True, role="search")
    filters.add(
        Element("label", "Filter ", Element("input", type="search", autocomplete="off")),
    )
    for name, column, words in (
        ("Result", "state", [(state, STATES[state]) for state in states]),
        ("Optimizer", "optimizer", [(name, name) for name in optimizers]),
    ):
        if len(words) > 1:
            choices = [Element("option", "all", value="")]
            choices += [Element("option", clean(w, 60), value=clean(v, 60)) for v, w in words]
            filters.add(
                Element("label", f"{name} ", Element("select", *choices, data_column=column))
            )
    return filters.add(Element("output", f"{count:,} of {count:,} runs"))


def _table(rows: Sequence[Row]) -> Element:
    keys = swept_keys(rows)
    columns = [
        ("run", TEXT),
        ("preset", TEXT),
        ("optimizer", TEXT),
        ("model", TEXT),
        *((heading, TEXT) for heading in swept_headings(keys)),
        ("target", TEXT),
        ("result", TEXT),
        ("best value", NUMBER),
        ("steps", NUMBER),
        ("evaluations", NUMBER),
        ("model calls", NUMBER),
        ("cost", NUMBER),
        ("time", NUMBER),
    ]
    body = [(row, run, _cells(row, run, keys)) for row in rows for run in row.runs]
    said = [
        i
        for i, (name, _) in enumerate(columns)
        if name in ("run", "optimizer", "result")
        or len({cells[i] for _, _, cells in body}) > 1
        or (name in ("best value", "steps", "evaluations"))
    ]
    head = [_heading(*columns[i]) for i in said]
    return Element(
        "table",
        Element("caption", "All runs, each with a page of its own", class_="unseen"),
        Element("thead", Element("tr", *head)),
        Element(
            "tbody",
            *(
                _row(number, row, run, [cells[i] for i in said])
                for number, (row, run, cells) in enumerate(body)
            ),
        ),
        class_="runs",
    )


def _heading(name: str, kind: str) -> Element:
    return Element("th", clean(name, 60), scope="col", data_kind=kind)


def _row(number: int, row: Row, run: RunView, cells: Sequence[tuple[str, float | None]]) -> Element:
    tr = Element(
        "tr",
        id=f"run-{number}",
        data_state=run.totals.state,
        data_optimizer=clean(row.optimizer, 60),
    )
    for i, (text, value) in enumerate(cells):
        if i == 0:
            tr.add(Element("th", Element("a", text, href=address(run.id)), scope="row"))
        else:
            tr.add(Element("td", text, data_sort=None if value is None else repr(value)))
    return tr


def _cells(row: Row, run: RunView, keys: Sequence[str]) -> list[tuple[str, float | None]]:
    """Texts, and numbers to sort by."""
    totals, best = run.totals, run.totals.best
    cost = totals.total_cost
    return [
        (clean(run.id), None),
        (clean(row.preset), None),
        (clean(row.optimizer), None),
        (clean(row.model or ""), None),
        *((cell, None) for cell in swept_cells(row, keys)),
        (target_name(row), None),
        (clean(state_text(run), 200), None),
        (value_text(run.spec, best[1]), best[1]) if best else ("", None),
        (f"{totals.step:,}", totals.step),
        (f"{totals.evaluations:,}", totals.evaluations),
        (f"{totals.calls:,}", totals.calls),
        ("unknown", None) if cost is None else (f"${cost:.4g}", cost),
        (duration(totals.seconds), totals.seconds),
    ]
