"""Record the picture of the page in docs/page.md, from real runs of the embedded model.

    python docs/record_page.py

Runs the quickstart preset with the embedded model and three baselines, writes the report as a
page, and takes its picture in Chromium, which has to be installed; it takes a minute or two.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("page.png")
WIDTH, HEIGHT = 1000, 1180
COMMANDS = (
    ("run-opro", "quickstart", "--model", "local"),
    ("run-baseline", "quickstart", "-O", "random", "-O", "nelder-mead", "-O", "cma-es"),
    ("report", "-o", "report.html"),
)


def main() -> None:
    """Run, write the page and take its picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no chromium; on Debian: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        for words in COMMANDS:
            subprocess.run([sys.executable, "-m", "opro_cli", *words], cwd=folder, check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto((Path(folder) / "report.html").as_uri())
            page.screenshot(path=PICTURE)
            browser.close()


if __name__ == "__main__":
    main()
