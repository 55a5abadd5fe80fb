"""YAML read strictly: plain data only, numbers as people write them, and nothing that explodes.

PyYAML reads YAML 1.1, in which ``1e-6`` is a text, ``yes`` a truth value, ``010`` eight, ``1:30``
ninety and ``2024-01-01`` a date. Here, as in YAML 1.2, the first is a number and the others are
texts, which no setting takes for a number.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from opro_cli.errors import PresetError

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Values in one text, aliases followed: about two seconds of reading."""
MAX_DEPTH = 20
MAX_DIGITS = 100
"""Digits of a whole number; a longer one is a mistake, and slow."""

_READ = {
    "int": (r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    "float": (
        r"""^(?:[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?
             |[-+]?(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+
             |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
        "-+0123456789.",
    ),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
}
_KEPT = ("tag:yaml.org,2002:null",)
"""What is read as in YAML 1.1. Not ``<<``: merging is how a small text becomes a large one."""


class _Loader(yaml.SafeLoader):
    """Plain data only: no tags, no key twice, no more values and levels than a preset has."""

    values = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self.values += 1
        self.depth += 1
        if self.values > MAX_VALUES:
            raise _too_many()
        if self.depth > MAX_DEPTH:
            raise _too_deep()
        if getattr(event, "tag", None) is not None:
            raise PresetError(
                f"line {event.start_mark.line + 1}: a tag, {str(event.tag)[:60]!r}.",
                "leave it out: only plain values are read here",
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise PresetError(
                    f"line {key.start_mark.line + 1}: {key.value[:60]} is set twice.",
                    "keep one of the two",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number in decimal digits."""
        if len(node.value) > MAX_DIGITS:
            raise PresetError(
                f"line {node.start_mark.line + 1}: a number of {len(node.value)} digits.",
                "is a space or a comma missing?",
            )
        return int(node.value)


_Loader.yaml_implicit_resolvers = {}
for _first, _resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items():
    _Loader.yaml_implicit_resolvers[_first] = [r for r in _resolvers if r[0] in _KEPT]
for _name, (_pattern, _begins) in _READ.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(_pattern, re.VERBOSE), list(_begins)
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def load(text: str) -> Any:
    """The data in one YAML document: mappings with text keys, lists, and plain values.

    Raises:
        PresetError: it is no such document, or a larger one than any preset.
    """
    if len(text) > MAX_BYTES:
        raise PresetError(f"more than {MAX_BYTES:,} characters.", "a preset is a page of text")
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except RecursionError:
        raise _too_deep() from None
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(f"{_problem(error)}.", "this is not YAML from there on") from None
    _check(data, [MAX_VALUES], MAX_DEPTH)
    return data


class NotYaml(PresetError):
    """The text is no YAML at all."""


def _check(data: Any, left: list[int], depth: int) -> None:
    """Count what there is with every alias followed, which the loader does not."""
    left[0] -= 1
    if left[0] < 0:
        raise _too_many()
    if depth < 0:
        raise _too_deep()
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                shown = repr(key)[:60]
                raise PresetError(f"the key {shown} is not a text.", "name a setting")
            _check(value, left, depth - 1)
    elif isinstance(data, list):
        for item in data:
            _check(item, left, depth - 1)


def _too_many() -> PresetError:
    return PresetError(f"more than {MAX_VALUES:,} values.", "a preset is a page of text")


def _too_deep() -> PresetError:
    return PresetError("nested too deeply.", "a preset needs three levels")


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"line {mark.line + 1}: {text[:200]}" if mark else text[:200]


class _Dumper(yaml.SafeDumper):
    """Writes what :func:`load` reads back the same: one line a value, or one an item."""

    def ignore_aliases(self, data: Any) -> bool:
        """Nothing is written as an alias."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\n" in text or not text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
# Quoted is what either reader would take for something else than a text.
_Dumper.yaml_implicit_resolvers = {
    first: [
        *yaml.SafeDumper.yaml_implicit_resolvers.get(first, []),
        *_Loader.yaml_implicit_resolvers.get(first, []),
    ]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def dump(key: str, value: Any) -> list[str]:
    """``key: value`` as lines; the first of them can take a comment at its end.

    A mapping, or a list of plain values, stands on the one line; a list of others has more lines.
    """
    compact = True if isinstance(value, dict) else None if isinstance(value, list) else False
    text = yaml.dump(
        value if compact else {key: value},
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=compact,
        width=float("inf"),
        allow_unicode=True,
    )
    return ((f"{key}: " if compact else "") + text).rstrip("\n").split("\n")
