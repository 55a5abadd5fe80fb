"""Parts that several sections share: tables, tabs, and a figure with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.core.text import clean, number
from opro_cli.report.figures.elements import Element, Value
from opro_cli.report.figures.figure import Figure
from opro_cli.report.table import Table

LONGEST_CELL = 110_000
"""Characters of a cell, which may hold an instruction: none is cut."""

SHORT = 24
"""Characters of a cell that stay on one line."""

MOST_TABS = 6
"""Panels that the style sheet can show one at a time."""


class Ids:
    """Numbers for ids: no id is made from text."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, prefix: str) -> str:
        """An id that nothing else in the page has."""
        self._last += 1
        return f"{prefix}-{self._last}"


def tabs(ids: Ids, legend: str, panels: Sequence[tuple[str, Element]]) -> Element:
    """Panels of which one is shown, chosen by radio buttons; a single one is shown as it is.

    Args:
        ids: of the page.
        legend: what is chosen.
        panels: at most ``MOST_TABS`` labels and contents; the first is chosen.
    """
    if len(panels) == 1:
        return panels[0][1]
    group = ids.next("tab")
    chosen = Element("fieldset", Element("legend", legend), class_="tabs")
    for i, (label, _) in enumerate(panels):
        key = f"{group}-{i}"
        button: dict[str, Value] = {"type": "radio", "name": group, "id": key, "checked": i == 0}
        chosen.add(Element("input", **button), Element("label", label, for_=key))
    return Element("div", chosen, *(panel for _, panel in panels), class_="tabbed")


def figure_element(ids: Ids, figure: Figure) -> Element:
    """A figure with its title, its description, its notes, and its numbers as a table.

    Args:
        ids: of the page.
        figure: the figure, whose drawing becomes a part of the page.
    """
    rows = [[_text(cell) for cell in row] for row in figure.table.rows]
    return Element(
        "figure",
        Element("figcaption", Element("h3", figure.title), Element("p", figure.description)),
        scrolling(figure.title, _in_page(figure.svg, ids.next("figure"))),
        *(Element("p", note, class_="note") for note in figure.notes),
        Element(
            "details",
            Element("summary", "Numbers of this figure"),
            data_table(figure.title, figure.table.columns, rows),
        ),
    )


def _in_page(svg: Element, prefix: str) -> Element:
    """The drawing as a part of the page, which has its colours in light and dark.

    Args:
        svg: the drawing, which is changed.
        prefix: of its ids, which another drawing may have too.
    """
    own = svg.attributes
    for kind, name in (("f-", "fill"), ("l-", "stroke")):
        if any(word.startswith(kind) for word in own.get("class", "").split()):
            own.pop(name, None)
    for name, before in (("id", ""), ("href", "#"), ("clip-path", "url(#")):
        if name in own and own[name].startswith(before):
            own[name] = f"{before}{prefix}-{own[name].removeprefix(before)}"
    for child in svg.children:
        if isinstance(child, Element):
            _in_page(child, prefix)
    return svg


def _text(cell: str | float | None) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else number(cell)


def scrolling(name: str, content: Element) -> Element:
    """A region that scrolls sideways on a narrow screen, also by keyboard."""
    return Element("div", content, class_="scroll", role="group", aria_label=name, tabindex="0")


def data_table(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], keys: int = 1
) -> Element:
    """A table whose first ``keys`` columns are the headings of its rows."""
    body = (
        Element(
            "tr",
            *(
                Element("th", clean(cell, LONGEST_CELL), scope="row")
                if i < keys and cell
                else _cell(clean(cell, LONGEST_CELL))
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    )
    table = Element(
        "table",
        Element("caption", clean(name, 300), class_="unseen"),
        Element("thead", Element("tr", *map(_heading, columns))),
        Element("tbody", *body),
    )
    return scrolling(clean(name, 300), table)


def _cell(text: str) -> Element:
    return Element("td", text, class_="short" if len(text) <= SHORT else None)


def _heading(name: str) -> Element:
    return Element("th", clean(name), scope="col") if name else Element("td")


def report_table(table: Table) -> Element:
    """A table of the report, with its title and its notes."""
    headings, rows = table.joined()
    explained = table.explained(headings)
    return Element(
        "section",
        Element("h3", clean(table.title)),
        data_table(table.title, headings, rows, max(table.keys, 1)),
        Element("p", clean(explained, 2000), class_="note") if explained else None,
        *(Element("p", clean(note, LONGEST_CELL), class_="note") for note in table.notes),
        class_="table",
    )
