"""The settings of a run in ``run.json``, and where each of them comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opro_cli.core.mappings import flat
from opro_cli.optimizers import DEFAULT

NO_SETTINGS = ("preset", "optimizer", "repetition", "axes", "source")
"""What a spec has beside the settings of a preset."""

FOLDER = "problem.folder"


def settings_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in ``run.json`` under dotted keys, without published results."""
    return dict(flat({k: v for k, v in about["spec"].items() if k != "published"}))


class ValueSources:
    """Where the values of a run's spec come from.

    Args:
        about: ``run.json``, which holds the preset with its overrides, and without its sweep.
        optimizer: the run's optimizer.
    """

    def __init__(self, about: Mapping[str, Any], optimizer: str) -> None:
        preset = about.get("preset", {})
        self._sources: Mapping[str, str] = preset.get("sources", {})
        self._resolved = dict(flat(preset.get("resolved", {})))
        self._axes: Mapping[str, Any] = about["spec"]["axes"]
        self._optimizer = optimizer

    def of(self, key: str, value: Any) -> str:
        """The source of a value; empty for what no preset sets, such as the repetition."""
        if key.partition(".")[0] in NO_SETTINGS:
            return ""
        name = self._preset_key(key)
        for axis in self._axes:
            if name == axis or name.startswith(f"{axis}."):
                return f"{self._sources.get(f'sweep.{axis}', 'preset')}, sweep"
        source = self._sources.get(name, "default")
        if name == "problem.targets":  # of which this run has one
            return source
        if name not in self._resolved:
            return self._sources.get(name, "not recorded")
        given = self._resolved[name]
        if given == value:
            return "the preset's folder" if name == FOLDER and name not in self._sources else source
        return f"resolved from {json.dumps(given)} ({source})"

    def _preset_key(self, key: str) -> str:
        """The key in a preset of a key in a spec."""
        if key.startswith("settings."):
            return f"{self._optimizer}.{key.removeprefix('settings.')}"
        if key == "per_step":
            return f"{DEFAULT}.points_per_step"
        return "problem.targets" if key.partition(".")[0] == "target" else key
