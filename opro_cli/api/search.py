"""What a call asks for: a space, an optimizer, a budget; and the plan of its one run."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opro_cli.api.account import MANY, budget_of
from opro_cli.api.progress import Watch, display_for
from opro_cli.api.session import Session
from opro_cli.api.space import Space, Text, parameters_of, size_of, starts_of
from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Direction
from opro_cli.optimizers import DEFAULT, OPTIMIZERS
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override
from opro_cli.presets.plan import Plan, make_plan
from opro_cli.presets.resolve import resolve_data
from opro_cli.problems.custom.in_process import BoundFunction, CallableSettings
from opro_cli.problems.settings import ProblemSettings
from opro_cli.runs.store import RunStore

NUM_STARTS = 5
"""Starting points, those that are given included."""


HABITS: Mapping[str, str] = {
    **dict.fromkeys(("optuna", "bayesian", "bo", "skopt", "hyperopt"), 'optimizer="tpe"'),
    **dict.fromkeys(("grid", "random-search", "sobol"), 'optimizer="random"'),
    **dict.fromkeys(("cma", "cmaes"), 'optimizer="cma-es"'),
}
"""Optimizers of other packages, and what is nearest here."""


class Folder:
    """A runs directory: the one that is named, or a temporary one that is removed with this."""

    def __init__(self, path: str | Path | None) -> None:
        if path is None:
            made = tempfile.mkdtemp(prefix="opro-")
            weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
            path = made
        self.path = Path(path).expanduser()

    @property
    def store(self) -> RunStore:
        """The directory, read again."""
        return RunStore(self.path)


def session_for(
    plan: Callable[[Session, Environment], Plan], folder: Folder, options: Mapping[str, Any]
) -> Session:
    """The one run of a call, to be entered. Raises OproError with nothing started.

    Args:
        plan: plans the run.
        folder: where it is kept.
        options: the arguments of the call.
    """
    env = Environment(path=None)
    if options["base_url"] is not None:
        env.named.add(options["base_url"].strip())
    watch = Watch(display_for(options["progress"]))
    return Session(
        lambda session: plan(session, env),
        folder.store,
        env,
        watch,
        options["account"],
        fresh=options["fresh"],
    )


def search(
    space: Space,
    direction: Direction,
    options: Mapping[str, Any],
    folder: Folder,
    bind: Callable[[Session], BoundFunction],
    who: str,
) -> Session:
    """The search for the best point of a space, to be entered.

    Args:
        space: of the points.
        direction: of the values.
        options: the arguments of the call, complete, with a name.
        folder: where the run is kept.
        bind: gives the function, which may wait for the session.
        who: the call, for messages, as in ``minimize()``.

    Raises:
        UsageError: something is wrong; nothing was started.
    """
    optimizer = optimizer_of(options)
    parameters = parameters_of(space)
    starts = starts_of(space, options["starts"])
    limits = budget_of(options["budget"]).steps()
    size = size_of(parameters)
    if size is not None:  # then there is nothing left to ask a model for
        limits["max_evaluations"] = min(size, limits.get("max_evaluations", size))
    allowed = limits.get("max_evaluations", MANY)
    if len(starts) > allowed:
        raise UsageError(
            f"There are {len(starts)} starts, and the budget allows {allowed} evaluations.",
            "leave out starts, or allow more",
        )
    drawn = allowed if allowed == size else max(allowed - 1, 1)  # one is left to be proposed
    problem = {
        "kind": "callable",
        "objective": options["name"],
        "parameters": parameters,
        "direction": direction,
        "goal": options["goal"],
        "starts": starts,
        "num_starts": max(min(NUM_STARTS, drawn) - len(starts), 0),
        "description": options["describe"],
    }
    raw: dict[str, Any] = {"problem": problem}
    texts = sum(isinstance(entry, Text) for entry in space.values())
    if optimizer == DEFAULT and texts > 0 and len(space) > 1:
        raw[DEFAULT] = {"strategy": "paper"}  # no other works where code can draw no points

    def bound(settings: ProblemSettings, session: Session) -> ProblemSettings:
        if not isinstance(settings, CallableSettings):
            raise UsageError(
                f"problem.kind is {settings.kind}, and a function is given.",
                "leave problem.kind out of the settings",
            )
        return settings.bound(bind(session))

    whole = {"seed": options["seed"], **limits, **raw}

    def plan(session: Session, env: Environment) -> Plan:
        overrides = overrides_of(optimizer, options, env)
        resolved = resolve_data(whole, options["name"], who, overrides=overrides)
        resolved = resolved.with_problem(lambda settings: bound(settings, session))
        return make_plan(resolved, env, [optimizer])

    return session_for(plan, folder, options)


def overrides_of(optimizer: str, options: Mapping[str, Any], env: Environment) -> list[Override]:
    """The arguments that set something beside the problem, the settings last. Raises UsageError.

    Args:
        optimizer: its name.
        options: the arguments of the call, complete.
        env: environment variables.
    """
    caps = budget_of(options["budget"]).caps()
    if options["account"] is not None and caps:
        raise UsageError(
            "Caps are given both by the budget and by the account.",
            "give them to opro.Account(…), and only evaluations to the budget",
        )
    overrides = [Override(f"budget.{name}", value, "budget=") for name, value in caps.items()]
    model = options["model"] or env.get("MODEL_NAME", "").strip() or None
    for name, value in (("model", model), ("base_url", options["base_url"])):
        if value is not None and name in OPTIMIZERS[optimizer].model_fields:
            overrides.append(Override(f"{optimizer}.{name}", value, f"{name}="))
    settings = options["settings"] or {}
    return [*overrides, *(Override(str(k), v, "settings") for k, v in settings.items())]


def optimizer_of(options: Mapping[str, Any]) -> str:
    """The name of the optimizer. Raises UsageError for an unknown one, or one without a model."""
    optimizer, model = options["optimizer"], options["model"]
    if optimizer is None:
        return DEFAULT
    if optimizer in HABITS:
        raise UsageError(f"There is no optimizer {optimizer!r}.", HABITS[optimizer])
    OPTIMIZERS.check(str(optimizer), "optimizer")
    if model is not None and "model" not in OPTIMIZERS[optimizer].model_fields:
        raise UsageError(
            f"{optimizer} asks no model, and model={model!r} is given.", "give one of the two"
        )
    return str(optimizer)
