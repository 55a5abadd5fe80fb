"""Estimates of a plan before it starts: runs, calls, tokens and money, low and high.

The sizes of prompts are measured by the optimizers, which write the shortest and the longest.
Steps and tokens of replies are assumed; ``ASSUMED`` says how.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from opro_cli.core.model import FREE, Ability, ModelRequest, Price
from opro_cli.core.seeds import Randomness
from opro_cli.llm import AUTO, provider_of
from opro_cli.llm.catalog import facts_of
from opro_cli.llm.provider import ModelChoice, bare_name
from opro_cli.optimizers.base import PromptSizes
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec

FEW_STEPS = 5
"""Steps assumed of a run at best, where nothing was published for it."""

CHARS_PER_TOKEN = (4.0, 1.5)
"""English has about four characters a token, lists of numbers about one and a half."""

ASSUMED = (
    f"low: {FEW_STEPS} steps a run (or the published mean), 60 output tokens a reply; "
    "high: every step allowed, 400 output tokens a reply"
)


@dataclass(frozen=True)
class Span:
    """From the least to the most."""

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Span) -> Span:
        """Sum of both ends."""
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Span) -> Span:
        """Product of both ends."""
        return Span(self.low * other.low, self.high * other.high)


@dataclass(frozen=True)
class Estimate:
    """What one run, or many, would take."""

    steps: Span = Span()
    calls: Span = Span()
    input: Span = Span()
    output: Span = Span()
    cost: Span | None = Span()
    """US dollars; None where a price is unknown."""
    unpriced: frozenset[str] = field(default_factory=frozenset)
    """The models of unknown price."""

    def __add__(self, other: Estimate) -> Estimate:
        """Sum; of unknown cost if either is."""
        known = self.cost is not None and other.cost is not None
        return Estimate(
            self.steps + other.steps,
            self.calls + other.calls,
            self.input + other.input,
            self.output + other.output,
            self.cost + other.cost if known and self.cost and other.cost else None,
            self.unpriced | other.unpriced,
        )


class Estimator:
    """Estimates the runs of a plan. Sizes of prompts are measured once for all repetitions."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._measured: dict[tuple[str, str], Mapping[str, PromptSizes]] = {}

    def total(self) -> Estimate:
        """All runs of the plan."""
        return sum((self.of_run(spec) for spec in self._plan.specs), Estimate())

    def of_run(self, spec: RunSpec) -> Estimate:
        """One run; only its steps where the optimizer asks no model."""
        most = spec.effective_limits.max_steps
        steps = Span(min(most, _published_steps(spec) or FEW_STEPS), most)
        found = Estimate(steps=steps)
        requests = spec.optimizer.model_requests()
        if not requests:
            return found
        sizes = self._sizes(spec)
        for role, request in requests.items():
            if role in sizes:
                choice = self._plan.models.get(request)
                found += _of_role(steps, sizes[role], choice, request)
        return found

    def _sizes(self, spec: RunSpec) -> Mapping[str, PromptSizes]:
        """The sizes of prompts, which are the same for all repetitions."""
        key = spec.problem.model_dump_json(), spec.optimizer.model_dump_json()
        if key not in self._measured:
            problem = spec.build_problem()
            starts = problem.starts(Randomness(spec.seed, "").generator(0, "starts"))
            abilities: dict[str, Ability] = {}
            for role, request in spec.optimizer.model_requests().items():
                choice = self._plan.models.get(request)
                abilities[role] = choice.ability if choice else "instruct"
            self._measured[key] = spec.optimizer.prompt_sizes(problem, starts, abilities)
        return self._measured[key]


def _of_role(
    steps: Span, sizes: PromptSizes, choice: ModelChoice | None, request: ModelRequest
) -> Estimate:
    """What the model in one role would take; its price is known also where it has no key."""
    shortest, longest = sizes.characters
    tokens_in = Span(shortest / CHARS_PER_TOKEN[0], longest / CHARS_PER_TOKEN[1])
    replies, calls = steps * Span(*sizes.replies), steps * Span(*sizes.calls)
    prompts = calls
    if choice is not None and choice.shares_prompt:  # every reply is a call, a prompt is read once
        calls, prompts = replies, steps * Span(*sizes.prompts)
    tokens_in = prompts * tokens_in
    tokens_out = replies * Span(*sizes.output_tokens)
    no_steps = Span()
    price = choice.price if choice else _price(request)
    if price is None:
        unpriced = frozenset({choice.name if choice else request.name})
        return Estimate(no_steps, calls, tokens_in, tokens_out, None, unpriced)
    cost = Span(
        (tokens_in.low * price.input + tokens_out.low * price.output) / 1e6,
        (tokens_in.high * price.input + tokens_out.high * price.output) / 1e6,
    )
    return Estimate(no_steps, calls, tokens_in, tokens_out, cost)


def _price(request: ModelRequest) -> Price | None:
    """The price of a model that is not available here."""
    known = request.price or facts_of(bare_name(request.name)).price
    if known is None and request.name != AUTO and provider_of(request.name).free:
        return FREE
    return known


def _published_steps(spec: RunSpec) -> int:
    means = [row["steps"]["mean"] for row in spec.published if row.get("steps")]
    return math.ceil(min(means)) if means else 0
