"""The metric ``choice``: one of the options of an example, by its letter or its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import Grade, unread
from opro_cli.problems.instructions.reading import (
    answer_text,
    bare_letters,
    joined,
    marked_letters,
    phrases_in,
    plain,
)


@dataclass(frozen=True)
class Choice:
    """Exactly one option is in the answer, by its letter or its text, and it is the target.

    The options are the example's choices, or lines such as "(A) …" at the end of its question; if
    there are none, any one letter is an answer.
    """

    name: ClassVar[str] = "choice"
    version: ClassVar[int] = 1

    def grade(self, example: Example, reply: str) -> Grade:
        """Two options, one after "not", or a letter with another option's text, are no answer."""
        options = options_of(example)
        named, negated = _named(answer_text(reply), options)
        if not named:
            return unread("The answer names no option.")
        if len(named) > 1:
            return unread(f"The answer names {joined(sorted(named))}, not one option.")
        if negated:
            return unread("An option is negated.")
        read = named.pop()
        if options and ord(read) - ord("A") >= len(options):
            return unread(f"The answer names {read}, and there is no such option.")
        return Grade(read, float(read == _letter_of(example.target, options)))


def _named(answer: str, options: Sequence[str]) -> tuple[set[str], bool]:
    """The letters of the options that an answer names, and whether one is negated."""
    forms = {letter: plain(option) for letter, option in zip(_LETTERS, options, strict=False)}
    marked, negated, rest = marked_letters(answer)
    whole = plain(rest)
    if len(marked) == 1 and whole in ("", forms.get(min(marked))):
        return marked, negated
    texts = tuple(option for option in options if len(option) > 1)
    bare, also = bare_letters(rest, texts)
    letters = marked | bare
    if letters:
        others = {letter for letter, form in forms.items() if form and form == whole} - letters
        return letters | others, negated or also
    found, negated = phrases_in(rest, texts)
    return {letter for letter, form in forms.items() if form in found}, negated


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_OPTION = re.compile(r"^[ \t]*(?:\(([A-Z])\)|([A-Z])[).:])[ \t]*(\S[^\n]*)$", re.MULTILINE)

_OWN_LETTER = re.compile(r"\(?([A-Z])[).:]\s*(.*)", re.DOTALL)


def options_of(example: Example) -> tuple[str, ...]:
    """The texts of an example's options, without letters such as "A)" before them."""
    if example.choices:
        found = [_OWN_LETTER.fullmatch(choice) for choice in example.choices]
        if all(f and f[1] == letter for f, letter in zip(found, _LETTERS, strict=False)):
            return tuple(f[2].strip() for f in found if f)
        return example.choices
    texts: list[str] = []
    for match in _OPTION.finditer(example.question):
        letter = match[1] or match[2]
        if letter == "A":
            texts = []
        if letter == _LETTERS[len(texts) : len(texts) + 1]:
            texts.append(match[3].strip())
    return tuple(texts) if len(texts) > 1 else ()


def _letter_of(target: str, options: Sequence[str]) -> str:
    """The letter of a target that is a letter, or the text of an option; empty for none."""
    found = re.fullmatch(r"[(\[]?([A-Z])[)\].:]?", target.strip())
    if found and (not options or found[1] in _LETTERS[: len(options)]):
        return found[1]
    same = [
        letter
        for letter, option in zip(_LETTERS, options, strict=False)
        if plain(option) == plain(target)
    ]
    return same[0] if len(same) == 1 else ""
