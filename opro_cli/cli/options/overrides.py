"""From options and the environment to overrides of a preset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opro_cli.cli.flags import MODEL_FIELD, Options
from opro_cli.cli.options.flag import Flag
from opro_cli.core.errors import PresetError, UsageError
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override, option_text, parse_scalar, parse_setting

HINTS = {
    "objective": "`opro init {}` writes a preset with its parameters",
    "cities": "take the preset of your own cities: --preset tour",
}
"""What to do where an option is for another kind of problem than the preset's."""


def overrides_of(
    options: Options, env: Environment, names: Sequence[str] | None = None
) -> list[Override]:
    """The values that replace those of the preset, the weakest first.

    Args:
        options: the options of the command.
        env: environment and ``.env``.
        names: the optimizers that are run; None for a sweep.

    Raises:
        PresetError: an option has no value, or a wrong one.
    """
    found = []
    if env.get("MODEL_NAME", "").strip():
        model, source = env["MODEL_NAME"].strip(), env.source("MODEL_NAME")
        keys = _keys(MODEL_FIELD + "model", names)
        found += [Override(key, model, source, weak=True) for key in keys]
    found += [parse_setting(text) for text in options.several("settings")]
    for flag, given in options.settings():
        name = option_text(flag.name)
        keys = _keys(flag.setting, names)
        if not keys:
            raise UsageError(
                f"{name}: {', '.join(names or ())} does not ask a model.", "leave this option out"
            )
        if not isinstance(given, list):
            value, hint = _value(flag, str(given), name), HINTS.get(flag.name, "").format(given)
            found += [Override(key, value, name, kind=flag.kind, hint=hint) for key in keys]
        elif given:
            values = [_value(flag, str(one), name) for one in dict.fromkeys(given)]
            found += [_one_or_swept(key, values, name) for key in keys]
    env.named |= {url for override in found for url in _servers(override)}
    return found + _targets(options)


def _one_or_swept(key: str, values: list[Any], name: str) -> Override:
    """A setting that is given once, or a swept one that is given several times."""
    if len(values) == 1:
        return Override(key, values[0], name)
    return Override(f"sweep.{key}", values, name)


def _servers(override: Override) -> list[str]:
    """The servers that an override names: one, or each of a sweep."""
    if not override.key.endswith(".base_url"):
        return []
    values = override.value if isinstance(override.value, list) else [override.value]
    return [str(value).strip() for value in values]


def _keys(setting: str, names: Sequence[str] | None) -> list[str]:
    """The dotted keys that an option sets: one, or one for each optimizer that has the field."""
    if not setting.startswith(MODEL_FIELD):
        return [setting]
    field = setting.removeprefix(MODEL_FIELD)
    sections = OPTIMIZERS if names is None else names
    return [f"{s}.{field}" for s in sections if field in OPTIMIZERS[s].model_fields]


def _value(flag: Flag, given: str, name: str) -> Any:
    read = parse_scalar(given, name)
    if flag.name in ("objective", "metric", "executor"):
        return _absolute(given)
    if flag.name in ("data", "cities") and ("{" in given or _is_file(given)):
        return str(Path(given).absolute())
    return given if flag.text else read


def _absolute(function: str) -> str:
    """The file of a function is relative to the current folder, not to the preset."""
    path, colon, name = function.rpartition(":")
    return f"{Path(path).absolute()}{colon}{name}" if colon and _is_file(path) else function


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or a NUL
        return False


def _targets(options: Options) -> list[Override]:
    """The override of the targets, if any is given."""
    typed = options.several("target")
    targets = [read_target(text) for text in typed]
    w_true, b_true = options["w_true"], options["b_true"]
    if (w_true is None) != (b_true is None):
        raise PresetError(
            "A target needs both --w-true and --b-true.", "as in --w-true 15 --b-true 14"
        )
    if w_true is not None:
        w, b = parse_scalar(w_true, "--w-true"), parse_scalar(b_true, "--b-true")
        targets.append({"w": w, "b": b})
    source = "--target" if typed else "--w-true and --b-true"
    return [Override("problem.targets", targets, source)] if targets else []


def read_target(text: str) -> dict[str, Any]:
    """The target that --target names, as in ``w=15,b=14``. Raises UsageError."""
    target: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"--target {text}: expected NAME=VALUE.", "as in --target w=15,b=14")
        if name in target:
            raise UsageError(f"--target {text}: {name} is set twice.", "keep one of the two")
        target[name] = parse_scalar(value, f"--target {text}")
    return target
