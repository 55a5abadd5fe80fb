"""What a plan would do, printed instead of done."""

from __future__ import annotations

import json
from typing import Any

from opro_cli import display, estimate
from opro_cli import presets as preset_files
from opro_cli.plan import Plan
from opro_cli.text import clean, plural


def config(made: Plan) -> str:
    """Every value of the preset with its source, as a preset that says the same."""
    return preset_files.to_yaml(made.preset, made.resolved.sources, made.optimizers, made.grid)


def config_json(made: Plan) -> str:
    """The same as one JSON object."""
    sweep = {"sweep": dict(made.grid)} if made.grid else {}
    shown = {**made.preset.dump(made.optimizers), **sweep}
    return json.dumps({"preset": shown, "sources": dict(made.resolved.sources)}) + "\n"


def as_json(made: Plan) -> str:
    """Preset, runs and what they would take, as one JSON object."""
    total = estimate.of_plan(made)
    return (
        json.dumps(
            {
                "preset": made.preset.dump(made.optimizers),
                "sources": dict(made.resolved.sources),
                "runs": [
                    {
                        "optimizer": spec.optimizer.name,
                        "model": spec.model,
                        "target": spec.target,
                        "repetition": spec.repetition + 1,
                        "axes": dict(spec.axes),
                        **_span(estimate.of_run(spec, made)),
                    }
                    for spec in made.specs
                ],
                "total": _span(total),
                "assumed": estimate.ASSUMED,
                "unavailable": list(made.unavailable),
            }
        )
        + "\n"
    )


def _span(e: estimate.Estimate) -> dict[str, Any]:
    return {
        "steps": [round(e.steps.low), round(e.steps.high)],
        "calls": [round(e.calls.low), round(e.calls.high)],
        "tokens": {
            "input": [round(e.input.low), round(e.input.high)],
            "output": [round(e.output.low), round(e.output.high)],
        },
        "cost": None if e.cost is None else [round(e.cost.low, 6), round(e.cost.high, 6)],
    }


def as_text(made: Plan) -> str:
    """The same for people."""
    lines = [f"# {clean(made.resolved.path)}", config(made)]
    models = sorted({spec.model for spec in made.specs if spec.model})
    lines += [f"note: {clean(why)}" for why in made.unavailable]
    lines.append(
        plural(len(made.specs), "run") + (f" with {', '.join(models)}:" if models else ":")
    )
    for spec in made.specs:
        e = estimate.of_run(spec, made)
        calls = f", at most {plural(round(e.calls.high), 'model call')}" if e.calls.high else ""
        steps = plural(round(e.steps.high), "step")
        lines.append(f"  {display.Watched(spec).name}: at most {steps}{calls}")
    total = estimate.of_plan(made)
    if total.calls.high:
        lines.append(f"model calls   {total.calls.low:,.0f} to {total.calls.high:,.0f}")
        lines.append(f"input tokens  {total.input.low:,.0f} to {total.input.high:,.0f}")
        lines.append(f"output tokens {total.output.low:,.0f} to {total.output.high:,.0f}")
        lines.append(f"cost          {_money(total)}")
        lines.append(f"assumed       {estimate.ASSUMED}")
    lines.append("Nothing was started.")
    return "\n".join(lines) + "\n"


def _money(e: estimate.Estimate) -> str:
    if e.cost is None:
        return f"unknown: no price is known for {', '.join(sorted(e.unpriced))}"
    if not e.cost.high:
        return "nothing: the model runs on this machine"
    return f"${e.cost.low:.4f} to ${e.cost.high:.2f}"
