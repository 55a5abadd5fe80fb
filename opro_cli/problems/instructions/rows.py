"""From the text of a data file to its rows: JSON, JSON Lines, CSV and TSV.

JSON: RFC 8259, without NaN, without doubled keys; numbers keep the digits of the file. JSON Lines
(https://jsonlines.org), also in a file named ``.json``, as AQuA is published
(https://github.com/google-deepmind/AQuA). CSV: RFC 4180. A TSV may have quotes as a CSV has (as
google-deepmind/opro writes GSM8K), or none that mean anything (as GLUE writes SST-2): quotes
count if all of them are well-formed.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from opro_cli.core.errors import UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean

MAX_ROWS = 1_000_000

FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""How the name of a data file ends, before ``.gz``."""

Cells = dict[str, Any] | list[Any]
"""The cells of a row by name or by number. A value is text, a bool, None, or a list or dict."""


@dataclass(frozen=True)
class Row:
    """A row of a file, and where it is in it, as in "line 3"."""

    place: str
    cells: Cells


def read_rows(contents: bytes, name: str, header: bool) -> list[Row]:
    """The rows of a file.

    Args:
        contents: the file, not compressed.
        name: its name: the ending decides the format, and messages begin with it.
        header: whether the first line of a CSV or TSV names the columns.

    Raises:
        UsageError: unknown format, not UTF-8, or damaged at a place that is named.
    """
    base = name.lower().removesuffix(".gz")
    ending = next((e for e in FORMATS if base.endswith(e)), "")
    shown = clean(name, 200)
    if not ending:
        raise UsageError(
            f"data: {shown} is of no known format.",
            f"its name should end with {', '.join(FORMATS)}, and .gz where it is compressed",
        )
    text = _decode(contents, shown)
    if ending in (".csv", ".tsv"):
        rows = _table(text, shown, "," if ending == ".csv" else "\t", header)
    elif ending == ".json":
        rows = _document(text, shown)
    else:
        rows = _lines(text, shown)
    found = []
    for row in rows:
        found.append(row)
        if len(found) > MAX_ROWS:
            raise UsageError(f"data: {shown} has more than {MAX_ROWS:,} rows.", "take a part of it")
    if not found:
        raise UsageError(f"data: {shown} has no rows.")
    return found


def _decode(contents: bytes, shown: str) -> str:
    utf16 = contents[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = contents.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"data: {shown}, line {line}: the text is not UTF-8.", "save the file as UTF-8"
        ) from None
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


# JSON


def _document(text: str, shown: str) -> Iterator[Row]:
    """The records of a JSON list, or of an object with one list of records."""
    try:
        value = _json(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:
            yield from _lines(text, shown)
            return
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"data: {shown}, {where}: {_why(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"data: {shown}: {_why(error)}.") from None
    if isinstance(value, dict):
        lists = {key: v for key, v in value.items() if isinstance(v, list) and _records(v)}
        if len(lists) != 1 and not _flat(value):
            keys = ", ".join(clean(key, 40) for key in [*value][:20])
            raise UsageError(
                f"data: {shown} is an object with {len(lists) or 'no'} lists of records "
                f"(keys: {keys}).",
                "a list of records is wanted, or an object with exactly one",
            )
        value = next(iter(lists.values()), [value])
    if not isinstance(value, list):
        raise UsageError(f"data: {shown} is not a list of records.")
    for number, cells in enumerate(value):
        yield _record(cells, f"row {number}", shown)


def _records(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(v, dict | list) for v in values)


def _flat(record: dict[str, Any]) -> bool:
    """Whether an object looks like a single record: a file of JSON Lines with one line."""
    return bool(record) and not any(
        isinstance(v, dict) or (isinstance(v, list) and (not v or _records(v)))
        for v in record.values()
    )


def _lines(text: str, shown: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            cells = _json(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"data: {shown}, line {number}: {_why(error)}.") from None
        yield _record(cells, f"line {number}", shown)


def _record(cells: Any, place: str, shown: str) -> Row:
    if not isinstance(cells, dict | list):
        raise UsageError(f"data: {shown}, {place}: a record with columns is wanted.")
    return Row(place, cells)


def _json(text: str) -> Any:
    """Plain JSON. Numbers are their text. Raises ValueError or RecursionError."""
    return json.loads(
        text, parse_float=str, parse_int=str, parse_constant=_constant, object_pairs_hook=_object
    )


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {clean(key, 40)!r} is given twice")
        found[key] = value
    return found


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"invalid JSON: {error.msg}"
    return clean(str(error), 100)


# CSV and TSV


def _table(text: str, shown: str, separator: str, header: bool) -> Iterator[Row]:
    lines = text.split("\n")
    try:
        found = list(_split(lines, separator, quotes=True))
    except csv.Error as error:
        if separator == ",":
            place, _, why = str(error).partition(": ")
            raise UsageError(f"data: {shown}, {place}: invalid CSV: {why}.") from None
        try:
            found = list(_split(lines, separator, quotes=False))
        except csv.Error as last:
            raise UsageError(f"data: {shown}, {last}.") from None
    names: list[str] | None = None
    width = 0
    for number, cells in found:
        if not any(cell.strip() for cell in cells):
            continue
        if not width:
            width = len(cells)
            if header:
                names = _header(cells, shown)
                continue
        if len(cells) != width:
            raise UsageError(
                f"data: {shown}, line {number}: {len(cells)} cells, where the first line has "
                f"{width}.",
                "a cell with the separator in it has to be in quotes",
            )
        yield Row(f"line {number}", dict(zip(names, cells, strict=True)) if names else cells)


def _split(lines: Sequence[str], separator: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells. Raises csv.Error with the line, as in "line 3: why"."""
    reader = csv.reader(
        (line + "\n" for line in lines),
        delimiter=separator,
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise csv.Error(f"line {before + 1}: {error}") from None
        yield before + 1, cells
        before = reader.line_num


def _header(cells: list[str], shown: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    doubled = next((name for name in names if name and names.count(name) > 1), "")
    if doubled:
        raise UsageError(f"data: {shown}: two columns are named {clean(doubled, 40)!r}.")
    return names


# Cells

_DIGITS = re.compile(r"[0-9]{1,4}")


def is_number(column: str) -> bool:
    """Whether a column is given by number."""
    return bool(_DIGITS.fullmatch(column))


def cell(row: Row, column: str, shown: str) -> Any:
    """The value in a column of a row. Raises UsageError, with the columns there are."""
    cells = row.cells
    if isinstance(cells, dict) and column in cells:
        return cells[column]
    if isinstance(cells, list) and is_number(column) and int(column) < len(cells):
        return cells[int(column)]
    names = [*cells] if isinstance(cells, dict) else [str(i) for i in range(len(cells))]
    there = ", ".join(clean(name, 40) or "''" for name in names[:20])
    hint = clean(did_you_mean(column, names), 200)
    if len(names) == 1 and isinstance(cells, dict) and re.search("[;\t|]", names[0]):
        hint = "the cells seem to be separated by something other than the file's name says"
    elif isinstance(cells, list) and not is_number(column):
        hint = "this row has no names: give columns by number, from 0"
    raise UsageError(
        f"data: {shown}, {row.place}: there is no column {clean(column, 60)!r}; "
        f"the columns are: {there}{', …' if len(names) > 20 else ''}.",
        hint,
    )
