"""Presets as files: find one, read its YAML strictly, and apply what the user overrides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from opro_cli.errors import PresetError
from opro_cli.spec import Preset
from opro_cli.validation import assign, expand, parse

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML with numbers as people write them, and without duplicate keys.

    PyYAML reads YAML 1.1, in which ``1e-6`` is a text and ``yes`` is a truth value; here they
    are a number and a text, as in YAML 1.2.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise PresetError(
                    f"line {key.start_mark.line + 1}: {key.value} is set twice.",
                    "keep one of the two",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":float", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"""^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?
             |[-+]?[0-9]+[eE][-+]?[0-9]+
             |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
        re.VERBOSE,
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True)
class Override:
    """One value the user sets over the preset's.

    Args:
        key: dotted, as in ``opro.temperature``.
        value: the value, already of YAML's types.
        source: how it was set, as in ``--temperature``.
    """

    key: str
    value: Any
    source: str


@dataclass(frozen=True)
class Resolved:
    """A preset with its overrides: the base, the cells of its sweep, and where values came from."""

    path: str
    base: Preset
    """The preset without its sweep."""
    cells: tuple[Preset, ...]
    """One where there is no sweep."""
    sources: Mapping[str, str] = field(default_factory=dict)


def folders() -> list[Path]:
    """Where names are looked up: ``./presets``, then the packaged copy."""
    packaged = Path(str(files("opro_cli") / "_presets"))
    if not packaged.is_dir():  # a source checkout, installed in place
        packaged = Path(__file__).parent.parent / "presets"
    return [Path("presets"), packaged]


def available() -> dict[str, Path]:
    """Every preset's name and file; a file in ``./presets`` hides a packaged one."""
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        if folder.is_dir():
            found |= {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in SUFFIXES}
    return dict(sorted(found.items()))


def find(name: str) -> Path:
    """The file of a preset, given its name or its path. Raises PresetError."""
    looks_like_path = "/" in name or "\\" in name or name.endswith(SUFFIXES)
    try:
        if looks_like_path and Path(name).is_file():
            return Path(name)
    except (OSError, ValueError):  # a NUL, or a name too long
        pass
    known = available()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(Path(name).stem or name, known, n=3, cutoff=0.4)
    raise PresetError(
        f"There is no preset {name!r}" + (", and no such file." if looks_like_path else "."),
        f"did you mean {' or '.join(near)}?" if near else "see `opro presets`",
    )


def load(path: Path) -> dict[str, Any]:
    """A preset file as a plain mapping. Raises PresetError naming the file and the line."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PresetError(f"{path}: larger than {MAX_BYTES:,} bytes.", "see `opro presets`")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror}.", "see `opro presets`") from None
    except UnicodeDecodeError:
        raise PresetError(f"{path}: not UTF-8 text.", "save it as UTF-8") from None
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except PresetError as error:
        raise PresetError(f"{path}, {error.message}", error.hint) from None
    except RecursionError:
        raise PresetError(f"{path}: nested too deeply.", "a preset needs three levels") from None
    except (yaml.YAMLError, ValueError) as error:
        raise PresetError(
            f"{path}: {_yaml_problem(error)}.", "this is not YAML from there on"
        ) from None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise PresetError(f"{path}: a preset is a mapping of settings.", "see `opro presets`")
    return data


def scalar(text: str) -> Any:
    """A value from the command line, read as a preset would read it."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, PresetError, ValueError, RecursionError):
        return text


def setting(text: str) -> Override:
    """The override in ``--set KEY=VALUE``. Raises PresetError."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise PresetError(f"--set {text}: no KEY=VALUE.", "as in --set opro.temperature=1.3")
    return Override(key.strip(), scalar(value), f"--set {key.strip()}")


def resolve(name: str, overrides: Sequence[Override] = ()) -> Resolved:
    """Find, read, override and validate a preset. Later overrides win.

    Raises:
        PresetError: for the first thing that is wrong, with its file and dotted key.
    """
    path = find(name)
    original = raw = load(path)
    sources = dict.fromkeys(_dotted(raw), str(path))
    for override in overrides:
        raw = assign(raw, override.key, override.value)
        sources[override.key] = override.source
    published = _cell(original, path, sources) if "published" in original else None
    cells = [
        replace(_cell(cell, path, {**sources, **dict.fromkeys(axes, "sweep")}), axes=axes)
        for axes, cell in expand(raw)
    ]
    return Resolved(
        path=str(path),
        base=_compared(_cell(raw, path, sources), published),
        cells=tuple(_compared(cell, published) for cell in cells),
        sources=sources,
    )


def _cell(raw: Mapping[str, Any], path: Path, sources: Mapping[str, str]) -> Preset:
    preset = parse({k: v for k, v in raw.items() if k != "sweep"}, path.stem, sources)
    return replace(preset, problem=preset.problem.located(str(path.parent.absolute())))


def _compared(preset: Preset, published: Preset | None) -> Preset:
    """The preset, knowing for which optimizers it is no longer the published experiment."""
    if published is None:
        return preset
    altered = {n for n in preset.sections if preset.experiment(n) != published.experiment(n)}
    return replace(preset, altered=frozenset(altered))


def _dotted(raw: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a preset, sections before what they hold."""
    for key, value in raw.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")


def to_yaml(preset: Preset, sources: Mapping[str, str], names: Sequence[str] = ()) -> str:
    """The preset in full, each value with where it came from, for ``--print-config``."""
    lines = []
    for key, value in preset.dump(names).items():
        section = isinstance(value, dict)
        if section:
            lines.append(f"{key}:")
        for inner, item in value.items() if section else ((key, value),):
            dotted = f"{key}.{inner}" if section else key
            compact = None if isinstance(item, list | dict) else False
            text = yaml.safe_dump({inner: item}, sort_keys=False, default_flow_style=compact)
            body = text.rstrip("\n").split("\n")
            comment = f"  # {sources.get(dotted, 'default')}"
            at = 0 if compact is None or len(body) == 1 else len(body) - 1
            body[at] += comment
            lines += [("  " if section else "") + line for line in body]
    return "\n".join(lines) + "\n"


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"line {mark.line + 1}: {text}" if mark else text
