"""Caps: those of one call, and those that several calls share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opro_cli.api.background import Background
from opro_cli.api.errors import python_words
from opro_cli.core.errors import UsageError
from opro_cli.llm.budget import Budget as Caps
from opro_cli.llm.budget import BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import Account as Shared
from opro_cli.presets.validation import validate

EVALUATIONS = 100
"""Evaluations of a call without a budget."""

MANY = 10_000
"""Steps of a call whose budget is not counted in evaluations."""


@dataclass(frozen=True)
class Budget:
    """When a call stops at the latest. ``None`` is for no such limit.

    Args:
        evaluations: of the objective, the starting points included.
        cost: of the models, in US dollars.
        time: in seconds; no new step is begun after it.
        calls: of the models.
        tokens: of the models, input and output.
    """

    evaluations: int | None = None
    cost: float | None = None
    time: float | None = None
    calls: int | None = None
    tokens: int | None = None

    def caps(self) -> dict[str, Any]:
        """The ``budget:`` section of a preset."""
        named = {"cost": self.cost, "calls": self.calls, "tokens": self.tokens, "time": self.time}
        return {f"max_{name}": value for name, value in named.items() if value is not None}

    def steps(self) -> dict[str, int]:
        """The limits of a run. Raises UsageError."""
        evaluations = self.evaluations
        if evaluations is None and not self.caps():
            evaluations = EVALUATIONS
        if evaluations is None:
            return {"max_steps": MANY}
        if isinstance(evaluations, bool) or not isinstance(evaluations, int) or evaluations < 1:
            raise UsageError(
                f"The budget allows {evaluations!r} evaluations; it should be a whole number of at "
                "least 1.",
                "as in budget=60, or budget=opro.Budget(evaluations=60, cost=1.0)",
            )
        return {"max_steps": evaluations, "max_evaluations": evaluations}


def budget_of(given: Budget | int | None) -> Budget:
    """A budget; a number is one of evaluations. Raises UsageError."""
    if given is None or isinstance(given, Budget):
        return given or Budget()
    if isinstance(given, bool) or not isinstance(given, int):
        raise UsageError(
            f"budget is {given!r}, which is neither a number of evaluations nor a budget.",
            "as in budget=60, or budget=opro.Budget(evaluations=60, cost=1.0)",
        )
    return Budget(evaluations=given)


class Account:
    """Caps and limits that several calls of this process share, also at the same time.

    Args:
        cost: US dollars that all calls together may spend; None for no cap.
        calls: calls of models.
        tokens: input and output tokens.
        time: seconds from now on.
        concurrency: calls of models at the same time.
        requests_per_minute: calls a minute; needs ``pip install 'opro-cli[limits]'``.
        tokens_per_minute: tokens a minute; needs the same.

    Raises:
        OproError: a value is none.
    """

    def __init__(
        self,
        *,
        cost: float | None = None,
        calls: int | None = None,
        tokens: int | None = None,
        time: float | None = None,
        concurrency: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        limits = {
            "concurrency": concurrency,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
        }
        given = {name: value for name, value in limits.items() if value is not None}
        caps = Budget(cost=cost, calls=calls, tokens=tokens, time=time).caps()
        with python_words():
            budget = Caps(validate(BudgetSettings, caps, "budget", file="Account()"))
            limiter = Limiter(validate(LimitSettings, given, "limits", file="Account()"))
        self._shared = Shared(budget, limiter)
        self._background = Background()  # what waits for others belongs to one event loop

    @property
    def spent(self) -> dict[str, float]:
        """What all calls together have spent so far: calls, tokens, and cost in US dollars."""
        spent = self._shared.budget.spent
        return {"calls": spent.calls, "tokens": spent.tokens, "cost": spent.cost}

    def __repr__(self) -> str:
        spent = self._shared.budget.spent
        return f"Account(spent ${spent.cost:.4f} in {spent.calls:,} calls)"


def shared_by(account: Account | None) -> tuple[Background, Shared | None]:
    """Where a call runs, and what it shares with others."""
    return (Background(), None) if account is None else (account._background, account._shared)
