"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

Change: TypeAlias = Literal["same", "removed", "added"]

LONGEST = 2000
"""Words of a text that are compared one by one: the work grows with their square."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


def word_changes(before: str, after: str) -> Iterator[tuple[Change, str]]:
    """The parts of both texts in reading order.

    All that is the same or added makes ``after``; all that is the same or removed makes
    ``before``.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > LONGEST:
        yield from _some(("removed", before), ("added", after))
        return
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = "".join(old[i:j]), "".join(new[k:m])
        if tag == "equal":
            yield "same", removed
        else:
            yield from _some(("removed", removed), ("added", added))


def _some(*parts: tuple[Change, str]) -> Iterator[tuple[Change, str]]:
    yield from (part for part in parts if part[1])
