"""The vocabulary of a preset, validated and frozen; a preset expands to a list of run specs.

Nothing here reads a file, and nothing here is reached by a value that was not validated: that is
:mod:`opro_cli.validation`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from opro_cli import optimizers, problems
from opro_cli.llm.budget import BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.optimizers import Limits, OptimizerSettings
from opro_cli.problems import Problem, ProblemSettings, Target, label
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
    gap: Stat | None = None
    """How much worse than the optimum, in per cent of it, over all repetitions."""
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
    """Steps of OPRO without a better value; for other optimizers, as many evaluations as these
    steps could take."""
    max_evaluations: Annotated[Integer, Field(ge=1)] | None = None
    """Evaluations a run, at most, whoever proposes; null for as many as ``max_steps`` steps of
    OPRO could take, and the starting points."""
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings = BudgetSettings()
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

    def dump(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """The preset as a plain mapping, every value spelled out.

        Args:
            names: optimizers to show beside OPRO and the preset's baselines.
        """
        used = dict.fromkeys(["opro", *self.general.baselines, *names])
        sections = {name: _plain(self.sections[name]) for name in used}
        general = _plain(self.general)
        del general["published"]
        settings = {key: general.pop(key) for key in ("limits", "budget")}
        published = [
            table.model_dump(mode="json", exclude_unset=True)
            for table in self.general.published
            if table.optimizer not in self.altered
        ]
        return {
            **general,
            "problem": _plain(self.problem),
            **sections,
            **settings,
            **({"published": published} if published else {}),
        }

    def sha256(self) -> str:
        """Hash of everything that bears on the result."""
        return digest({k: v for k, v in self.dump().items() if k not in _NO_BEARING})

    def runs(self, names: Sequence[str]) -> Iterator[RunSpec]:
        """The runs of these optimizers: every target, every repetition.

        An optimizer without randomness runs once where repetitions do not differ either, and has
        the same seed whatever the preset's: else the same run would look like two.
        """
        for name in names:
            section = self.sections[name]
            random = self.problem.seeded() or not section.deterministic()
            published = {label(t): tuple(self._published(name, t)) for t in self.problem.targets}
            for target in self.problem.targets:
                problem = self.problem.model_copy(update={"targets": (target,)})
                for repetition in range(self._repetitions(name)):
                    yield RunSpec(
                        preset=self.name,
                        problem=problem,
                        repetition=repetition,
                        optimizer=section,
                        seed=self.general.seed if random else 0,
                        limits=self._limits(),
                        published=published[label(target)],
                        axes={k: v for k, v in self.axes.items() if _concerns(k, name)},
                    )

    def count(self, names: Sequence[str]) -> int:
        """How many runs :meth:`runs` gives."""
        return len(self.problem.targets) * sum(self._repetitions(name) for name in names)

    def _repetitions(self, name: str) -> int:
        once = self.sections[name].deterministic() and not self.problem.varies()
        return 1 if once else self.general.reps

    def experiment(self, name: str) -> dict[str, Any]:
        """What an experiment with this optimizer is, targets and model apart."""
        problem = self.problem.summary_of_settings()
        return {"problem": problem, name: self.sections[name].experiment()}

    def _limits(self) -> Limits:
        """The same for every optimizer: the steps of OPRO set the budget of evaluations."""
        general = self.general
        return Limits(
            general.max_steps,
            general.patience,
            general.max_evaluations,
            self.sections["opro"].evaluations_per_step,
        )

    def _published(self, name: str, target: Target) -> Iterator[dict[str, Any]]:
        tables = [t for t in self.general.published if t.optimizer == name]
        for table in tables if name not in self.altered else []:
            for row in table.rows:
                if row.target == target:
                    shown = row.model_dump(mode="json", exclude={"target"}, exclude_defaults=True)
                    yield {"model": table.model, "source": table.source, **shown}


_NO_BEARING = {"title", "description", "published", "limits", "budget"}


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
            "max_evaluations": limits.budget(),
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
            "max_evaluations": self.limits.max_evaluations,
            "per_step": self.limits.per_step,
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
            optimizer=optimizer.load(data["settings"]),
            seed=int(data["seed"]),
            limits=Limits(
                data["max_steps"],
                data["patience"],
                data.get("max_evaluations"),
                data.get("per_step"),
            ),
            published=tuple(data["published"]),
            axes=data["axes"],
            source=data["source"],
        )


def _concerns(key: str, optimizer: str) -> bool:
    """Whether a dotted key bears on this optimizer, and not on another one only."""
    head = key.partition(".")[0]
    return head == optimizer or head not in optimizers.NAMES


def digest(data: Any) -> str:
    """SHA-256 of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")
