"""The report for LaTeX: text stays text, braces match, and a LaTeX that is here compiles it."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli import report
from opro_cli.report.formats.latex import escape
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.figures.comparing import OPRO, add_failed, events, store_all

HOSTILE = r"\input{/etc/passwd} $x$ % {} # & _ ^ ~ -- \write18{id} [*] 東 “a” τ ≤ | < > ` ' \u202e"
KNOWN = {
    r"\textbackslash{}": "\\", r"\textasciicircum{}": "^", r"\textasciitilde{}": "~",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|", r"\textasciigrave{}": "`",
    r"\textquotedbl{}": '"', r"\textquotesingle{}": "'", "{[}": "[", "{]}": "]", "{*}": "*",
    "{}": "",
}  # fmt: skip


@pytest.fixture
def text(tmp_path) -> str:
    runs = RunStore(tmp_path / "runs")
    store_all(runs)
    add_failed(runs, 3)
    add(runs, replace(OPRO, preset=HOSTILE), *events([3.0]), model=HOSTILE)
    summary = summarize(*runs.all())
    held = summarize(*runs.all(), side_by_side=True)
    made = [(summary, "full"), (summary, "main"), (held, "main")]
    return "".join(report.render(one, "latex", detail=detail) for one, detail in made)


def read_back(shown: str) -> str:
    """What LaTeX prints of an escaped text of ASCII characters."""
    for written, character in KNOWN.items():
        shown = shown.replace(written, "\0" + chr(0xE000 + ord(character)) if character else "")
    shown = re.sub(r"\\([{}$%&#_])", r"\1", shown)
    return re.sub("\0(.)", lambda m: chr(ord(m[1]) - 0xE000), shown)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=50))
def test_every_ascii_text_is_printed_as_it_is(given_text):
    assert read_back(escape(given_text)) == given_text


@given(st.text(max_size=50))
def test_an_escaped_text_has_no_command_but_those_of_the_list(given_text):
    shown = escape(given_text)
    rest = re.sub(r"\\(text[a-z]+|ldots|d?dag|S|P)\{\}|\$\\[a-z]+\$|\$-\$|\\[{}$%&#_]", "", shown)
    assert not set("\\$%&#_^~") - {"~"} & set(rest)
    assert rest.count("{") == rest.count("}")


def test_cells_rows_and_environments_match(text):
    bodies = re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert bodies
    for kinds, body in bodies:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) >= 2
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(kinds)}
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    printed = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert r"\input" not in printed.replace(r"\textbackslash{}input", "")
    assert "1 failed" in text


def test_a_latex_compiles_it(text, tmp_path):
    latex = shutil.which("pdflatex")
    if latex is None:
        pytest.skip("no LaTeX is installed")
    page = rf"""\documentclass[twocolumn]{{article}}
\usepackage{{booktabs,graphicx}}
\begin{{document}}
{text}
\end{{document}}
"""
    Path("page.tex").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [latex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        capture_output=True,
        check=False,
    )
    out = done.stdout.decode("utf-8", "replace")
    if "booktabs.sty' not found" in out:
        pytest.skip("this LaTeX is without booktabs")
    assert done.returncode == 0, out[-2000:]
    wide = [float(w) for w in re.findall(r"Overfull \\hbox \(([\d.]+)pt", out)]
    assert max(wide, default=0.0) < 30, wide


def test_curves_are_every_moment_of_every_run(tmp_path):
    runs = RunStore(tmp_path / "runs")
    summary = store_all(runs)
    rows = list(csv.DictReader(io.StringIO(report.render(summary, "csv", curves=True))))
    for run, history in summary.histories.items():
        mine = [row for row in rows if row["run"] == run]
        *moments, end = history.moments
        if not moments or end != moments[-1]._replace(seconds=end.seconds):
            moments.append(end)  # an end that is only later says nothing new
        assert [float(row["best"]) for row in mine] == [m.best for m in moments]
        assert [int(row["evaluations"]) for row in mine] == [m.evaluations for m in moments]
    assert {row["state"] for row in rows} == {"stopped", "converged"}


def test_curves_are_for_csv(opro):
    done = opro("report", "--format", "json", "--curves")
    assert done.exit_code == 2
    assert "--curves is for CSV" in done.stderr


def test_a_paper_gets_one_table_with_a_label_and_no_options(opro, tmp_path):
    runs = RunStore(Path("runs"))
    store_all(runs)
    assert opro("report", "-o", "paper.tex").exit_code == 0
    made = Path("paper.tex").read_text()
    assert opro("report", "-o", "wide.tex", "--wide").exit_code == 0
    assert made.count(r"\begin{table}") < Path("wide.tex").read_text().count(r"\begin{table}")
    labels = re.findall(r"\\label\{tab:([a-z0-9-]+)\}", made)
    assert len(labels) == len(set(labels)) == made.count(r"\begin{table}")
    tables = "\n".join(line for line in made.splitlines() if not line.startswith("%"))
    assert "-{}-" not in tables
