"""The vocabulary of a preset, validated and frozen; a preset expands to a list of run specs.

Nothing here reads a file. :func:`parse` takes the plain mapping that a YAML file holds, with
overrides applied, and raises :class:`~opro_cli.errors.PresetError` on anything it does not know.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from opro_cli import optimizers, problems
from opro_cli.errors import PresetError
from opro_cli.optimizers import Limits, OptimizerSettings
from opro_cli.problems import Problem, ProblemSettings, Target
from opro_cli.problems.base import Integer, Number, Settings

Raw = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)


class Stat(Settings):
    """A published mean, with its standard deviation where one was given."""

    mean: Number
    std: Number | None = None


class PublishedRow(Settings):
    """What was published for one target. ``steps: null`` says that it did not converge."""

    target: Target
    steps: Stat | None = None
    recorded_pairs: Stat | None = None
    distinct_pairs: Stat | None = None
    iterations: Integer | None = None
    note: str = ""


class Published(Settings):
    """Published results of one optimizer, to be printed beside ours."""

    optimizer: str = "opro"
    model: str
    source: str
    rows: tuple[PublishedRow, ...]


class General(Settings):
    """The top level of a preset."""

    title: str = ""
    description: str = ""
    baselines: tuple[str, ...] = ()
    """Optimizers that ``opro sweep`` runs beside OPRO, on the same targets."""
    reps: Annotated[Integer, Field(ge=1, le=10_000)] = 1
    seed: Annotated[Integer, Field(ge=0, lt=2**32)] = 0
    max_steps: Annotated[Integer, Field(ge=1)] = 500
    patience: Annotated[Integer, Field(ge=1)] | None = None
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Preset:
    """A validated preset: one cell of a sweep, or all there is."""

    name: str
    general: General
    problem: ProblemSettings
    sections: Mapping[str, OptimizerSettings]
    """The settings of every optimizer, defaults where the preset has no section for it."""
    axes: Mapping[str, Any] = field(default_factory=dict)
    """The swept keys and their values in this cell."""
    altered: frozenset[str] = frozenset()
    """Optimizers whose experiment is no longer the file's, so that what was published for the
    file is no comparison."""

    def dump(self) -> dict[str, Any]:
        """The preset as a plain mapping, every value spelled out."""
        used = ["opro", *self.general.baselines]
        sections = {name: _plain(self.sections[name]) for name in used}
        general = _plain(self.general)
        published = general.pop("published")
        return {
            **general,
            "problem": _plain(self.problem),
            **sections,
            **({"published": published} if published else {}),
        }

    def sha256(self) -> str:
        """Hash of everything that bears on the result."""
        return digest({k: v for k, v in self.dump().items() if k not in _NO_BEARING})

    def runs(self, names: Sequence[str]) -> Iterator[RunSpec]:
        """The runs of these optimizers: every target, every repetition.

        An optimizer without randomness runs once where repetitions do not differ either.
        """
        for name in names:
            section = self.sections[name]
            once = section.deterministic() and not self.problem.varies()
            for target in self.problem.targets:
                for repetition in range(1 if once else self.general.reps):
                    yield RunSpec(
                        preset=self.name,
                        problem=self.problem.model_copy(update={"targets": (target,)}),
                        repetition=repetition,
                        optimizer=section,
                        seed=self.general.seed,
                        limits=Limits(self.general.max_steps, self.general.patience),
                        published=tuple(self._published(name, target)),
                        axes=self.axes,
                    )

    def experiment(self, name: str) -> dict[str, Any]:
        """What an experiment with this optimizer is, targets and model apart."""
        problem = self.problem.summary_of_settings()
        return {"problem": problem, name: self.sections[name].experiment()}

    def _published(self, name: str, target: Target) -> Iterator[dict[str, Any]]:
        tables = [t for t in self.general.published if t.optimizer == name]
        for table in tables if name not in self.altered else []:
            for row in table.rows:
                if row.target == target:
                    shown = row.model_dump(mode="json", exclude={"target"}, exclude_defaults=True)
                    yield {"model": table.model, "source": table.source, **shown}


_NO_BEARING = {"title", "description", "published"}


@dataclass(frozen=True)
class RunSpec:
    """All that one run is made from."""

    preset: str
    problem: ProblemSettings
    """With exactly one target."""
    repetition: int
    """Counted from 0."""
    optimizer: OptimizerSettings
    seed: int
    limits: Limits
    published: tuple[Mapping[str, Any], ...] = ()
    axes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    """Where a replayed run was recorded; empty for a run made here."""

    @property
    def target(self) -> Target:
        """The one target."""
        return self.problem.targets[0]

    def instance(self) -> Problem:
        """The problem of this run: its data, starting points and target."""
        return self.problem.build(self.target, self.repetition)

    @property
    def model(self) -> str | None:
        """The model asked for, or None where the optimizer needs none."""
        model = getattr(self.optimizer, "model", None)
        return model if isinstance(model, str) else None

    @property
    def effective_limits(self) -> Limits:
        """The limits as the optimizer takes them."""
        return self.optimizer.limits(self.limits)

    def settings(self) -> dict[str, Any]:
        """What makes runs comparable: all but target, repetition and seed."""
        problem = self.problem.summary_of_settings()
        limits = self.effective_limits
        return {
            "problem": problem,
            self.optimizer.name: _plain(self.optimizer),
            "max_steps": limits.max_steps,
            "patience": limits.patience,
        }

    def with_optimizer(self, **changes: Any) -> RunSpec:
        """The same run with some of the optimizer's settings replaced."""
        return replace(self, optimizer=self.optimizer.model_copy(update=changes))

    def sha256(self) -> str:
        """Hash of everything that bears on the result: equal for the same run asked for twice."""
        return digest({k: v for k, v in self.dump().items() if k not in ("published", "axes")})

    def dump(self) -> dict[str, Any]:
        """The spec as JSON data; inverse of :meth:`load`."""
        return {
            "preset": self.preset,
            "optimizer": self.optimizer.name,
            "target": self.target,
            "repetition": self.repetition,
            "seed": self.seed,
            "problem": _plain(self.problem),
            "settings": _plain(self.optimizer),
            "max_steps": self.limits.max_steps,
            "patience": self.limits.patience,
            "axes": dict(self.axes),
            "published": [dict(row) for row in self.published],
            "source": self.source,
        }

    @classmethod
    def load(cls, data: Raw) -> RunSpec:
        """A spec from :meth:`dump`. Raises KeyError, TypeError or ValueError on anything else."""
        problem = problems.settings_of(data["problem"]["kind"])
        optimizer = optimizers.settings_of(data["optimizer"])
        return cls(
            preset=str(data["preset"]),
            problem=problem.model_validate(data["problem"]),
            repetition=int(data["repetition"]),
            optimizer=optimizer.model_validate(data["settings"]),
            seed=int(data["seed"]),
            limits=Limits(data["max_steps"], data["patience"]),
            published=tuple(data["published"]),
            axes=data["axes"],
            source=data["source"],
        )


