"""What a plan would take, before anything is started: runs, calls, tokens, money, low and high.

The meta-prompts are really written, the shortest (the starting points alone) and the longest (as
many pairs as are shown at most), and measured. What cannot be known is assumed, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from opro_cli.evaluation import Apart
from opro_cli.events import Point
from opro_cli.metaprompt import CONTINUED, FORMS, Asking
from opro_cli.optimizers.opro import OproSettings
from opro_cli.plan import Plan, wanted
from opro_cli.problems import Problem
from opro_cli.randomness import Randomness
from opro_cli.spec import RunSpec

FEW_STEPS = 5
"""Steps assumed of a run at best, where nothing was published for it."""
CHARS_PER_TOKEN = (4.0, 1.5)
"""English has about four characters a token, rows of numbers about one and a half."""
REPLY_TOKENS = (60, 400)
"""Output tokens of a reply with two or three sentences of reasoning, thinking at its lowest."""
SOME_VALUE = 123.4567
"""A value of usual length."""
LINE_TOKENS = (3, 16)
"""Output tokens of a line that is continued."""


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


ASSUMED = (
    f"low: {FEW_STEPS} steps a run (or the published mean), {REPLY_TOKENS[0]} output tokens a "
    f"reply; high: every step allowed, {REPLY_TOKENS[1]} output tokens a reply"
)


def of_plan(plan: Plan) -> Estimate:
    """All runs of a plan."""
    return sum((of_run(spec, plan) for spec in plan.specs), Estimate())


def of_run(spec: RunSpec, plan: Plan) -> Estimate:
    """One run; nothing but steps where no model is asked."""
    most = spec.effective_limits.max_steps
    steps = Span(min(most, _published_steps(spec) or FEW_STEPS), most)
    settings = spec.optimizer
    if not isinstance(settings, OproSettings):
        return Estimate(steps=steps)
    want = wanted(spec)
    choice = plan.models.get(want) if want is not None else None
    settings = settings.concrete(choice.form if choice else "instruct")
    local = choice is not None and choice.form == "list" and choice.concurrency == 1
    replies = steps * Span(settings.replies_per_step, settings.most_replies)
    calls = steps * Span(
        settings.calls_for(settings.replies_per_step), settings.calls_for(settings.most_replies)
    )
    prompts = calls
    if local:  # its samples are a call each; they share the evaluation of the prompt
        calls, prompts = replies, steps * Span(1, settings.tries or 1)
    tokens_in = prompts * _measured(spec, settings, plan)
    tokens_out = replies * _reply_tokens(settings)
    if choice is None or choice.price is None:
        name = choice.spec if choice else settings.model
        return Estimate(steps, calls, tokens_in, tokens_out, None, frozenset({name}))
    price = choice.price
    cost = Span(
        *(
            (i * price.input + o * price.output) / 1e6
            for i, o in ((tokens_in.low, tokens_out.low), (tokens_in.high, tokens_out.high))
        )
    )
    return Estimate(steps, calls, tokens_in, tokens_out, cost)


def _published_steps(spec: RunSpec) -> int:
    means = [row["steps"]["mean"] for row in spec.published if row.get("steps")]
    return math.ceil(min(means)) if means else 0


def _measured(spec: RunSpec, settings: OproSettings, plan: Plan) -> Span:
    """The size of a prompt, the same for all repetitions: written once for each target."""
    key = spec.problem.model_dump_json(), settings.model_dump_json()
    if key not in plan.measured:
        plan.measured[key] = _prompt_tokens(spec, settings)
    found: Span = plan.measured[key]
    return found


def _prompt_tokens(spec: RunSpec, settings: OproSettings) -> Span:
    problem = spec.instance()
    form = settings.metaprompt
    starts = problem.starts(Randomness(spec.seed, "").generator(0, "starts"))
    shortest = _characters(problem, form, starts, settings.proposals_per_call)
    many = (starts * settings.max_num_pairs)[: settings.max_num_pairs]
    longest = _characters(problem, form, many, settings.proposals_per_call)
    return Span(shortest / CHARS_PER_TOKEN[0], longest / CHARS_PER_TOKEN[1])


def _characters(problem: Problem, form: str, points: Sequence[Point], proposals: int) -> int:
    # Somebody else's function is not called for an estimate: it may take hours.
    unknown = isinstance(problem, Apart)
    pairs = [(p, SOME_VALUE if unknown else problem.evaluate(p)) for p in points]
    aim = min((value for _, value in pairs), default=0.0)
    return len(FORMS[form].write(problem, pairs, aim, Asking(proposals)).text)


def _reply_tokens(settings: OproSettings) -> Span:
    low, high = LINE_TOKENS if settings.metaprompt in CONTINUED else REPLY_TOKENS
    more = 20 * (settings.proposals_per_call - 1)
    return Span(low + more, high + more)
