"""A report as tables for LaTeX, with the packages booktabs and graphicx."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean
from opro_cli.report.formats import LONGEST_NOTE, RenderOptions
from opro_cli.report.formats.columns import fitting, pages_of
from opro_cli.report.summary import Summary
from opro_cli.report.table import EMPTY, Table
from opro_cli.report.tables import tables

COLUMN = 72
"""Characters of footnote size in a column of a paper, made a little smaller where it must be."""

LONGEST_CELL = 120

HEAD = "% Packages: \\usepackage{booktabs,graphicx}"

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "[": "{[}",  # after the end of a row, it would begin an option, as a star would
    "]": "{]}",
    "*": "{*}",
    "\0": "{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "τ": r"$\tau$",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
}
"""Characters that are more than themselves in LaTeX, or that every LaTeX has by another name."""

WITHOUT_T1 = set("ÐÞðþ")
"""Letters that only some fonts have."""

OPTION = re.compile(r" \(--[a-z-]+\)| Run more with --reps\.")
"""A hint for the command line, which a paper has no use for."""

MINUS = re.compile(r"(?<![\w.-])-(?=\.?\d)")
"""A hyphen that is a minus sign."""

NO_LABEL = re.compile(r"[^a-z0-9]+")

NUMBER = re.compile(r"[-+~<$]?[\d.,]+([±–/ ].*|[kM%s]|)|\[.*\]|[-–—]?")
"""A cell that is set to the right."""


def render(summary: Summary, options: RenderOptions) -> str:
    """Tables that fit a column, with captions and notes. Every cell is escaped."""
    full = options.detail == "full"
    parts = [HEAD]
    labels: Counter[str] = Counter()
    made = list(tables(summary, options.detail, for_paper=True))
    # The tables of a contest say themselves what their numbers are worth.
    careful = () if summary.side_by_side or not made else summary.cautions
    for table in made:
        pages = list(pages_of(table, COLUMN)) if full else [fitting(table, COLUMN)]
        if table.fixed:
            pages = [list(range(len(table.columns)))]
        for i, columns in enumerate(pages):
            last = i == len(pages) - 1
            shown = [table.columns[i] for page in pages for i in page]
            notes = [*table.noted(shown)] if last else []
            notes += careful if last and table is made[-1] else []
            label = NO_LABEL.sub("-", table.title.lower()).strip("-")[:60]
            labels[label] += 1
            if labels[label] > 1:
                label += f"-{labels[label]}"
            parts.append("\n".join(_lines(table, columns, notes, label)))
    parts += [f"% {clean(note, 2000)}" for note in summary.notes if note not in careful]
    return "\n\n".join(parts) + "\n"


def _lines(table: Table, columns: Sequence[int], notes: Sequence[str], label: str) -> Iterator[str]:
    headings, rows = table.joined()
    shown = [headings[i] for i in columns]
    said = table.explained(shown)
    kinds = "".join("r" if _is_number(row[i] for row in rows) else "l" for i in columns)
    yield r"\begin{table}"
    yield r"\centering\footnotesize"
    caption = f"{_sentence(table.title)}. {_sentence(said)}." if said else f"{table.title}."
    yield rf"\caption{{{_printed(caption, 1300)}}}"
    yield rf"\label{{tab:{label}}}"
    yield r"\resizebox{\ifdim\width>\columnwidth\columnwidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{kinds}}}"
    yield r"\toprule"
    yield " & ".join(map(_printed, shown)) + r" \\"
    yield r"\midrule"
    for row in rows:
        yield " & ".join(_cell(row[i]) for i in columns) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    for note in notes:
        said = _printed(OPTION.sub("", note), LONGEST_NOTE)
        yield rf"\par\smallskip\parbox{{\columnwidth}}{{\scriptsize {said}}}"
    yield r"\end{table}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_number(cells: Iterator[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in cells)


def _cell(text: str) -> str:
    """A cell; a dash for an empty one."""
    return _printed("—" if text in EMPTY and text else text, LONGEST_CELL)


def _printed(text: str, limit: int = 300) -> str:
    """Escaped, with minus signs where these are meant."""
    return escape(MINUS.sub("−", text), limit)


def escape(text: str, limit: int = 300) -> str:
    """Text that LaTeX shows as it is; a character that not every font has, as its code point."""
    plain = clean(text, limit).replace("--", "-\0-").replace("--", "-\0-")  # no dash of two
    return "".join(map(_escaped, plain))


def _escaped(c: str) -> str:
    if c in SPECIAL:
        return SPECIAL[c]
    if " " <= c <= "~" or ("À" <= c <= "ÿ" and c not in WITHOUT_T1):
        return c
    return rf"{{[}}U+{ord(c):04X}{{]}}"
