"""``--dry-run`` and ``--print-config``: a plan, printed instead of started."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opro_cli.core.mappings import dotted_keys
from opro_cli.core.text import clean, plural
from opro_cli.presets import strict_yaml
from opro_cli.presets.estimate import ASSUMED, Estimate, Estimator, Span
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import Preset
from opro_cli.runs.progress import RunView


def to_yaml(
    preset: Preset,
    sources: Mapping[str, str],
    names: Sequence[str] = (),
    axes: Mapping[str, Sequence[Any]] | None = None,
) -> str:
    """The preset in full, each value with its source, as a preset that does the same again.

    Args:
        preset: the preset.
        sources: where each dotted key was set.
        names: optimizers to include besides those of a sweep.
        axes: the sweep.
    """
    data = preset.dump(names)
    if axes:
        data["sweep"] = dict(axes)
    lines = []
    for key, value in data.items():
        section = isinstance(value, dict)
        if section:
            lines.append(f"{key}:")
        for inner, item in value.items() if section else ((key, value),):
            dotted = f"{key}.{inner}" if section else key
            first, *more = strict_yaml.dump(inner, item)
            first += f"  # {_source(dotted, item, sources)}"
            lines += [("  " if section else "") + line for line in (first, *more)]
        if section and (unset := _unset(preset, key, value)):
            lines.append(f"  # not set: {', '.join(unset)}")
    return "\n".join(lines) + "\n"


def _unset(preset: Preset, key: str, shown: Mapping[str, Any]) -> list[str]:
    """The settings of an optimizer that are left out where they are not used."""
    section = preset.sections.get(key)
    return [] if section is None else [n for n in type(section).model_fields if n not in shown]


def _servers(plan: Plan) -> dict[str, str]:
    """The servers that are not the provider's own, with who has named them, by model."""
    return {choice.name: choice.server for choice in plan.models.values() if choice.server}


def _source(dotted: str, value: Any, sources: Mapping[str, str]) -> str:
    """Where a value was set; of a mapping, every place that set a part of it."""
    found = [sources[dotted]] if dotted in sources else []
    if isinstance(value, Mapping):
        found += [sources[key] for key in dotted_keys(value, f"{dotted}.") if key in sources]
    return clean(", ".join(dict.fromkeys(found)) or "default")


def config(plan: Plan) -> str:
    """Every value of the preset with its source, as a preset; the servers of models as comments."""
    servers = [f"# {clean(name)} is at {clean(where)}\n" for name, where in _servers(plan).items()]
    text = to_yaml(plan.preset, plan.resolved.sources, plan.optimizers, plan.grid)
    return text + "".join(servers)


def config_json(plan: Plan) -> str:
    """The same as one JSON object."""
    sweep = {"sweep": dict(plan.grid)} if plan.grid else {}
    shown = {**plan.preset.dump(plan.optimizers), **sweep}
    data = {"preset": shown, "sources": dict(plan.resolved.sources), "servers": _servers(plan)}
    return json.dumps(data) + "\n"


def as_json(plan: Plan) -> str:
    """Preset, runs and estimates, as one JSON object."""
    estimator = Estimator(plan)
    data = {
        "preset": plan.preset.dump(plan.optimizers),
        "sources": dict(plan.resolved.sources),
        "runs": [
            {
                "optimizer": spec.optimizer.name,
                "model": spec.model,
                "target": spec.target,
                "repetition": spec.repetition + 1,
                "axes": dict(spec.axes),
                **_estimate_json(estimator.of_run(spec)),
            }
            for spec in plan.specs
        ],
        "total": _estimate_json(estimator.total()),
        "assumed": ASSUMED,
        "unavailable": list(plan.unavailable),
        "servers": _servers(plan),
    }
    return json.dumps(data) + "\n"


def _estimate_json(e: Estimate) -> dict[str, Any]:
    return {
        "steps": _rounded(e.steps),
        "calls": _rounded(e.calls),
        "tokens": {"input": _rounded(e.input), "output": _rounded(e.output)},
        "cost": None if e.cost is None else [round(e.cost.low, 6), round(e.cost.high, 6)],
    }


def _rounded(span: Span) -> list[int]:
    return [round(span.low), round(span.high)]


def as_text(plan: Plan) -> str:
    """The same as text."""
    estimator = Estimator(plan)
    lines = [f"# {clean(plan.resolved.path)}", config(plan)]
    models = sorted({spec.model for spec in plan.specs if spec.model})
    with_models = f" with {', '.join(models)}:" if models else ":"
    lines.append(plural(len(plan.specs), "run") + with_models)
    for spec in plan.specs:
        e = estimator.of_run(spec)
        calls = f", at most {plural(round(e.calls.high), 'model call')}" if e.calls.high else ""
        steps = plural(round(e.steps.high), "step")
        lines.append(f"  {RunView('', spec).name}: at most {steps}{calls}")
    total = estimator.total()
    if total.calls.high:
        lines.append(f"model calls   {_from_to(total.calls)}")
        lines.append(f"input tokens  {_from_to(total.input)}")
        lines.append(f"output tokens {_from_to(total.output)}")
        lines.append(f"cost          {_money(total)}")
        lines.append(f"assumed       {ASSUMED}")
    lines += [f"not available: {clean(why)}" for why in plan.unavailable]
    lines.append("Nothing was started.")
    return "\n".join(lines) + "\n"


def _from_to(span: Span) -> str:
    return f"{span.low:,.0f} to {span.high:,.0f}"


def _money(e: Estimate) -> str:
    if e.cost is None:
        return f"unknown: no price is known for {', '.join(sorted(e.unpriced))}"
    if not e.cost.high:
        return "$0 (local model)"
    return f"${e.cost.low:.4f} to ${e.cost.high:.2f}"
