"""The notebook in docs/ runs in a kernel of its own, and shows tables and progress."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent.parent / "docs" / "python.ipynb"
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
notebook.cells.append(nbformat.v4.new_code_cell("print(opro.report([baseline, r]))"))
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, "done.ipynb")
"""


@pytest.mark.model
def test_the_notebook_runs_and_shows_tables_and_progress(tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    command = [sys.executable, "-c", RUN, NOTEBOOK]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    cells = json.loads((tmp_path / "done.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output["output_type"] == "error"]
    shown = "".join("".join(o.get("data", {}).get("text/html", "")) for o in outputs)
    assert shown.count("<th>best x</th>") == 2
    said = "".join("".join(o.get("text", "")) for o in outputs if o.get("name") == "stdout")
    assert "starting points" in said
    assert "| random |" in said
    assert "│ random" in said
    assert not [o for o in outputs if o.get("name") == "stderr"]


def test_an_error_is_the_callers_line_a_sentence_and_a_hint_in_a_notebook(tmp_path):
    pytest.importorskip("IPython")
    script = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_cell('''import opro_cli as opro
def f(d): return 1.0
opro.minimize(f, {"d": (12, 1)}, optimizer="random", budget=2)''')
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        'line 3: opro.minimize(f, {"d": (12, 1)}, optimizer="random", budget=2)',
        "UsageError: space.d is (12, 1), and the first bound is the lower one.",
        "hint: as in (1, 12)",
    ]
