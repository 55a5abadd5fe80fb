"""Success rate, steps and evaluations of OPRO's strategies on the embedded model, and an ablation.

    python benchmarks/convergence.py                      # everything; continues where it stopped
    python benchmarks/convergence.py --only adaptive paper
    python benchmarks/convergence.py --preset benchmarks/development.yaml --only adaptive
    python benchmarks/convergence.py --tables             # run nothing, print what there is

Every variant is `opro run-opro` with the settings below and a runs directory of its own, so that
`opro report`, `opro runs show` and `opro replay` look at whatever is printed here. The variants of
the ablation are run for the first two repetitions, and compared with those of the whole strategy.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from opro_cli.report.statistics import wilson

HERE = Path(__file__).parent
VARIANTS: dict[str, dict[str, str]] = {
    "adaptive": {},
    "no model": {"perturb": "1", "perturb_on_plateau": "1"},
    "no code": {"perturb": "0", "perturb_on_plateau": "0", "fill": "false"},
    "no reaction to a plateau": {"plateau": "0"},
    "duplicates kept": {"duplicates": "keep", "oversample": "1", "tries": "1", "fill": "false"},
    "asked once": {"oversample": "1", "tries": "1"},
    "names in the list": {"metaprompt": "list"},
    "coordinates in fixed order": {"turn": "false"},
    "only the best pairs shown": {"show": "best"},
    "aim by the best value": {"aim_by": "best"},
}
"""What each variant changes of the adaptive strategy."""
PAPER = "paper"
"""The preset table2: the same instances, the paper's strategy, more steps."""
ABLATION = 2
"""Repetitions of the variants."""
BASELINES = "baselines"
Row = Mapping[str, Any]


def opro(*args: str) -> None:
    """Run a command; its progress goes to stderr."""
    done = subprocess.run(["opro", *args, "--display", "plain"], check=False, stdout=sys.stderr)
    if done.returncode:
        sys.exit(done.returncode)


def rows(place: Path, reps: int | None = None) -> list[Row]:
    """The rows of a report on a runs directory, of its first repetitions where ``reps`` says so."""
    if not place.is_dir():
        return []
    command = ["opro", "report", "--runs-dir", str(place), "--format", "json"]
    if reps:
        command += [name for name, run in runs(place).items() if run["repetition"] <= reps]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[Row] = json.loads(done.stdout)
    return found


