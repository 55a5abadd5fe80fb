"""Where in a reply the answer is, and what labels, letters and numbers are in it.

Strict on purpose. The metric of google-deepmind/opro (``opro/evaluation/metrics.py`` and
``eval_utils.py``) accepts any answer that contains the target, so that a constant such as "invalid"
is always right where answers are valid or invalid, and rounds numbers. Here a label is a whole
word, two different answers are no answer, and a number is compared as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

FEW_WORDS = 8
"""A reply of at most so many words is an answer as a whole: every label in it counts."""

MOST_CHARS = 20_000
"""Characters of a reply that are read: its end."""

LONGEST_NUMBER = 60

_ANNOUNCED = re.compile(r"\banswers?\W{0,3}(?:\s+(?:is|are)\b|:)|####|\\boxed\s*\{", re.IGNORECASE)

_FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)

_NEGATION = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot)|n['’]t)(?:\s+(?:an?|the))?[\s\"'“‘(\[*]*$",
    re.IGNORECASE,
)

_EMPHASIS = re.compile(r"[*`]|(?<![^\W_])_|_(?![^\W_])")

_PAIRS = ('""', "''", "“”", "‘’", "„“", "«»", "``", "**", "__")


def region(reply: str) -> str:
    """The lines of a reply that hold its answer; empty if there are none.

    What follows the last "answer:", "answer is" or "####", up to the end of the first line that is
    not empty; or what is in the last ``\\boxed{}``; otherwise the last line that is not empty.
    """
    text = _lines(reply)
    found = None
    for found in _ANNOUNCED.finditer(text):  # noqa: B007
        pass
    if found is not None:
        rest = text[found.end() :]
        if found[0].endswith("{"):
            return _balanced(rest)
        return _first_line(rest.lstrip(" \t:*_"))
    return text.rsplit("\n", 1)[-1].strip()


def answer_text(reply: str) -> str:
    """As :func:`region`, but the whole of a reply that has few words and announces nothing."""
    text = _lines(reply)
    if not _ANNOUNCED.search(text) and len(text.split(None, FEW_WORDS)) <= FEW_WORDS:
        return text
    return region(reply)


def after_announcement(reply: str) -> str:
    """All that follows the last announcement of an answer, or the whole reply."""
    text = _lines(reply)
    return _ANNOUNCED.split(text)[-1].lstrip(" \t:*_").strip() if text else ""


def _lines(reply: str) -> str:
    """The end of a reply, in NFC, without the fences of code."""
    text = unicodedata.normalize("NFC", reply[-MOST_CHARS:]).replace("\r", "\n")
    return _FENCE.sub("", text).strip()


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].strip()


def _balanced(text: str) -> str:
    """Up to the brace that closes one that is open."""
    depth = 1
    for i, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth:
            return text[:i].strip()
    return _first_line(text)


def same_form(text: str) -> str:
    """A text as ``exact`` compares it: NFC, single spaces, no quotes round it, no final stop."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    stopped = False
    while len(text) > 1:
        if text[0] + text[-1] in _PAIRS:
            text = text[1:-1].strip()
        elif text[-1] in ".。" and text[-2] not in ".。" and not stopped:
            text, stopped = text[:-1].strip(), True
        else:
            break
    return text


# Labels


