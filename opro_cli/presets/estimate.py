"""Estimates of a plan before it starts: runs, calls, tokens and money, low, middle and high.

The sizes of prompts are measured: by the optimizers, which write the shortest and the longest, and
by the problems whose values a model gives. Steps and tokens of replies are assumed; ``ASSUMED``
says how.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from opro_cli.core.events import Point
from opro_cli.core.model import FREE, Ability, ModelRequest, Price
from opro_cli.core.seeds import Randomness
from opro_cli.core.text import clean, listed, plural
from opro_cli.llm import AUTO, provider_of
from opro_cli.llm.catalog import catalog, facts_of
from opro_cli.llm.provider import ModelChoice, bare_name
from opro_cli.optimizers.base import PromptSizes
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import AnswerSizes

FEW_STEPS = 5
"""Steps assumed of a run at best, where nothing was published for it."""

CHARS_PER_TOKEN = (4.0, 1.5)
"""English has about four characters a token, lists of numbers about one and a half."""

ASSUMED_REPLIES = "low: short replies; middle: usual ones; high: replies up to their limit"

ASSUMED_ANSWERS = (
    f"low: at most {FEW_STEPS} steps, short instructions and replies; middle: every step, usual "
    "ones; high: every step, replies up to their limit"
)


@dataclass(frozen=True)
class Span:
    """From the least to the most."""

    low: float = 0.0
    middle: float = 0.0
    high: float = 0.0

    @classmethod
    def between(cls, low: float, high: float) -> Span:
        """With the mean of both in the middle."""
        return cls(low, (low + high) / 2, high)

    def __add__(self, other: Span) -> Span:
        """Sum of all three."""
        return Span(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __mul__(self, other: Span) -> Span:
        """Product of all three."""
        return Span(self.low * other.low, self.middle * other.middle, self.high * other.high)

    def scaled(self, factor: float) -> Span:
        """All three times a number."""
        return self * Span(factor, factor, factor)


PER_CHARACTER = Span(1 / 4.5, 1 / 4, 1 / 2.5)
"""Tokens a character of a question, in low, middle and high."""


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
    roles: Mapping[str, Estimate] = field(default_factory=dict)
    """The parts of the models, by role."""

    def __add__(self, other: Estimate) -> Estimate:
        """Sum; of unknown cost if either is."""
        known = self.cost is not None and other.cost is not None
        names = dict.fromkeys([*self.roles, *other.roles])
        return Estimate(
            self.steps + other.steps,
            self.calls + other.calls,
            self.input + other.input,
            self.output + other.output,
            self.cost + other.cost if known and self.cost and other.cost else None,
            self.unpriced | other.unpriced,
            {n: self.roles.get(n, NOTHING) + other.roles.get(n, NOTHING) for n in names},
        )


NOTHING = Estimate()


class Estimator:
    """Estimates the runs of a plan. Sizes of prompts are measured once for all repetitions."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._measured: dict[tuple[str, str], Mapping[str, PromptSizes]] = {}
        self._answered: dict[str, Mapping[str, AnswerSizes]] = {}

    def total(self) -> Estimate:
        """All runs of the plan."""
        return sum((self.of_run(spec) for spec in self._plan.specs), Estimate())

    def assumed(self) -> str:
        """What low, middle and high stand for, in words; of the runs estimated so far."""
        specs = self._plan.specs
        if any(spec.problem.model_requests() for spec in specs):
            known = all(self._known_points(spec) is not None for spec in specs)
            return ASSUMED_REPLIES if known else ASSUMED_ANSWERS
        tokens = [s.output_tokens for sizes in self._measured.values() for s in sizes.values()]
        low, high = min((t[0] for t in tokens), default=0), max((t[1] for t in tokens), default=0)
        return (
            f"low: at most {FEW_STEPS} steps a run (or the published mean), {low:g} output tokens "
            f"a reply; middle: until patience ends it, {(low + high) / 2:g} tokens; "
            f"high: every step allowed, {high:g} tokens"
        )

    @staticmethod
    def _known_points(spec: RunSpec) -> frozenset[Point] | None:
        """All points of a run that are known beforehand, the starting points among them."""
        problem = spec.build_problem()
        own = spec.optimizer.proposals(problem.space)
        starts = problem.starts(Randomness(spec.seed, "").generator(0, "starts"))
        return None if own is None else frozenset([*starts, *own])

    def points(self, spec: RunSpec) -> str:
        """The evaluations of a run whose points are known beforehand, as a sum; else empty."""
        known, problem = self._known_points(spec), spec.build_problem()
        if known is None:
            return ""
        each, final = problem.evaluations_per_point, problem.final_evaluations
        text = f"{len(known)} points × {each} on train"
        return f"{text} + {final} on dev and test" if final else text

    def of_run(self, spec: RunSpec) -> Estimate:
        """One run; only its steps where no model is asked."""
        most = spec.most_steps
        low = min(most, _published_steps(spec) or FEW_STEPS)
        own = spec.problem.model_requests()
        steps = Span(low, most if own else _middle_steps(spec, low, most), most)
        found = Estimate(steps=steps)
        requests = spec.optimizer.model_requests()
        sizes = self._sizes(spec) if requests else {}
        for role, request in requests.items():
            if role in sizes:
                found += _of_role(steps, sizes[role], self._plan.models.get(request), role, request)
        for role, request in own.items():
            found += self._answers(spec, steps, role, request)
        return found

    def _answers(self, spec: RunSpec, steps: Span, role: str, request: ModelRequest) -> Estimate:
        """What the problem's own model would take: one call for every answer."""
        sizes = self._answer_sizes(spec)[role]
        problem = spec.build_problem()
        each = problem.evaluations_per_point
        starts = len(problem.starts(Randomness(spec.seed, "").generator(0, "starts")))
        known = self._known_points(spec)
        budget = spec.effective_limits.budget(starts * each)

        def answers(steps: float) -> float:
            points = steps * spec.optimizer.evaluations_per_step
            search = (starts + points if known is None else len(known)) * each
            return min(search, budget or search) + problem.final_evaluations

        calls = Span(answers(steps.low), answers(steps.middle), answers(steps.high))
        tokens_in = calls * Span(*sizes.characters) * PER_CHARACTER
        tokens_out = calls * Span(*sizes.output_tokens)
        return _priced(calls, tokens_in, tokens_out, self._plan.models.get(request), role, request)

    def _answer_sizes(self, spec: RunSpec) -> Mapping[str, AnswerSizes]:
        key = spec.problem.model_dump_json()
        if key not in self._answered:
            self._answered[key] = spec.problem.answer_sizes()
        return self._answered[key]

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


