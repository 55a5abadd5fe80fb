"""GBNF grammars as regular expressions."""

from __future__ import annotations

import re


def gbnf_to_regex(grammar: str) -> str:
    """The subset of GBNF that spaces use: literals, classes, repetition, alternatives."""
    parts = re.findall(r'"[^"]*"|\[[^\]]*\]|\{[0-9,]+\}|[()|?]', grammar)
    return "".join(re.escape(p[1:-1]) if p.startswith('"') else p for p in parts)
