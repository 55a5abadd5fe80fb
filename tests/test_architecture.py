"""What `opro --help` imports, and how long the README may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['opro', '--help']\n"
        "try:\n    from opro_cli.__main__ import main; main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'google', 'pydantic', 'yaml', 'xllamacpp', 'httpx2', 'rich')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_readme_is_short():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    assert len(readme.split()) <= 1200


def test_the_environment_example_names_what_is_read():
    example = (ROOT / ".env-example").read_text()
    for name in ("GEMINI_API_KEY", "MODEL_NAME", "OPRO_RUNS_DIR"):
        assert name in example