@lru_cache(maxsize=256)
def phrases_pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of whole words for any of these phrases, longer ones first."""
    parts = [_phrase(p) for p in sorted(set(phrases), key=lambda p: (-len(p), p)) if p.strip()]
    return re.compile("|".join(f"({part})" for part in parts) or r"(?!)", re.IGNORECASE)


def _phrase(phrase: str) -> str:
    words = r"\s+".join(re.escape(word) for word in plain(phrase).split())
    number = phrase.strip()[:1].isdigit()
    before = r"(?<![\w.,:/−-])" if number else r"(?<!\w)(?<!\w[-‑'’])"
    after = r"(?!\w)(?![-‑'’]\w)(?![.,:/]\d)"
    return before + words + after


def plain(text: str) -> str:
    """A text as labels are searched in it: NFC, casefolded, without emphasis, single spaces."""
    text = _EMPHASIS.sub("", unicodedata.normalize("NFC", text))
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def phrases_in(text: str, phrases: tuple[str, ...]) -> tuple[set[str], bool]:
    """The phrases, casefolded, that are whole words of a text, and whether one is negated."""
    shown = plain(text)
    found, negated = set(), False
    for match in phrases_pattern(phrases).finditer(shown):
        found.add(" ".join(match[0].split()))
        negated = negated or is_negated(shown, match.start())
    return found, negated


def is_negated(text: str, start: int) -> bool:
    """Whether "not", "never" or the like is directly before a place of a text."""
    return bool(_NEGATION.search(text[max(start - 30, 0) : start]))


# Letters of options

_MARKED = re.compile(
    r"\(\s*([A-Za-z])\s*\)|\[\s*([A-Za-z])\s*\]|(?<![\w'’])([A-Za-z])\)(?!\w)|^([A-Za-z])[.:](?=\s)"
)

_BARE = re.compile(
    r"(?<![\w'’\-/&])(?:([B-HJ-Z])|([AI])(?!\s+(?!(?:and|or|nor|is|but|because)\b)[a-z]))(?![\w'’\-/&])(?!\.[A-Za-z])"
)


def marked_letters(text: str) -> tuple[set[str], bool, str]:
    """The letters of options that are marked: (A), [A], A), "A." at the start, or A alone.

    Returns:
        The letters, whether one is negated, and the text without them.
    """
    text = _EMPHASIS.sub("", text).strip()
    if re.fullmatch(r"[A-Za-z][.):]?", text):
        return {text[0].upper()}, False, ""
    return _letters(_MARKED, text)


def bare_letters(text: str, phrases: tuple[str, ...]) -> tuple[set[str], bool]:
    """Capitals that are words, outside the phrases, and whether one is negated.

    "A" and "I" before a lower-case word are the article and the pronoun.
    """
    return _letters(_BARE, phrases_pattern(phrases).sub(" ", text))[:2]


def _letters(pattern: re.Pattern[str], text: str) -> tuple[set[str], bool, str]:
    letters, negated = set(), False
    for match in pattern.finditer(text):
        letters.add(next(group for group in match.groups() if group).upper())
        negated = negated or is_negated(text, match.start())
    return letters, negated, " ".join(pattern.sub(" ", text).split()).strip(" .:,;")


# Numbers

_LATEX = re.compile(r"\\text\{[^{}]{0,100}\}|\\[,;!: ]")

_JOINED = re.compile(r"(?<![\d.,])\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+(?!\d)")

_RUN = re.compile(r"[^\s=≈(){}\[\]<>*`\"“”;!?~|]+")

_NUMBER = re.compile(r"[-+−]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][-+]?\d{1,2})?")

_CURRENCY = "$€£¥₹"


def last_number(text: str) -> str | None:
    """The last number of a text, as in ``-1200.50``; None if there is none.

    Separators of thousands, a currency, a per cent sign and a final stop are taken off. The last
    run of characters with a digit decides: where it is no number (a date, a fraction, a range,
    18kg, 3,4), there is none. So it is where thousands and a list look the same: 1 500.
    """
    text = _LATEX.sub(" ", text[-MOST_CHARS:].replace("\\$", "$").replace("\\%", "%"))
    text = _JOINED.sub(lambda m: re.sub(r"\D", "", m[0]), text)
    runs = [run for run in _RUN.finditer(text) if re.search(r"\d", run[0])]
    if not runs:
        return None
    last = runs[-1]
    run = last[0].strip(_CURRENCY + "'’_").rstrip(".,:%°" + _CURRENCY).lstrip(":" + _CURRENCY)
    sign = "-" if re.match(r"[-−]", run) else ""
    run = run.lstrip("-−+").lstrip(_CURRENCY)
    if len(run) > LONGEST_NUMBER or not _NUMBER.fullmatch(run):
        return None
    before = text[: last.start()]
    if len(run) == 3 and run.isdigit() and re.search(r"(?<![\d.,])\d{1,3} $", before):
        return None
    return sign + _ascii(run.replace(",", ""))


def _ascii(digits: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in digits)


def joined(words: Iterable[str]) -> str:
    """Words in a list for a sentence, a few of them."""
    words = [*words]
    return ", ".join(words[:6]) + (", …" if len(words) > 6 else "")