def digest(data: Any) -> str:
    """SHA-256 of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def parse(raw: Raw, name: str, sources: Mapping[str, str] | None = None) -> Preset:
    """Validate one cell: a preset without its ``sweep`` section.

    Args:
        raw: the preset as a plain mapping.
        name: the preset's name.
        sources: where each dotted key was set, for messages.

    Raises:
        PresetError: naming the dotted key, its source and what would be right.
    """
    sources = sources or {}
    known = [*General.model_fields, "problem", "sweep", *optimizers.NAMES]
    for key in raw:
        if key not in known:
            raise unknown_key(key, known, sources.get(key, f"preset {name}"))
    problem = raw.get("problem")
    where = sources.get("problem", f"preset {name}")
    if not isinstance(problem, Mapping) or "kind" not in problem:
        raise PresetError(
            f"{where}: there is no problem.kind.",
            f"add `problem: {{kind: linear, …}}`; kinds: {', '.join(problems.KINDS)}",
        )
    kind = problem["kind"]
    if kind not in problems.KINDS:
        raise PresetError(
            f"{where}: problem.kind is {kind!r}, which is no kind of problem.",
            _did_you_mean(str(kind), problems.KINDS) or "kinds: " + ", ".join(problems.KINDS),
        )
    top = {key: raw[key] for key in raw if key in General.model_fields}
    general = _validate(General, top, "", sources, name)
    for baseline in general.baselines:
        if baseline not in optimizers.NAMES:
            raise PresetError(
                f"{where}: baselines has {baseline!r}, which is no optimizer.",
                _did_you_mean(baseline, optimizers.NAMES)
                or "optimizers: " + ", ".join(optimizers.NAMES),
            )
    return Preset(
        name=name,
        general=general,
        problem=_validate(problems.settings_of(kind), problem, "problem", sources, name),
        sections={
            section: _validate(
                optimizers.settings_of(section), raw.get(section) or {}, section, sources, name
            )
            for section in optimizers.NAMES
        },
    )


def expand(raw: Raw) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of a sweep: each is (swept keys and their values, the preset with them set).

    Raises PresetError where an axis is no list, or empty.
    """
    axes = raw.get("sweep") or {}
    if not isinstance(axes, Mapping):
        raise PresetError("sweep must be a mapping of dotted keys to lists.")
    for key, values in axes.items():
        if not isinstance(values, list) or not values:
            raise PresetError(
                f"sweep.{key} must be a list of values, not {values!r}.",
                f"as in `sweep: {{{key}: [1.0, 1.3, 1.5]}}`",
            )
    cells = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        cell = {key: value for key, value in raw.items() if key != "sweep"}
        for key, value in chosen.items():
            cell = assign(cell, key, value)
        cells.append((chosen, cell))
    return cells


