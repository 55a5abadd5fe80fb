"""Write the tables of docs/presets.md from the settings classes and the packaged presets.

    python docs/write_presets.py

The text above the marker is written by hand; ``tests/test_doc_presets.py`` compares the rest.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.files import folders
from opro_cli.presets.resolve import resolve
from opro_cli.presets.spec import General
from opro_cli.problems import PROBLEMS

PAGE = Path(__file__).with_name("presets.md")

MARKER = "<!-- What follows is written by docs/write_presets.py. -->\n"

STRATEGIES = ":mod:`opro_cli.optimizers.opro.strategies`"
"""A module that the page on optimizers explains."""

SCRIPTED = "callable"
"""The kind of problem that a script makes, and no preset."""

COMMON = {
    "kind": "The kind of problem.",
    "num_points": "Data points.",
    "num_starts": "Starting points.",
    "num_input_decimals": "Decimals of a coordinate.",
    "num_output_decimals": "Decimals of a value that a model is shown; null: significant digits.",
    "noise": "Standard deviation of the noise in the data.",
}
"""What settings mean that many problems have."""


def tables() -> str:
    """Everything below the marker."""
    return "\n".join([*_presets(), *_sections()]) + "\n"


def _presets() -> Iterator[str]:
    yield "\n## The packaged presets\n"
    yield "| preset | what it is | problem | optimizers |"
    yield "| --- | --- | --- | --- |"
    for path in sorted(folders()[1].glob("*.yaml")):
        base = resolve(str(path)).base
        title, kind = _cell(base.general.title), base.problem.kind
        yield f"| `{path.stem}` | {title} | `{kind}` | {', '.join(base.optimizers)} |"


def _sections() -> Iterator[str]:
    yield "\n## The top level\n"
    yield from _table(General)
    for kind in PROBLEMS:
        if kind == SCRIPTED:
            continue
        settings = PROBLEMS[kind]
        yield f"\n## `problem:` with `kind: {kind}`\n\n{_clause(settings.summary)}\n"
        yield from _table(settings)
    opro = OPTIMIZERS["opro"]
    for name in OPTIMIZERS:
        section = OPTIMIZERS[name]
        yield f"\n## `{name}:`\n\n{_clause(section.summary)}\n"
        shared = name != "opro" and issubclass(section, opro.__mro__[1])
        if shared:
            yield "The settings are those of `opro:`; these differ:\n"
        rows = list(_rows(section))
        if shared:
            rows = [row for row in rows if row not in list(_rows(opro))]
        yield from _lines(rows) if rows else ["It has no settings."]


def _table(model: type[BaseModel]) -> list[str]:
    return _lines(list(_rows(model)))


def _lines(rows: list[tuple[str, str, str]]) -> list[str]:
    head = ["| setting | default | meaning |", "| --- | --- | --- |"]
    return [*head, *(f"| `{name}` | {default} | {_cell(said)} |" for name, default, said in rows)]


def _rows(
    model: type[BaseModel], prefix: str = "", usual: Any = None
) -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each setting, those of sections in it included.

    Args:
        model: the section.
        prefix: stands before the names.
        usual: the section as it is where a preset does not have it.
    """
    said = meanings(model)
    for name, field in model.model_fields.items():
        inner, between = _inner(field.annotation)
        if inner is not None:
            default = field.get_default(call_default_factory=True)
            yield from _rows(inner, f"{prefix}{name}{between}", default if between == "." else None)
        else:
            value = _default(field) if usual is None else _shown(getattr(usual, name))
            yield prefix + name, value, _values(field.annotation, said[name])


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The section that a setting holds, and what stands between their names."""
    if get_origin(annotation) in (dict, tuple):
        parts = get_args(annotation)
        found, _ = _inner(parts[get_origin(annotation) is dict])
        return found, ".NAME." if get_origin(annotation) is dict else "[]."
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return (annotation, ".") if is_section else (None, "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _values(annotation: Any, meaning: str) -> str:
    """The meaning, with the words that a setting takes."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    words = [w for p in parts if str(p).startswith("typing.Literal") for w in get_args(p)]
    if len(words) < 2 or all(str(word) in meaning for word in words):
        return meaning
    return f"{', '.join(f'`{word}`' for word in words)}. {meaning}"


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field in the source of the class, or of one that it is made from."""
    found: dict[str, str] = {n: COMMON.get(n, "") for n in model.model_fields}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        body = node.body if isinstance(node, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                    value=ast.Constant(value=str(meaning))
                ):
                    found[name] = _plain(meaning)
    return found


def _plain(docstring: str) -> str:
    """One line of Markdown from a docstring."""
    text = " ".join(docstring.split()).replace("``", "`")
    text = re.sub(r"\bNone\b", "null", text)
    return text.replace(STRATEGIES, "[optimizer.md](optimizer.md)")


def _clause(summary: str) -> str:
    return summary[:1].upper() + summary[1:] + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Replace what is below the marker."""
    above, marker, _ = PAGE.read_text().partition(MARKER)
    PAGE.write_text(above + marker + tables())


if __name__ == "__main__":
    main()