def calls_text(span: Span) -> str:
    """``about 1,200 (56 to 140,000) model calls``; one number where it is certain."""
    low, middle, high = (round(value) for value in (span.low, span.middle, span.high))
    if low == high:
        return plural(middle, "model call")
    return f"about {middle:,} ({low:,} to {high:,}) model calls"


def money_text(e: Estimate) -> str:
    """``about $1.85 ($0.03 to $84.00)``, ``$0 (local model)``, or why it is unknown."""
    if e.cost is None:
        return f"cost unknown: no price is known for {clean(listed(sorted(e.unpriced)), 100)}"
    if not e.cost.high:
        return "$0 (local model)"
    low, middle, high = (dollars(v) for v in (e.cost.low, e.cost.middle, e.cost.high))
    return f"about {middle} ({low} to {high})"


def dollars(value: float) -> str:
    """Two decimals, or more for an amount below ten cents."""
    return f"${value:,.2f}" if value >= 0.1 or not value else f"${value:.4f}"


def _of_role(
    steps: Span,
    sizes: PromptSizes,
    choice: ModelChoice | None,
    role: str,
    request: ModelRequest,
) -> Estimate:
    """What the optimizer's model in one role would take."""
    shortest, longest = sizes.characters
    characters = Span.between(shortest / CHARS_PER_TOKEN[0], longest / CHARS_PER_TOKEN[1])
    replies = steps * Span.between(*sizes.replies)
    calls = prompts = steps * Span.between(*sizes.calls)
    if choice is not None and choice.shares_prompt:  # every reply is a call, a prompt is read once
        calls, prompts = replies, steps * Span.between(*sizes.prompts)
    tokens_out = replies * Span.between(*sizes.output_tokens)
    return _priced(calls, prompts * characters, tokens_out, choice, role, request)


def _priced(
    calls: Span,
    tokens_in: Span,
    tokens_out: Span,
    choice: ModelChoice | None,
    role: str,
    request: ModelRequest,
) -> Estimate:
    """The estimate of one role. The price of a model is known also where it has no key."""
    price = choice.price if choice else _price(request)
    if price is None:
        unpriced = frozenset({choice.name if choice else request.name})
        found = Estimate(Span(), calls, tokens_in, tokens_out, None, unpriced)
    else:
        cost = tokens_in.scaled(price.input / 1e6) + tokens_out.scaled(price.output / 1e6)
        found = Estimate(Span(), calls, tokens_in, tokens_out, cost)
    return replace(found, roles={role: found})


def _price(request: ModelRequest) -> Price | None:
    """The price of a model that is not available here; for ``auto``, of the one it would choose
    with a key."""
    name = catalog().default if request.name == AUTO else bare_name(request.name)
    known = request.price or facts_of(name).price
    if known is None and provider_of(request.name).free:
        return FREE
    return known


def _middle_steps(spec: RunSpec, low: float, most: float) -> float:
    """Those of a run that patience ends after its first steps; without patience the geometric mean,
    as steps vary by orders of magnitude."""
    limits = spec.effective_limits
    if limits.patience is None or limits.counts != "steps":
        return math.sqrt(low * most)
    return min(low + limits.patience, most)


def _published_steps(spec: RunSpec) -> int:
    means = [row["steps"]["mean"] for row in spec.published if row.get("steps")]
    return math.ceil(min(means)) if means else 0
