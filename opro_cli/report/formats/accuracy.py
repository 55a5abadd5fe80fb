"""The accuracies of instructions as data: for JSON, and flat for CSV."""

from __future__ import annotations

from typing import Any

from opro_cli.core.events import GRADES
from opro_cli.report.judged import JudgedRow, JudgedRun, Share, scorer_name
from opro_cli.report.paired import Paired
from opro_cli.report.verdicts import verdict_of


def accuracy_of(judged: JudgedRow) -> dict[str, Any]:
    """What the runs of a row found: all accuracies from 0 to 1, intervals of 95 %."""
    best, gain, floor = judged.best, judged.gain, judged.floor
    view = judged.best_view
    return {
        "runs": len(judged.runs),
        "best_run": view.id if view else None,
        **run_accuracy(best),
        "gain": paired_json(gain),
        "runs_better": gain.repetitions_better if gain else None,
        "verdict": gain.verdict if gain else None,
        "sentence": verdict_of(judged),
        "majority": {"share": floor[0], "answer": floor[1]} if floor else None,
        "answers": judged.answers,
        "search_answers": judged.search_answers,
        "scorer": scorer_name(judged.row.runs[0].spec),
        "cost": {"optimizer": judged.row.cost, "scorer": judged.scorer_cost},
    }


def run_accuracy(run: JudgedRun | None) -> dict[str, Any]:
    """The instruction of one run, and how it does; all None where there is no such run."""
    if run is None:
        keys = ("instruction", "train", "dev", "test", "start", "gap", "controls", "grades")
        return dict.fromkeys(keys)
    point = run.chosen
    return {
        "instruction": _text(point),
        "train": _share(run.train(point)),
        "dev": _share(run.on("dev", point)),
        "test": _share(run.on("test", point)),
        "start": _share(run.on("test", run.start)),
        "gap": run.gap,
        "controls": [
            {
                "instruction": _text(v.point),
                "part": v.part,
                **(_share(run.on("test", v.point)) or {}),
            }
            for v in run.controls
        ],
        "grades": {GRADES.get(g, f"score {g}"): n for g, n in sorted(run.grades.items()) if n},
    }


def paired_json(pair: Paired | None) -> dict[str, Any] | None:
    """A paired difference."""
    if pair is None:
        return None
    return {
        "difference": pair.difference,
        "interval": list(pair.interval),
        "better": pair.better,
        "worse": pair.worse,
        "examples": pair.examples,
        "repetitions": len(pair.pairs),
        "p": pair.p,
        "resolution": pair.resolution,
    }


def against_json(base: JudgedRow, pair: Paired) -> dict[str, Any]:
    """A row held against another on the same test examples."""
    return {
        "baseline": base.row.optimizer,
        "verdict": pair.verdict,
        **(paired_json(pair) or {}),
    }


def _share(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {
        "right": share.right,
        "examples": share.examples,
        "rate": share.value,
        "interval": list(share.interval),
    }


def _text(point: tuple[Any, ...] | None) -> str | None:
    return str(point[0]) if point else None
