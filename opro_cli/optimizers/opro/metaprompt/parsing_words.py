"""Solutions in a reply that has no JSON: in brackets, as names with values, or after "Answer:".

Where the reply marks its answer, the first solution behind the last mark is read, else the last
solution: what comes before is a draft.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Space

Values: TypeAlias = Mapping[str, Any] | Sequence[Any]

MAX_FOUND = 2_000
"""Solutions in one reply that are looked at, at most: the last ones."""

FAR = 40
"""Characters between two values of one solution, at most."""

LONGEST_LINE = 4_000


LONGEST_REMARK = 300

MARK = re.compile(
    r"""^[ \t>*_\#-]{0,20}(?:(?:my|the|so|best|final|next|new|proposed)\s){0,4}
        (?:solutions?|answer|proposal)[*_]{0,2}(?:\s(?:is|would\sbe))?\s{0,3}(?:[:=]|\bis\b)
      | ["'](?:solutions?|answer)["']\s{0,3}[:=]
      | <(?:solutions?|answer)> | \\boxed\{""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
"""What marks the answer."""

_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|thoughts)>", re.IGNORECASE)

_BRACKETS = re.compile(r"\[([^\[\]]*)\]|\(([^()\[\]]*)\)")

_COMMA = re.compile(r"\s*(?:,|->|→)\s*")

_REMARK = re.compile(
    r"""\s* (?:about|approximately|around|approx\.?|[~≈=*`$])* \s*
        ([+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
        [.*`$]{0,3} \s* (?:\([^()0-9]{0,200}\))? [\s.]*""",
    re.VERBOSE | re.IGNORECASE,
)


def without_thoughts(text: str) -> str:
    """The reply without what is between ``<think>`` and ``</think>``.

    Some servers leave the first of these tags out; a thought without an end is all there is.
    """
    kept, at, depth = "", 0, 0
    for tag in _THOUGHT.finditer(text):
        if tag[1]:
            kept, depth = (kept if depth else ""), max(depth - 1, 0)
        else:
            kept += "" if depth else text[at : tag.start()] + "\n"
            depth += 1
        at = tag.end()
    return kept if depth else kept + text[at:]


def in_words(text: str, space: Space, *, marked: bool = False) -> Point | InvalidSolution:
    """The solution in a text without JSON, else the error for the first one in brackets.

    Args:
        text: of bounded length.
        space: the space of the points.
        marked: read only what is marked as the answer.
    """
    marks = list(MARK.finditer(text))
    behind = marks[-1].end() if marks else len(text)
    found = [] if marked and not marks else _found(text, space)
    answer, _, _ = text[behind : behind + LONGEST_LINE].lstrip().partition("\n")
    candidates: list[Values] = [bare(answer)] if answer else []
    candidates += [values for at, values in found if at >= behind]
    candidates += [values for at, values in reversed(found) if at < behind and not marked]
    problem = InvalidSolution("unparsable", "neither JSON nor numbers in brackets")
    for values in candidates:
        point = _point(values, space)
        if not isinstance(point, InvalidSolution):
            return point
        problem = problem if isinstance(values, str) else point
    return problem


def bare(text: str) -> str:
    """A line without the marks of a list, of bold letters and of formulas."""
    return text.strip(" \t\r\n*`_$>#").removeprefix("- ").rstrip(".}* ").lstrip()


def plain(value: Any) -> Any:
    """A number without the words around it: ``15`` of "about 15." or "15 (the slope)"."""
    if not isinstance(value, str) or len(value) > LONGEST_REMARK:
        return value
    match = _REMARK.fullmatch(value)
    return value if match is None else match[1]


def _point(values: Any, space: Space) -> Point | InvalidSolution:
    try:
        return line(values, space) if isinstance(values, str) else space.from_values(values)
    except InvalidSolution as invalid:
        return invalid


def line(text: str, space: Space) -> Point:
    """A line as the list shows it, or its values alone. Raises InvalidSolution."""
    values = _COMMA.split(text)
    if len(values) > 1 and "=" not in text:
        return space.from_values(values)
    return space.read(text)


def _found(text: str, space: Space) -> list[tuple[int, Values]]:
    """What looks like a solution, with its place: in brackets, or as names with values."""
    found: list[tuple[int, Values]] = [
        *_in_brackets(text, space),
        *_named(text, space.names),
        *_as_listed(text, space),
    ]
    return sorted(found, key=lambda item: item[0])[-MAX_FOUND:]


def _in_brackets(text: str, space: Space) -> Iterator[tuple[int, Values]]:
    for match in _BRACKETS.finditer(text):
        square, round_ = match.groups()
        items = (round_ if square is None else square).split(",")
        values = [re.split("[=:]", item)[-1].strip().strip("\"'") for item in items]
        if not values[-1]:
            values.pop()
        if any(value in space.names for value in values):
            continue  # a placeholder such as [w, b]
        if square is None and len(values) < 2:
            continue  # words in brackets
        yield match.start(), values


def _named(text: str, names: Sequence[str]) -> Iterator[tuple[int, Values]]:
    """``w = 15`` and ``b: 14`` near each other, in any order; also ``<w>15</w>``."""
    known = any_case(names)
    if not names:
        return
    either = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    pair = re.compile(
        rf"""(?<![\w.]) (?<![\w)][-+*/^]) (?<![\w)][ ][-+*/^][ ])
            (?: (?P<name>{either})["'`*_$]{{0,4}}\s{{0,4}}(?:=|:|≈|→|\||\bis\b)["'`*_$\s]{{0,6}}
                (?P<value>[^\s,;:=|"'`*$<>()\[\]{{}}]++)
              | <(?P<tag>{either})>\s{{0,9}}(?P<content>[^<>]{{1,60}})</ )
            (?!\s?[*/^+]\s?\w)""",
        re.VERBOSE | (re.IGNORECASE if all(map(str.islower, known)) else re.NOFLAG),
    )
    values: dict[str, str] = {}
    begin = end = 0
    for match in pair.finditer(text):
        name = match["name"] or match["tag"]
        name = name if name in names else known[name.lower()]
        if name in values or match.start() - end > FAR:
            values = {}
        begin, end = begin if values else match.start(), match.end()
        values[name] = (match["value"] or match["content"]).strip().rstrip(".")
        if len(values) == len(names):
            yield begin, values
            values = {}


def _as_listed(text: str, space: Space) -> Iterator[tuple[int, Values]]:
    """Lines as the prompt lists its solutions."""
    at = 0
    for row in text.splitlines(keepends=True):
        if len(row) <= LONGEST_LINE and row.strip():
            with contextlib.suppress(InvalidSolution):
                space.read(bare(row))
                yield at, bare(row)
        at += len(row)


def any_case(names: Sequence[str]) -> dict[str, str]:
    """The names by their small letters; as they are, where two differ by nothing else."""
    found = {name.lower(): name for name in names}
    return found if len(found) == len(names) else {name: name for name in names}
