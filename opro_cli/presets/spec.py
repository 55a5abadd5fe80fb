"""The vocabulary of presets, validated and frozen; a preset expands to a list of run specs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, Field

from opro_cli.core.errors import UsageError
from opro_cli.core.mappings import Raw
from opro_cli.core.model import ModelRequest
from opro_cli.core.optimizer import Limits, Optimizer, OptimizerContext
from opro_cli.core.problem import Problem
from opro_cli.core.sampler import Sampler
from opro_cli.core.seeds import Randomness
from opro_cli.core.settings import Integer, Settings
from opro_cli.llm.budget import BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.provider import ModelChoice
from opro_cli.optimizers import DEFAULT, OPTIMIZERS
from opro_cli.optimizers.base import OptimizerSettings
from opro_cli.presets.published import Published
from opro_cli.problems import PROBLEMS
from opro_cli.problems.settings import ProblemSettings, Target, label


class General(Settings):
    """The top level of a preset."""

    title: str = ""
    """One line for ``opro presets``."""
    description: str = ""
    """What the preset is for, and where its numbers are from."""
    baselines: tuple[str, ...] = ()
    """Optimizers that ``opro sweep`` runs besides the default one, on the same targets."""
    reps: Annotated[Integer, Field(ge=1, le=10_000)] = 1
    """Repetitions of every target."""
    seed: Annotated[Integer, Field(ge=0, lt=2**32)] = 0
    """Of everything except the data."""
    max_steps: Annotated[Integer, Field(ge=1)] = 500
    """Steps of a run, at most."""
    patience: Annotated[Integer, Field(ge=1)] | None = None
    """Steps of OPRO without a better value; for other optimizers, as many evaluations as these
    steps could take."""
    max_evaluations: Annotated[Integer, Field(ge=1)] | None = None
    """Evaluations a run, at most, with any optimizer; null for as many as ``max_steps`` steps of
    OPRO could take, plus the starting points."""
    give_up: Annotated[Integer, Field(ge=1)] | None = 5
    """A run stops after this many steps without a usable reply, or without a value; null: never."""
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings = BudgetSettings()
    published: tuple[Published, ...] = ()


_NO_EFFECT = {"title", "description", "published", "limits", "budget", "give_up"}
"""Keys that do not make two presets, or two runs, different ones."""


@dataclass(frozen=True)
class Preset:
    """A validated preset: one combination of a sweep, or all there is."""

    name: str
    general: General
    problem: ProblemSettings
    sections: Mapping[str, OptimizerSettings]
    """The settings of every optimizer, defaults where the preset has no section for it."""
    axes: Mapping[str, Any] = field(default_factory=dict)
    """The swept keys and their values in this combination."""
    altered: frozenset[str] = frozenset()
    """Optimizers with published results whose experiment is no longer the published one."""

    @property
    def optimizers(self) -> tuple[str, ...]:
        """The optimizers of a sweep: the default one and the baselines."""
        return tuple(dict.fromkeys([DEFAULT, *self.general.baselines]))

    def dump(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """The preset as a plain mapping, every value spelled out.

        Args:
            names: optimizers to include besides those of a sweep.
        """
        used = dict.fromkeys([*self.optimizers, *names])
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
        """Hash of everything that can change a result."""
        return digest({k: v for k, v in self.dump().items() if k not in _NO_EFFECT})

    def runs(self, names: Sequence[str]) -> Iterator[RunSpec]:
        """The runs of these optimizers: every target, every repetition.

        An optimizer without randomness runs once where repetitions do not differ either, and has
        the same seed whatever the preset's: otherwise the same run would look like two.
        """
        for name in names:
            section = self.sections[name]
            random = self.problem.seeded() or not section.deterministic()
            published = {label(t): tuple(self.published_for(name, t)) for t in self.problem.targets}
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
        """The number of runs that :meth:`runs` gives."""
        return len(self.problem.targets) * sum(self._repetitions(name) for name in names)

    def _repetitions(self, name: str) -> int:
        once = self.sections[name].deterministic() and not self.problem.varies()
        return 1 if once else self.general.reps

    def experiment(self, name: str) -> dict[str, Any]:
        """The settings of an experiment with this optimizer, except targets and model."""
        return {"problem": self.problem.experiment(), name: self.sections[name].experiment()}

    def _limits(self) -> Limits:
        """The same for every optimizer: the steps of the default one set the budget."""
        general = self.general
        return Limits(
            general.max_steps,
            general.patience,
            general.max_evaluations,
            self.sections[DEFAULT].evaluations_per_step * self.problem.evaluations_per_point(),
            give_up=general.give_up,
        )

    def published_for(self, name: str, target: Target) -> Iterator[dict[str, Any]]:
        """The published results of an optimizer for a target."""
        tables = [t for t in self.general.published if t.optimizer == name]
        for table in tables if name not in self.altered else []:
            for row in table.rows:
                if row.target == target:
                    shown = row.model_dump(mode="json", exclude={"target"}, exclude_defaults=True)
                    yield {**table.about(), **shown}


@dataclass(frozen=True)
class RunSpec:
    """Everything that one run is made from."""

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

    def build(
        self, models: Mapping[str, Sampler] = {}, report_at: tuple[int, ...] = ()
    ) -> tuple[Problem, Optimizer]:
        """The problem and a fresh optimizer.

        Args:
            models: the optimizer's models, by role.
            report_at: the steps of a recording, see :class:`OptimizerContext`.

        Raises:
            UsageError: they do not fit each other.
        """
        problem = self.build_problem()
        randomness = Randomness(self.seed, f"{label(self.target)}/{self.repetition}")
        context = OptimizerContext(problem, randomness, models, self.repetition, report_at)
        return problem, self.optimizer.build(context)

    def build_problem(self) -> Problem:
        """The problem of this run: its data, starting points and target."""
        return self.problem.build(self.target, self.repetition)

    def model_requests(self) -> dict[str, ModelRequest]:
        """The models that the optimizer and the problem ask for, by role."""
        return {**self.problem.model_requests(), **self.optimizer.model_requests()}

    @property
    def model(self) -> str | None:
        """The name of the model that the optimizer asks for, or None where it needs none."""
        return next((r.name for r in self.optimizer.model_requests().values()), None)

    def resolved_for(self, choices: Mapping[ModelRequest, ModelChoice]) -> RunSpec:
        """The same run with nothing left open that depends on the chosen models."""
        problem, optimizer = self.problem, self.optimizer
        asked = problem.model_requests()
        if asked and all(request in choices for request in asked.values()):
            names = {role: choices[request].name for role, request in asked.items()}
            problem = problem.resolved_for(names)
        requests = optimizer.model_requests()
        if requests and all(request in choices for request in requests.values()):
            chosen = {role: choices[request] for role, request in requests.items()}
            optimizer = optimizer.resolved_for(chosen, free_text=problem.free_text)
        return replace(self, problem=problem, optimizer=optimizer)

    @property
    def effective_limits(self) -> Limits:
        """The limits as the optimizer takes them."""
        return self.optimizer.limits(self.limits)

    @cached_property
    def most_steps(self) -> int:
        """Steps at most, where each evaluates as many points as it may."""
        limits, each = self.effective_limits, self.problem.evaluations_per_point()
        starts = 0  # the budget counts them only where it is given
        if limits.max_evaluations is not None:
            rng = Randomness(self.seed, "").generator(0, "starts")
            starts = len(self.build_problem().starts(rng)) * each
        return limits.most_steps(starts, each * self.optimizer.evaluations_per_step)

    def settings(self) -> dict[str, Any]:
        """The settings that make runs comparable: all but target, repetition and seed."""
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
        """Hash of everything that can change the result: two equal runs have the same."""
        ignored = ("published", "axes", "give_up")
        settings = {**self.dump(), "problem": self.problem.identity()}
        return digest({k: v for k, v in settings.items() if k not in ignored})

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
            "give_up": self.limits.give_up,
            "axes": dict(self.axes),
            "published": [dict(row) for row in self.published],
            "source": self.source,
        }

    @classmethod
    def load(cls, data: Raw) -> RunSpec:
        """A spec from :meth:`dump`. Raises KeyError, TypeError or ValueError on anything else."""
        try:
            problem = PROBLEMS[data["problem"]["kind"]]
            optimizer = OPTIMIZERS[data["optimizer"]]
        except UsageError as error:  # no such name
            raise ValueError(error.message) from error
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
                give_up=data.get("give_up"),
            ),
            published=tuple(data["published"]),
            axes=data["axes"],
            source=data["source"],
        )


def _concerns(key: str, optimizer: str) -> bool:
    """Whether a dotted key matters to this optimizer, and not only to another one."""
    head = key.partition(".")[0]
    return head == optimizer or head not in OPTIMIZERS


def digest(data: Any) -> str:
    """SHA-256 of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")
