"""Data sets for instructions: questions with their answers, from a file.

Published formats that are read as they are:

- BIG-Bench Hard: JSON ``{"canary", "examples": [{"input", "target"}]}``
  (https://github.com/suzgunmirac/BIG-Bench-Hard);
- GSM8K: JSON Lines ``question``, ``answer`` with the number after ``####``
  (https://github.com/openai/grade-school-math), and the TSV without header of
  https://github.com/google-deepmind/opro;
- MMLU: CSV without header: question, four options, letter (https://github.com/hendrycks/test);
- AQuA: JSON Lines ``question``, ``options`` (a list), ``correct``
  (https://github.com/google-deepmind/AQuA);
- MultiArith: JSON list with ``sQuestion`` and ``lSolutions``, a list of one number.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.problems.instructions.files import fill, read_file
from opro_cli.problems.instructions.rows import Row, cell, is_number, read_rows

__all__ = ["Columns", "DataSet", "Example", "fill", "load", "made"]

_SURROGATE = re.compile("[\ud800-\udfff]")

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True)
class Example:
    """A question with its answer.

    Args:
        number: the row in the file, from 0, empty lines not counted.
        question: what the model is asked.
        target: the right answer.
        choices: the texts of the options, in their order, where the file has them.
    """

    number: int
    question: str
    target: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """Where a file has what. A column is a name, or a number from 0 in a file without header.

    Args:
        question: a column, or a template such as ``"{question}\\n{options}"``; a brace is doubled
            where it is meant as it is.
        answer: a column.
        choices: columns with the texts of the options, or one column with a list of them.
    """

    question: str | int = "question"
    answer: str | int = "answer"
    choices: tuple[str | int, ...] = ()

    def used(self) -> tuple[str, ...]:
        """All columns that are read."""
        question = str(self.question)
        found = [f[1] for f in _FIELD.finditer(question) if f[1] is not None]
        return (*(found or [question]), str(self.answer), *map(str, self.choices))

    @property
    def header(self) -> bool:
        """Whether a CSV or TSV has a header: unless all columns are numbers."""
        return not all(map(is_number, self.used()))


@dataclass(frozen=True)
class DataSet:
    """Examples, with what is recorded of their origin.

    Args:
        examples: in the order of the file.
        digest: SHA-256 of the file's bytes, in hexadecimal digits.
        size: the file's size in bytes.
    """

    examples: tuple[Example, ...] = field(repr=False)
    digest: str
    size: int


def load(path: str, columns: Columns, after: str = "") -> DataSet:
    """The examples of a file: JSON, JSON Lines, CSV or TSV, also compressed (``.gz``).

    Args:
        path: the file.
        columns: where it has what.
        after: text such as ``####``; of an answer only what follows its last occurrence is kept.

    Raises:
        UsageError: anything wrong, with the file, the line or row, and the columns that exist.
    """
    contents, digest, size = read_file(path)
    shown = clean(path, 200)
    rows = read_rows(contents, path, columns.header)
    examples = tuple(_example(i, row, columns, after, shown) for i, row in enumerate(rows))
    return DataSet(examples, digest, size)


def made(examples: Sequence[Example]) -> DataSet:
    """A data set of generated examples: digest and size are those of its JSON Lines."""
    lines = "".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in examples)
    contents = lines.encode()
    return DataSet(tuple(examples), hashlib.sha256(contents).hexdigest(), len(contents))


def _example(number: int, row: Row, columns: Columns, after: str, shown: str) -> Example:
    question = _question(row, str(columns.question), shown)
    target = _answer(row, str(columns.answer), shown)
    if after:
        _, found, target = target.rpartition(after)
        if not found:
            raise _wrong(row, shown, f"the answer has no {clean(after, 40)!r}")
        target = target.strip()
    for name, text in (("question", question), ("answer", target)):
        if not text:
            raise _wrong(row, shown, f"the {name} is empty")
    return Example(number, question, target, _choices(row, columns.choices, shown))


def _question(row: Row, template: str, shown: str) -> str:
    fields = [f for f in _FIELD.finditer(template) if f[1] is not None]
    if not fields:
        return _text(cell(row, template, shown), row, template, shown)

    def filled(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return _text(cell(row, found[1], shown), row, found[1], shown)

    return _FIELD.sub(filled, template).strip()


def _answer(row: Row, column: str, shown: str) -> str:
    value = cell(row, column, shown)
    if isinstance(value, list):
        if len(value) != 1:
            raise _wrong(
                row, shown, f"column {clean(column, 40)!r} has {len(value)} answers, not one"
            )
        value = value[0]
    return _text(value, row, column, shown)


def _choices(row: Row, columns: Sequence[str | int], shown: str) -> tuple[str, ...]:
    names = [str(column) for column in columns]
    values = [cell(row, name, shown) for name in names]
    if len(values) == 1 and isinstance(values[0], list):
        values, names = values[0], names * len(values[0])
    return tuple(_text(v, row, name, shown) for v, name in zip(values, names, strict=True))


def _text(value: Any, row: Row, column: str, shown: str) -> str:
    """A value as text; a list as one line an item. Raises UsageError for null and objects."""
    if isinstance(value, list) and not any(isinstance(v, list) for v in value):
        return "\n".join(_text(v, row, column, shown) for v in value)
    if value is None or isinstance(value, dict | list):
        what = "null" if value is None else "nested"
        raise _wrong(row, shown, f"column {clean(column, 40)!r} is {what}, not a text")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _SURROGATE.sub("\ufffd", text).strip()


def _wrong(row: Row, shown: str, why: str) -> UsageError:
    return UsageError(f"data: {shown}, {row.place}: {why}.", "correct the row, or take it out")