def assign(raw: Raw, dotted: str, value: Any) -> dict[str, Any]:
    """A copy of ``raw`` with one dotted key set. Raises PresetError where there is no section."""
    head, _, rest = dotted.partition(".")
    copy = dict(raw)
    if rest:
        inner = copy.get(head)
        if inner is not None and not isinstance(inner, Mapping):
            raise PresetError(f"{dotted}: {head} is not a section but {inner!r}.")
        copy[head] = assign(inner or {}, rest, value)
    else:
        copy[head] = value
    return copy


def unknown_key(key: str, known: Sequence[str], where: str, section: str = "") -> PresetError:
    """The error for a key that no setting has."""
    prefix = f"{section}." if section else ""
    return PresetError(
        f"{where}: {prefix}{key} is not a setting.",
        _did_you_mean(key, known, prefix) or "settings here: " + ", ".join(known),
    )


def _did_you_mean(word: str, known: Sequence[str] | Mapping[str, Any], prefix: str = "") -> str:
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.5)
    return "did you mean " + " or ".join(prefix + word for word in near) + "?" if near else ""


def _validate(model: type[M], data: Any, section: str, sources: Mapping[str, str], name: str) -> M:
    where = sources.get(section, f"preset {name}")
    if not isinstance(data, Mapping):
        raise PresetError(f"{where}: {section} must be a section with settings, not {data!r}.")
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise _explained(error, model, section, sources, where) from None


def _explained(
    error: ValidationError,
    model: type[BaseModel],
    section: str,
    sources: Mapping[str, str],
    where: str,
) -> PresetError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if not str(part).startswith("function-")]
    dotted = ".".join([section, *path] if section else path)
    where = next((sources[key] for key in _prefixes(dotted) if key in sources), where)
    if first["type"] == "extra_forbidden":
        inner = ".".join([section, *path[:-1]] if section else path[:-1])
        return unknown_key(path[-1], _fields(model, path[:-1]), where, inner)
    more = f" ({error.error_count() - 1} more errors)" if error.error_count() > 1 else ""
    if first["type"] == "value_error":
        message = str(first["ctx"]["error"]) if "ctx" in first else first["msg"]
        subject = ".".join(part for part in (section, message) if part) if not path else message
        return PresetError(f"{where}: {subject}.{more}")
    if first["type"] == "missing":
        return PresetError(f"{where}: {dotted} is missing.{more}")
    text = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return PresetError(f"{where}: {dotted} is {first['input']!r}; it should be {text}.{more}")


def _prefixes(dotted: str) -> Iterator[str]:
    parts = dotted.split(".")
    return (".".join(parts[:n]) for n in range(len(parts), 0, -1))


def _fields(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for name in path:
        info = model.model_fields.get(name)
        inner = info.annotation if info else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")
