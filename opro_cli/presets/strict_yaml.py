"""YAML read strictly: plain data, decimal numbers, no aliases, and limits on size and depth.

PyYAML reads YAML 1.1, in which ``1e-6`` is a text, ``yes`` a truth value, ``010`` eight, ``1:30``
ninety and ``2024-01-01`` a date. Here, as in YAML 1.2, the first is a number and the others are
texts, which validation does not accept as numbers.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from opro_cli.core.errors import PresetError

MAX_BYTES = 1_000_000

MAX_VALUES = 50_000
"""Values in one text: about two seconds of reading."""

MAX_DEPTH = 20

_READ = {
    "int": (r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    "float": (
        r"""^(?:[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?
             |[-+]?(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+
             |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
        "-+0123456789.",
    ),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
}
"""What is not a text: a pattern, and the characters that it begins with."""


class NotYaml(PresetError):
    """The text is not valid YAML."""


class _Loader(yaml.SafeLoader):
    """Refuses tags, anchors, keys set twice, and more values and levels than a preset has."""

    values = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self.values += 1
        self.depth += 1
        if self.values > MAX_VALUES:
            raise PresetError(f"more than {MAX_VALUES:,} values.", "a preset is a page of text")
        if self.depth > MAX_DEPTH:
            raise _too_deep()
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise PresetError(
                f"line {line}: a tag, {str(event.tag)[:60]!r}.",
                "leave it out: only plain values are read here",
            )
        if getattr(event, "anchor", None) is not None:
            raise PresetError(
                f"line {line}: the anchor or alias {str(event.anchor)[:60]!r}.",
                "repeat the value instead: presets have no anchors (&) and aliases (*)",
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            line, scalar = key.start_mark.line + 1, isinstance(key, yaml.ScalarNode)
            shown = str(key.value)[:60] if scalar else "here"
            if not scalar or key.tag != "tag:yaml.org,2002:str":
                raise PresetError(f"line {line}: the key {shown} is not a text.", "name a setting")
            if key.value in seen:
                raise PresetError(f"line {line}: {shown} is set twice.", "keep one of the two")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}

for _name, (_pattern, _begins) in _READ.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(_pattern, re.VERBOSE), list(_begins)
    )


def load(text: str) -> Any:
    """The data in one YAML document: mappings with text keys, lists, and plain values.

    Raises:
        PresetError: the text is not such a document, or larger than any preset.
    """
    if len(text) > MAX_BYTES:
        raise PresetError(f"more than {MAX_BYTES:,} characters.", "a preset is a page of text")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except RecursionError:
        raise _too_deep() from None
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(f"{_problem(error)}.", "invalid YAML here") from None


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

# A text that this reader, or one of YAML 1.1, would take for something else is quoted.
_Dumper.yaml_implicit_resolvers = {
    first: [
        *yaml.SafeDumper.yaml_implicit_resolvers.get(first, []),
        *_Loader.yaml_implicit_resolvers.get(first, []),
    ]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def dump(key: str, value: Any) -> list[str]:
    """``key: value`` as lines; the first of them can take a comment at its end.

    A mapping, or a list of plain values, takes one line; a list of others takes more.
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