@functools.cache
def runs(place: Path) -> dict[str, Row]:
    """The single runs in a runs directory by their ids, as `opro runs list` tells of them."""
    command = ["opro", "runs", "list", "--runs-dir", str(place), "--limit", "100000", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    listed = map(json.loads, done.stdout.splitlines())
    return {run["run"]: run for run in listed}


def folder(root: Path, variant: str) -> Path:
    """The runs directory of a variant."""
    return root / variant.replace(" ", "-")


def by_target(root: Path, published: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The adaptive strategy, target by target, beside what was published and the baselines."""
    base = rows(folder(root, BASELINES))
    rivals = list(dict.fromkeys(row["optimizer"] for row in base))
    heads = ["w, b", "solved", "steps: median (mean; quartiles)", "steps: mean, 95% CI"]
    heads += ["evaluations", "solved by the model", "tokens in + out", "seconds a step"]
    heads += [f"{table['model']}: steps" for table in published]
    heads += [f"{name}: evaluations" for name in rivals]
    yield line(heads)
    yield line(["---"] * len(heads))
    for row in rows(folder(root, "adaptive")):
        target = row["target"]
        cells = [f"{target['w']:g}, {target['b']:g}".replace("-", "−"), rate(row), *steps(row)]
        cells += [mean(row["evaluations"])]
        cells += [f"{row['solved_by'].get('model', 0)} of {row['converged']}"]
        cells += [f"{tokens(row) / row['reps']:,.0f}"]
        cells += [f"{row['seconds'] / all_steps(folder(root, 'adaptive'), row):.2f}"]
        cells += [published_steps(table, target) for table in published]
        for name in rivals:
            same = [b for b in base if (b["optimizer"], b["target"]) == (name, target)]
            cells.append(f"{mean(same[0]['evaluations'])} ({rate(same[0])})" if same else "")
        yield line(cells)


def ablation(root: Path, most: int) -> Iterator[str]:
    """One row a variant, all targets together; a run that fails counts as ``most`` steps."""
    heads = ["variant", "solved", "success rate, 95% CI", "steps: median"]
    heads += [f"mean, 95% CI (not solved: {most})"]
    heads += ["evaluations of the solved runs", "points by the model"]
    heads += ["solved by the model", "seconds a step"]
    yield line(heads)
    yield line(["---"] * len(heads))
    for variant in [*VARIANTS, PAPER]:
        found = [r for r in rows(folder(root, variant), ABLATION) if r["optimizer"] == "opro"]
        if not found:
            continue
        done = [row for row in found if row["converged"]]
        solved, reps = sum(r["converged"] for r in found), sum(r["reps"] for r in found)
        low, high = wilson(solved, reps)
        place = folder(root, variant)
        made = [step for row in found for step in row_steps(place, row, most)]
        seconds = sum(r["seconds"] for r in found) / sum(all_steps(place, r) for r in found)
        evaluations = [r["evaluations"]["mean"] * r["converged"] for r in done]
        model, code = (sum(r["points"][who] for r in found) for who in ("model", "code"))
        by_model = sum(r["solved_by"].get("model", 0) for r in found)
        yield line(
            [
                variant,
                f"{solved} of {reps}",
                f"{100 * low:.0f}–{100 * high:.0f}%",
                f"{statistics.median(made):g}",
                f"{statistics.mean(made):.1f} ({interval(made)})",
                f"{sum(evaluations) / max(solved, 1):.0f}",
                f"{100 * model / max(model + code, 1):.0f}%",
                f"{by_model} of {solved}",
                f"{seconds:.2f}",
            ]
        )


def line(cells: Sequence[str]) -> str:
    """A row of Markdown."""
    return "| " + " | ".join(cells) + " |"


def rate(row: Row) -> str:
    """How many repetitions were solved."""
    return f"{row['converged']} of {row['reps']}"


def steps(row: Row) -> list[str]:
    """Median, mean and quartiles of the solved repetitions, and a bootstrap interval."""
    stat, more = row["steps"], row["statistics"]["steps"]
    if stat is None:
        return ["-", "-"]
    low, high = more["quartiles"]
    ends = more.get("interval")
    shown = f"{more['median']:g} ({stat['mean']:.1f}; {low:g}–{high:g})"
    return [shown, f"{ends[0]:.1f}–{ends[1]:.1f}" if ends else "-"]


def mean(stat: Row | None) -> str:
    """A mean, or a dash."""
    return "-" if stat is None else f"{stat['mean']:.1f}"


def published_steps(table: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """What was published for a target."""
    for row in table["rows"]:
        if row["target"] == target:
            return f"{row['steps']['mean']:g}" if row.get("steps") else "none"
    return ""


def tokens(row: Row) -> int:
    """Tokens of all runs, in and out."""
    return sum(row["tokens"].values())


def all_steps(place: Path, row: Row) -> int:
    """Steps of all runs of a row, solved or not."""
    return max(sum(int(runs(place)[name]["steps"]) for name in row["runs"]), 1)


def row_steps(place: Path, row: Row, most: int) -> Iterator[int]:
    """Steps of each run of a row; ``most`` for one that was not solved."""
    for name in row["runs"]:
        run = runs(place)[name]
        yield min(run["steps"], most) if run["state"] == "converged" else most


def interval(values: Sequence[float]) -> str:
    """95 % bootstrap interval of a mean."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.asarray(values, float), (10_000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{low:.1f}–{high:.1f}"


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", type=Path, default=HERE / "convergence.yaml")
    parser.add_argument("--root", type=Path, help="where runs are kept [runs-PRESET]")
    parser.add_argument(
        "--only", nargs="+", metavar="VARIANT", choices=[*VARIANTS, PAPER, BASELINES]
    )
    parser.add_argument("--tables", action="store_true", help="run nothing")
    given = parser.parse_args()
    root = given.root or Path(f"runs-{given.preset.stem}")
    preset = yaml.safe_load(given.preset.read_text(encoding="utf-8"))
    for variant in [] if given.tables else given.only or [*VARIANTS, PAPER, BASELINES]:
        where = ("--preset", str(given.preset), "--runs-dir", str(folder(root, variant)))
        if variant == BASELINES:
            names = [part for name in preset["baselines"] for part in ("-O", name)]
            opro("run-baseline", *where, *names)
            continue
        if variant == PAPER:
            opro("sweep", "table2", "--model", "local", *where[2:])
            continue
        reps = () if variant == "adaptive" else ("--reps", str(ABLATION))
        changed = [f"opro.{key}={value}" for key, value in VARIANTS[variant].items()]
        opro("run-opro", *where, *reps, *(part for text in changed for part in ("--set", text)))
    from importlib.resources import files

    shipped = Path(str(files("opro_cli"))).parent / "presets"
    published = [
        table
        for name in ("exp1", "table2")
        for table in yaml.safe_load((shipped / f"{name}.yaml").read_text())["published"]
        if table["optimizer"] == "opro"
    ]
    asked = preset["problem"]["targets"]
    published = [t for t in published if any(row["target"] in asked for row in t["rows"])]
    print("\n".join(by_target(root, published)), end="\n\n")
    print("\n".join(ablation(root, preset["max_steps"])))


if __name__ == "__main__":
    main()
