"""``--print-config``: every value of a preset with its source, as a preset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opro_cli.core.mappings import dotted_keys
from opro_cli.core.text import clean
from opro_cli.presets import strict_yaml
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import Preset


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


def servers(plan: Plan) -> dict[str, str]:
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
    notes = [f"# {clean(name)} is at {clean(where)}\n" for name, where in servers(plan).items()]
    text = to_yaml(plan.preset, plan.resolved.sources, plan.optimizers, plan.grid)
    return text + "".join(notes)


def config_json(plan: Plan) -> str:
    """The same as one JSON object."""
    sweep = {"sweep": dict(plan.grid)} if plan.grid else {}
    shown = {**plan.preset.dump(plan.optimizers), **sweep}
    data = {"preset": shown, "sources": dict(plan.resolved.sources), "servers": servers(plan)}
    return json.dumps(data) + "\n"
