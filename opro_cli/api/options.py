"""The arguments that the calls with one run have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from opro_cli.api.account import Account, Budget
from opro_cli.core.errors import UsageError
from opro_cli.core.registry import did_you_mean

F = TypeVar("F", bound=Callable[..., Any])
"""A function, or a class that is called."""


class CommonOptions(TypedDict, total=False):
    """Arguments of every call that makes a run, all by keyword."""

    model: str | None
    optimizer: str | None
    budget: Budget | int | None
    seed: int
    runs: str | Path | None
    name: str
    account: Account | None
    progress: bool | str
    fresh: bool
    base_url: str | None
    settings: Mapping[str, Any]


class Options(CommonOptions, total=False):
    """Those of a call with a space."""

    starts: Sequence[Mapping[str, Any] | Sequence[Any]]
    goal: float | None
    describe: str


class CallOptions(Options, total=False):
    """Those of a call with a function."""

    workers: int


DEFAULTS: Mapping[str, Any] = {
    "model": None,
    "optimizer": None,
    "budget": None,
    "starts": (),
    "goal": None,
    "describe": "",
    "seed": 0,
    "workers": 1,
    "runs": None,
    "name": "",
    "account": None,
    "progress": False,
    "fresh": False,
    "base_url": None,
    "settings": {},
}
"""The value of an argument that is not given."""

HABITS: Mapping[str, str] = {
    **dict.fromkeys(("max_evaluations", "n_trials", "maxiter", "max_evals", "n_calls"), "budget=8"),
    **dict.fromkeys(("max_cost", "max_calls", "max_time"), "budget=opro.Budget(cost=1.0)"),
    "direction": "call opro.minimize or opro.maximize; only a Study has a direction",
    "workers": "a Study asks one at a time",
    "temperature": 'settings={"opro.temperature": 1.3}',
    **dict.fromkeys(("random_state", "rng"), "seed=0"),
    **dict.fromkeys(("x0", "start"), 'starts=[{"x": 0.5}]'),
    **dict.fromkeys(("callback", "verbose"), "progress=True shows progress; a Study is a loop"),
}
"""Arguments that other packages have, and what does it here."""

DOCUMENTED = """
        model: that proposes, as ``--model`` takes it; ``auto`` unless set.
        optimizer: a baseline instead of a model, as ``opro presets`` lists them.
        budget: when to stop; a number is one of evaluations. 100 evaluations unless set.
        starts: starting points, by name or in the order of the space; five points in all, the
            others drawn at random.
        goal: a value that is good enough.
        describe: what the model is told of the objective.
        seed: of everything that is drawn.
        runs: the directory where the run is kept, and continued by the same call. None: a
            temporary one, removed with the result.
        name: of the run; that of the function unless set.
        account: caps and limits that several calls share.
        progress: whether to show progress: ``True``, or ``rich``, ``plain`` or ``json``.
        fresh: make a new run, also where the same one exists.
        base_url: the server of an ``openai:`` model.
        settings: any other setting by its dotted key, as in ``{"opro.temperature": 1.3}``.
"""


def documented(kind: type) -> Callable[[F], F]:
    """Give a function that takes options a signature and a text that name them all."""
    options = kind.__annotations__

    def change(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        keywords = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=getattr(options[name], "__forward_arg__", options[name]),
            )
            for name, default in DEFAULTS.items()
            if name in options and name not in signature.parameters
        ]
        shown: Any = function
        shown.__signature__ = signature.replace(parameters=[*own, *keywords])
        shown.__doc__ = (function.__doc__ or "").replace("        …", DOCUMENTED.strip("\n"))
        return function

    return change


def complete(options: Mapping[str, Any], kind: type, who: str) -> dict[str, Any]:
    """The options with those that are not given. Raises UsageError for an unknown one."""
    known = kind.__annotations__
    for name in options:
        if name not in known:
            raise UsageError(
                f"{who} has no argument {name!r}.",
                HABITS.get(name) or did_you_mean(name, known) or f"arguments: {', '.join(known)}",
            )
    return {name: options.get(name, default) for name, default in DEFAULTS.items() if name in known}
