"""Which examples each instruction answers right: examples × instructions, and the replies."""

from __future__ import annotations

from typing import Any

from opro_cli.core.events import GRADES
from opro_cli.core.text import clean, visible
from opro_cli.report.figures.elements import Element
from opro_cli.report.page.controls import Ids, tabs
from opro_cli.report.page.examples import RunExamples
from opro_cli.report.page.instructions import SPLITS, Tried, TriedInstructions

MARKS = {"1": "✓", "0": "✗", "?": "?", "x": "✂", "b": "⊘", "e": "∅", ".": "·"}
"""Of the grades in ``GRADES``."""

LONGEST_QUESTION = 160
"""Characters of a question beside its row; the whole is in the page of a reply."""


def grids(
    ids: Ids, number: int, tried: TriedInstructions, examples: RunExamples, *, replies: bool
) -> tuple[Element, dict[str, Any]] | None:
    """A grid for each data set, by tabs, and the data of its cells; None without any grade.

    Args:
        ids: of the page.
        number: of the block of data.
        tried: the instructions of the run.
        examples: of the run.
        replies: whether a cell opens its reply.

    Raises:
        RunsError: the answers of the run are damaged.
    """
    panels, data = [], {}
    for split in SPLITS:
        columns = tried.on(split)
        if not columns:
            continue
        found = _replies(split, columns, examples) if replies else None
        if found is not None:
            data[split] = found
        grid = _grid(number, split, columns, examples, opens=found is not None)
        panel = Element("div", grid, _legend(columns), class_="panel")
        panels.append((f"{split} ({len(columns[0][1])})", panel))
    return (tabs(ids, "Examples of", panels), data) if panels else None


def _grid(
    number: int,
    split: str,
    columns: list[tuple[Tried, str]],
    examples: RunExamples,
    *,
    opens: bool,
) -> Element:
    known = examples.of(split)
    head = Element("tr", Element("th", "example", scope="col"))
    head.extend(Element("th", f"#{tried.number}", scope="col") for tried, _ in columns)
    body = Element("tbody")
    for i in range(max(len(detail) for _, detail in columns)):
        question = clean(" ".join(known[i].question.split()), LONGEST_QUESTION) if known else ""
        row = Element("tr", Element("th", f"{i + 1}. {question}".strip(), scope="row"))
        for j, (_, detail) in enumerate(columns):
            grade = detail[i] if i < len(detail) else "."
            row.add(_cell(grade, opens=opens and grade != ".", first=i == 0 and j == 0))
        body.add(row)
    name = f"Examples of {split} by instruction"
    table = Element(
        "table",
        Element("caption", name, class_="unseen"),
        Element("thead", head),
        body,
        class_="grid",
        role="grid",
        data_grid=str(number),
        data_split=split,
    )
    return Element("div", table, class_="scroll", role="group", aria_label=name, tabindex="0")


def _legend(columns: list[tuple[Tried, str]]) -> Element:
    """What the marks say that are in the grid."""
    found = {grade for _, detail in columns for grade in detail}
    parts = [f"{MARKS[grade]} {word}" for grade, word in GRADES.items() if grade in found]
    parts += [".1 to .9 score between"] if found - set(GRADES) else []
    return Element("p", "; ".join(parts), class_="note")


def _cell(grade: str, *, opens: bool, first: bool) -> Element:
    if grade in GRADES:
        word, mark = GRADES[grade], MARKS[grade]
    else:  # A to I
        tenths = ord(grade) - ord("A") + 1
        word, mark = f"score 0.{tenths}", f".{tenths}"
    look = {"1": "right", ".": "unasked"}.get(grade, "wrong" if grade in GRADES else "partly")
    if not opens:
        return Element("td", Element("span", mark, class_=look, role="img", aria_label=word))
    tab = "0" if first else "-1"
    button = Element("button", mark, class_=look, type="button", aria_label=word, tabindex=tab)
    return Element("td", button)


def _replies(
    split: str, columns: list[tuple[Tried, str]], examples: RunExamples
) -> dict[str, Any] | None:
    """What the cells open; None where the data are not there, or no reply is recorded."""
    known = examples.of(split)
    if not known or any(len(detail) != len(known) for _, detail in columns):
        return None
    found = [[examples.answer(tried.point, example) for example in known] for tried, _ in columns]
    if not any(answered for row in found for answered in row):
        return None
    return {
        "examples": [[visible(e.question), visible(e.target)] for e in known],
        "instructions": [[f"#{tried.number}", tried.text] for tried, _ in columns],
        "replies": [
            [[visible(a.reply.text), visible(a.read)] if a else ["(not recorded)", ""] for a in row]
            for row in found
        ],
    }
