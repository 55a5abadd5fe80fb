"""What is said when the runs of a command have ended."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from opro_cli import display, plan
from opro_cli.events import Event, Failed, Stopped
from opro_cli.output import print_out, say
from opro_cli.text import plural

if TYPE_CHECKING:
    from opro_cli.launch import Outcome


def raised(outcome: Outcome) -> str:
    """The cap that was reached, as an option with room for as much again."""
    spent = {
        "max_cost": outcome.spent.cost,
        "max_calls": outcome.spent.calls,
        "max_tokens": outcome.spent.tokens,
        "max_time": outcome.seconds,
    }
    cap = getattr(outcome.caps, outcome.reason, None)
    if cap is None:
        return ""
    most = 2 * max(cap, spent[outcome.reason])
    return f" {plan.option(outcome.reason)} {most if isinstance(most, int) else f'{most:.4g}'}"


def failures(outcome: Outcome) -> None:
    """Say why runs failed: the log may hold nothing of it, and the display may show nothing."""
    errors = Counter(run.tally.error for run in outcome.runs if run.tally.error)
    for error, count in errors.most_common(3):
        say(f"failed ({plural(count, 'run')}): {error}")
    hint = next((run.tally.hint for run in outcome.runs if run.tally.error and run.tally.hint), "")
    if hint:
        say(f"hint: {hint}")
    idle = [r for r in outcome.runs if r.tally.replies and r.tally.unusable == r.tally.replies]
    if idle:
        said = plural(len(idle), "run")
        say(f"{said} had no usable reply at all; see: opro runs show {idle[0].id}")


class Results(display.Silent):
    """One JSON line on stdout for every run that ends."""

    def event(self, run: display.Watched, event: Event) -> None:
        """Print the result of a run that has ended."""
        if isinstance(event, Stopped | Failed):
            print_out(json.dumps(_result(run)) + "\n")


def _result(run: display.Watched) -> dict[str, Any]:
    t = run.tally
    return {
        "run": run.id,
        "preset": run.spec.preset,
        "optimizer": run.spec.optimizer.name,
        "model": run.spec.model,
        "target": run.spec.target,
        "repetition": run.spec.repetition + 1,
        "state": t.state,
        "reason": t.reason,
        "error": t.error,
        "steps": t.step,
        "best": {"point": list(t.best[0]), "value": t.best[1]} if t.best else None,
        "distinct_pairs": t.distinct_pairs,
        "recorded_pairs": t.recorded_pairs,
        "evaluations": t.evaluations,
        "calls": t.calls,
        "tokens": {"input": t.usage.input, "output": t.usage.output},
        "cost": None if t.unpriced else t.cost,
        "seconds": round(t.seconds, 3),
    }
