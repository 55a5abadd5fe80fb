"""The table of docs/baselines.md: mean evaluations, one column an optimizer, from a report.

    opro run-baseline --preset benchmarks/baselines.yaml \\
      -O quadratic-fit -O nelder-mead -O cma-es -O local-search -O tpe -O random -O sgd
    opro report --preset baselines --format json | python benchmarks/baselines.py
"""

from __future__ import annotations

import json
import sys
from typing import Any


def cell(row: dict[str, Any]) -> str:
    """Mean ± std of the converged runs, and how many converged, where not all did."""
    stat, reps, found = row["evaluations"], row["reps"], row["converged"]
    if stat is None:
        return f"none of {reps}"
    mean, std = stat["mean"], stat["std"]
    shown = f"{mean:,.0f} ± {std:,.0f}" if mean >= 1000 else f"{mean:.1f} ± {std:.1f}"
    return shown if found == reps else f"{shown} ({found} of {reps})"


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a row a target, then the seconds of one run."""
    names = list(dict.fromkeys(row["optimizer"] for row in rows))
    targets = list(dict.fromkeys((row["target"]["w"], row["target"]["b"]) for row in rows))
    cells = {(r["target"]["w"], r["target"]["b"], r["optimizer"]): cell(r) for r in rows}
    lines = ["| w, b | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for w, b in targets:
        found = (cells.get((w, b, name), "-") for name in names)
        lines.append(f"| {w:g}, {b:g} | " + " | ".join(found) + " |")
    seconds = []
    for name in names:
        mine = [row for row in rows if row["optimizer"] == name]
        mean = sum(row["seconds"] for row in mine) / sum(row["reps"] for row in mine)
        seconds.append(f"{mean:.2f} s")
    lines.append("| a run | " + " | ".join(seconds) + " |")
    return "\n".join(lines).replace("| 36, -1 |", "| 36, −1 |")


if __name__ == "__main__":
    print(table(json.load(sys.stdin)))
