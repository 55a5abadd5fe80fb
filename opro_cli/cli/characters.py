"""Characters that an output cannot show, in ASCII: borders, bars and marks, else an escape."""

from __future__ import annotations

import codecs

IN_ASCII = "in-ascii"
"""The name of the error handler for streams."""

_PLAIN = {
    **dict.fromkeys("─━╌–—−‐‑", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╇╈╋┏┓┗┛┡┩┢┪", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    "…": "...",
    "±": "+-",
    "×": "x",
    "·": "-",
    "→": "->",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "✓": "+",
    "✗": "x",
    "\u00a0": " ",
}


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    shown = "".join(_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in wrong)
    return shown, error.end


codecs.register_error(IN_ASCII, _in_ascii)
