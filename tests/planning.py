"""Presets written by tests, and plans made of them as the command line makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from opro_cli.cli.flags import Options
from opro_cli.cli.options.overrides import overrides_of
from opro_cli.core.errors import UsageError
from opro_cli.presets.environment import Environment
from opro_cli.presets.plan import Plan, make_plan
from opro_cli.presets.resolve import resolve

PROBLEM = "problem: {kind: linear, targets: [{w: 1, b: 2}]}\n"
COMMANDS = {("opro",): "run-opro", ("sgd",): "run-sgd"}


def write(text: str, name: str = "mine.yaml") -> str:
    """Write a preset; its path."""
    Path(name).write_text(text)
    return f"./{name}"


def make(
    preset: str,
    names: Sequence[str] | None = None,
    *,
    dry: bool = False,
    flags: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    targets: Sequence[str] = (),
) -> Plan:
    """The plan of a command with these options."""
    env = Environment()
    command = "sweep" if names is None else COMMANDS.get(tuple(names), "run-baseline")
    values = {**(flags or {}), "settings": settings, "target": targets}
    overrides = overrides_of(Options(command, values), env, names)
    return make_plan(resolve(preset, overrides), env, names, dry=dry)


def planned(text: str, *names: str, dry: bool = True, **given: Any) -> Plan:
    """The plan of a preset with this text."""
    return make(write(text), names or None, dry=dry, **given)


def refused(text: str, **given: Any) -> UsageError:
    """The error of a preset with this text."""
    with pytest.raises(UsageError) as caught:
        planned(text, **given)
    assert caught.value.hint
    assert len(caught.value.message) < 500
    return caught.value
