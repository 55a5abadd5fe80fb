"""Which columns of a data file hold the question, the answer and the options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.problems.instructions.data import Columns
from opro_cli.problems.instructions.rows import Row

QUESTIONS = (
    "question", "questions", "input", "inputs", "prompt", "query", "problem", "squestion", "text",
    "sentence", "review", "content", "message", "utterance", "title", "statement", "source",
)  # fmt: skip
ANSWERS = (
    "answer", "answers", "target", "targets", "label", "labels", "output", "outputs", "expected",
    "correct", "correctanswer", "gold", "groundtruth", "reference", "response", "completion",
    "category", "class", "sentiment", "intent", "solution", "lsolutions", "result", "y",
)  # fmt: skip
OPTIONS = ("choices", "options")
CONTEXTS = ("context", "passage", "document", "article", "paragraph", "story")
"""Names of columns in lower case, letters alone, the most telling first."""

NUMBERING = ("id", "idx", "index", "row", "uid", "guid", "key", "number")

LETTERED = re.compile(r"(?:option|choice|answer)?([a-h])")
"""Names of columns that hold one option each."""

MOST_ROWS = 500
"""Rows that are looked at."""


@dataclass(frozen=True)
class Found:
    """The columns of a file.

    Args:
        columns: of question, answer and options.
        guessed: what was not clear from the names alone, in a sentence; else empty.
    """

    columns: Columns
    guessed: str = ""


def has_header(rows: Sequence[Row]) -> bool:
    """Whether the first row of a table, read without a header, holds names of columns."""
    first = [str(cell).strip() for cell in _cells(rows[0]).values()]
    if any(_short(cell) in (*QUESTIONS, *ANSWERS) for cell in first):
        return True
    plain = all(cell and len(cell) <= 40 and not _numeric(cell) for cell in first)
    return plain and len(set(first)) == len(first) and not any("?" in cell for cell in first)


def find_columns(rows: Sequence[Row], name: str, question: str = "", answer: str = "") -> Found:
    """The columns of a file, by their names, else by what they hold.

    Args:
        rows: of the file.
        name: the file's, for messages.
        question: the column of the question, or a template, where the user has said it.
        answer: the column of the answer, where the user has said it.

    Raises:
        UsageError: it cannot be told which columns are meant.
    """
    taken = [_cells(row) for row in rows[:MOST_ROWS]]
    names = [column for column in taken[0] if all(column in cells for cells in taken)]
    told = bool(question and answer)
    choices = _options(names, taken)
    left = [n for n in names if n not in choices]
    answer = answer or _known(ANSWERS, left)
    asked = question or _known(QUESTIONS, [n for n in left if n != answer])
    guessed = ""
    texts = {n: _mean(n, taken) for n in left if n not in (answer, asked) and _is_text(n, taken)}
    if not answer and texts:
        answer = min(texts, key=lambda column: texts[column])
    longer = [n for n in texts if n != answer and texts[n] >= texts.get(answer, 0)]
    if not asked and longer:
        asked = longer[0]
    if not asked or not answer:
        there = ", ".join(clean(column, 40) for column in names[:20])
        missing = " and ".join(w for w, c in (("question", asked), ("answer", answer)) if not c)
        raise UsageError(
            f"{clean(name, 200)}: no column looks like the {missing}; the columns are: {there}.",
            "name them with --question COLUMN and --answer COLUMN",
        )
    if not told and (_short(asked) not in QUESTIONS or _short(answer) not in ANSWERS):
        shown = clean(asked, 40), clean(answer, 40)
        guessed = f"Taken for question and answer: the columns {shown[0]} and {shown[1]}."
    if not question:
        context = _known(CONTEXTS, [n for n in left if n not in (asked, answer)])
        if context and _plain_name(asked) and _plain_name(context):
            asked = f"{{{context}}}\n\n{{{asked}}}"
    return Found(Columns(asked, answer, tuple(choices)), guessed)


def _cells(row: Row) -> Mapping[str, Any]:
    if isinstance(row.cells, dict):
        return row.cells
    return {str(number): cell for number, cell in enumerate(row.cells)}


def _short(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _known(known: Sequence[str], names: Sequence[str]) -> str:
    """The column with the most telling name; empty for none."""
    found = [name for name in names if _short(name) in known]
    return min(found, key=lambda name: known.index(_short(name)), default="")


def _options(names: Sequence[str], taken: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of the options: one with lists, or at least two that are lettered."""
    lists = [n for n in names if _short(n) in OPTIONS and isinstance(taken[0][n], list)]
    if lists:
        return lists[:1]
    lettered = [n for n in names if LETTERED.fullmatch(_short(n))]
    if len(lettered) >= 2:
        return lettered
    # Without a header, as MMLU is published: question, four options, letter.
    last = str(taken[0][names[-1]]) if names else ""
    if len(names) == 6 and names == [str(i) for i in range(6)] and re.fullmatch("[A-E]", last):
        return list(names[1:5])
    return []


def _is_text(name: str, taken: Sequence[Mapping[str, Any]]) -> bool:
    texts = all(isinstance(c[name], str | bool) and str(c[name]).strip() for c in taken)
    return texts and _short(name) not in NUMBERING


def _mean(name: str, taken: Sequence[Mapping[str, Any]]) -> float:
    return sum(len(str(cells[name])) for cells in taken) / len(taken)


def _plain_name(name: str) -> bool:
    return "{" not in name and "}" not in name


def _numeric(cell: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9.,]+%?", cell) is not None
