"""How long `opro --help` takes, against `python -c "import typer, rich"`.

    python benchmarks/startup.py

The two are run in turn, so that a machine that slows down slows both; the figure is the median of
the ratios of the pairs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PAIRS = 21
HELP = [sys.executable, "-m", "opro_cli", "--help"]
IMPORTS = [sys.executable, "-c", "import typer, rich"]


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> int:
    """Print medians and their ratio; exit code 1 where it is above 1.5."""
    seconds(HELP), seconds(IMPORTS)  # warm the file cache
    pairs = [(seconds(HELP), seconds(IMPORTS)) for _ in range(PAIRS)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"opro --help           {1000 * statistics.median(a for a, _ in pairs):6.0f} ms")
    print(f"import typer, rich    {1000 * statistics.median(b for _, b in pairs):6.0f} ms")
    print(f"ratio                 {ratio:6.2f}   (median of {PAIRS} pairs)")
    return 0 if ratio <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
