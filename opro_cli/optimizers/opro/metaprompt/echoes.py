"""Finds proposals that repeat the request for an instruction instead of being one.

Small models do that often (14 of 24 proposals in one run): the scorer would obey such a text, and
write instructions instead of answers.
"""

from __future__ import annotations

import re

from opro_cli.core.problem import InvalidSolution

_WRITING = re.compile(
    r"\b(write|generate|create|propose|provide|give|craft|formulate|design|produce|suggest)\b"
    r"[^.!?\n]{0,60}\b(instruction|prompt)s?\b",
    re.I,
)
_NAMED = re.compile(r"\b(new|better|improved|previous|following|above|given) instructions?\b", re.I)
_SCORE = re.compile(r"\b(score|accuracy)\s*[:=]?\s*\d", re.I)
_OWN_WORDS = (
    "were tried",
    "gets a higher score",
    "fits every question",
    "what the reply must look like",
    "wrong replies become right",
    "<ins>",
    "</ins>",
    "right answer:",
)


def check_echo(text: str) -> None:
    """Raises InvalidSolution for an instruction that speaks of instructions, or holds a score."""
    low = " ".join(text.lower().split())
    own = next((words for words in _OWN_WORDS if words in low), None)
    empty = not any(c.isalpha() for c in text)
    if empty or own is not None or _WRITING.search(text) or _NAMED.search(text):
        raise InvalidSolution("echo", "it repeats the request for an instruction")
    if _SCORE.search(text):
        raise InvalidSolution("leak", "it holds a score")
