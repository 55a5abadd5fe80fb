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
