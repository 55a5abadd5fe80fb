"""OPRO: a language model proposes, from the solution–score pairs shown to it (arXiv 2309.03409)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from opro_cli.errors import UsageError
from opro_cli.events import Point, Scored
from opro_cli.history import History, Pair, Show, choose
from opro_cli.llm.base import LLM, Form, Request
from opro_cli.metaprompt import CONTINUED, FORMS, Asking
from opro_cli.optimizers.base import Asked, OptimizerSettings, Proposal, Task
from opro_cli.optimizers.perturb import perturbed
from opro_cli.optimizers.sieve import Sieve
from opro_cli.optimizers.strategy import STRATEGIES, Strategy
from opro_cli.problems.base import Integer, Number


class OproSettings(OptimizerSettings):
    """The ``opro:`` section."""

    name: ClassVar[str] = "opro"
    summary: ClassVar[str] = "a language model, shown the best pairs, proposes better ones"
    needs_model: ClassVar[bool] = True
    told: ClassVar[frozenset[str]] = frozenset(
        {"strategy", "temperature", "max_num_pairs", "points_per_step", "metaprompt"}
    )

    model: str = "auto"
    strategy: Strategy = "adaptive"
    """Which set of values the settings below have that are left open: see
    :mod:`opro_cli.optimizers.strategy`."""
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = 1.0
    """Sampling temperature; null leaves it to the model."""
    max_num_pairs: Annotated[Integer, Field(ge=1, le=10_000)] = 20
    """Pairs shown in a meta-prompt, at most."""
    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Proposals a step, all from the same meta-prompt."""
    proposals_per_call: Annotated[Integer, Field(ge=1, le=100)] = 1
    """Proposals in one reply: 1 asks ``points_per_step`` times, 8 asks once for 8 distinct ones."""
    candidates_per_call: Annotated[Integer, Field(ge=1, le=100)] = 1
    """Replies that one call brings, for models that have it: the prompt is paid once."""

    metaprompt: Literal["auto", "instruct", "list", "rows", "recorded"] = "auto"
    """The form; ``auto``: what the model can do, in the strategy's way."""
    show: Literal["auto", "best", "mixed"] = "auto"
    """Which pairs: the ``best``, or ``mixed`` (half the best, half at random)."""
    aim: Annotated[Number, Field(gt=0, le=1)] | None = None
    """The value asked for, as a fraction of the best one so far; 1 asks for a better one without
    naming a value, where the form can."""
    aim_by: Literal["auto", "best", "spread"] = "auto"
    """What ``aim`` leaves a part of: the ``best`` value itself, or, where that is less, the
    ``spread`` of the better half of the pairs shown."""
    duplicates: Literal["auto", "keep", "refuse"] = "auto"
    """Points known already: ``keep`` records them again; ``refuse`` leaves them out."""
    oversample: Annotated[Integer, Field(ge=1, le=20)] | None = None
    """Replies asked for where one is needed; the first that bring new points are taken."""
    tries: Annotated[Integer, Field(ge=1, le=10)] | None = None
    """Times that a step asks, at most, until it has its proposals."""
    perturb: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Share of a step's proposals that is not asked for, but drawn near good points in code."""
    plateau: Annotated[Integer, Field(ge=0, le=10_000)] | None = None
    """Steps without a better value that make a plateau; 0: nothing does. An instruction says so."""
    perturb_on_plateau: Annotated[Number, Field(ge=0, le=1)] | None = None
    """The share of ``perturb`` on a plateau."""
    fill: bool | None = None
    """Whether proposals that the model does not bring are drawn in the same way."""
    turn: bool | None = None
    """``rows`` form: begin with another coordinate in every step."""
    progress: bool | None = None
    """``instruct`` form: say how many points were tried, and where."""

    max_output_tokens: Annotated[Integer, Field(ge=1, le=1_000_000)] = 4096
    """Output tokens a reply may have, thinking included, where it is not a line to continue."""
    base_url: str | None = None
    """The server of an ``openai:`` model."""
    strict_model: bool = False
    """Fail where another model answers than the one asked for."""
    price_input: Annotated[Number, Field(ge=0)] | None = None
    """US dollars per million tokens, for a model whose price is not known here."""
    price_output: Annotated[Number, Field(ge=0)] | None = None

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Logs from before there were strategies are of the paper's."""
        if "strategy" not in data:
            data = {**data, "strategy": "paper"}
            if data.get("metaprompt") != "list":
                data["aim"] = 1.0  # it was not used
        return cls.model_validate(data)

    def usual(self, name: str) -> Any:
        """The value that the strategy gives to a setting, else its default."""
        form: Form = "list" if self.metaprompt in CONTINUED else "instruct"
        return STRATEGIES[self.strategy][form].get(name, super().usual(name))

    def experiment(self) -> dict[str, Any]:
        """Published results differ in the model, and so in the form of meta-prompt it takes."""
        return self.model_dump(include={"temperature", "max_num_pairs", "points_per_step"})

    @property
    def evaluations_per_step(self) -> int:
        """Every proposal is evaluated."""
        return self.points_per_step

    @property
    def wanted(self) -> int:
        """Proposals that a step wants of the model."""
        return self.points_per_step - self.drawn()

    def stuck(self, steps: int) -> bool:
        """Whether so many steps without a better value are a plateau."""
        return 0 < (self.plateau or 0) <= steps

    def drawn(self, steps: int = 0) -> int:
        """Proposals that a step draws in code whatever the model brings.

        Args:
            steps: since there was a better value.
        """
        share = self.perturb_on_plateau if self.stuck(steps) else self.perturb
        return int((share or 0.0) * self.points_per_step)

    @property
    def replies_per_step(self) -> int:
        """Replies that a step asks for at first."""
        return self.replies_for(self.wanted)

    @property
    def most_replies(self) -> int:
        """Replies that a step asks for at most."""
        return self.replies_per_step * (self.tries or 1)

    def replies_for(self, proposals: int) -> int:
        """Replies to ask for where so many proposals are missing."""
        return -(-proposals * (self.oversample or 1) // self.proposals_per_call)

    def calls_for(self, replies: int) -> int:
        """Calls that so many replies need."""
        return -(-replies // self.candidates_per_call)

    def resolved(self, form: Form) -> dict[str, Any]:
        """The values of all settings that the strategy decides, for a model of this form."""
        ready = STRATEGIES[self.strategy][form]
        given = {name: getattr(self, name) for name in ready}
        return {
            name: value if given[name] in (None, "auto") else given[name]
            for name, value in ready.items()
        }

    def concrete(self, form: Form) -> OproSettings:
        """The same settings with nothing left open."""
        return self.model_copy(update=self.resolved(form))

    def build(self, task: Task) -> Opro:
        """OPRO with the given model. Raises UsageError without one, or where its settings clash."""
        if task.llm is None:
            raise UsageError("OPRO needs a model.", "choose one with --model")
        settings = self.concrete(task.llm.form)
        if settings.proposals_per_call > 1 and settings.metaprompt in CONTINUED:
            raise UsageError(
                f"The {settings.metaprompt} form of meta-prompt asks for one proposal a reply, "
                f"not {settings.proposals_per_call}.",
                "leave out opro.proposals_per_call, or set opro.metaprompt=instruct",
            )
        return Opro(settings, task, task.llm)


class Opro:
    """The loop of OPRO's section 2: show pairs, sample, read; and what a strategy adds to it.

    Args:
        settings: with nothing left open.
        task: problem and randomness.
        llm: who is asked.
    """

    def __init__(self, settings: OproSettings, task: Task, llm: LLM) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._llm = llm
        self._history = History(task.problem.wording.direction)

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Add to the history."""
        self._history.add(pairs)

    async def ask(self, step: int) -> Asked:
        """Ask the model, again where it brings too little, and draw what is missing still.

        Each time, it is shown the pairs anew: others, where they are drawn at random.
        """
        settings = self._settings
        tried = self._history.tried if settings.duplicates == "refuse" else None
        wanted = settings.points_per_step - settings.drawn(self._history.stuck)
        sieve = Sieve(settings.metaprompt, self._problem.space, wanted, tried)
        for attempt in range(settings.tries or 1):
            if not sieve.missing:
                break
            pairs = self._shown(step, attempt)
            asking = self._asking(pairs, sieve, step + attempt if settings.turn else 0)
            request = self._request(step, pairs, asking, sieve)
            sieve.take(await self._llm.sample(request), asking.turn)
        return Asked((*sieve.proposals, *self._drawn(step, sieve)), tuple(sieve.readings))

    def _drawn(self, step: int, sieve: Sieve) -> list[Proposal]:
        """The proposals that are drawn in code."""
        settings = self._settings
        count = settings.drawn(self._history.stuck)
        if settings.fill:
            count = settings.points_per_step - len(sieve.proposals)
        points = perturbed(
            self._history.ranked(),
            self._problem.space,
            count,
            self._history.tried | {proposal.point for proposal in sieve.proposals},
            self._randomness.generator(step, "perturbed"),
        )
        return [Proposal(point, "perturbed") for point in points]

    def _shown(self, step: int, attempt: int) -> list[Pair]:
        rng = self._randomness.generator(step, f"shown/{attempt}" if attempt else "shown")
        show: Show = "mixed" if self._settings.show == "mixed" else "best"
        return choose(self._history.ranked(), self._settings.max_num_pairs, show, rng)

    def _asking(self, pairs: Sequence[Pair], sieve: Sieve, turn: int) -> Asking:
        settings, history = self._settings, self._history
        return Asking(
            proposals=settings.proposals_per_call,
            selection=settings.show == "mixed" and len(pairs) < len(history),
            progress=history.progress(self._problem.space) if settings.progress else None,
            stuck=history.stuck if settings.stuck(history.stuck) else 0,
            proposed=sieve.seen,
            turn=turn,
        )

    def _request(self, step: int, pairs: Sequence[Pair], asking: Asking, sieve: Sieve) -> Request:
        settings = self._settings
        form = FORMS[settings.metaprompt]
        prompt = form.write(self._problem, pairs, self._aim(pairs), asking)
        return Request(
            prompt=prompt.text,
            samples=settings.replies_for(sieve.missing),
            step=step,
            first=sieve.replies,
            temperature=settings.temperature,
            max_tokens=prompt.max_tokens or settings.max_output_tokens,
            schema=prompt.schema,
            grammar=prompt.grammar,
            stop=prompt.stop,
            seed=self._randomness.number(step, "model"),
            shown=prompt.shown,
            form=settings.metaprompt,
        )

    def _aim(self, pairs: Sequence[Pair]) -> float | None:
        """A better value than the best, by a part of the best or of what the better half spans."""
        settings, fraction = self._settings, self._settings.aim or 1.0
        if not pairs or (fraction == 1 and settings.metaprompt not in CONTINUED):
            return None
        best, whole = pairs[-1][1], abs(pairs[-1][1])
        spread = abs(pairs[len(pairs) // 2][1] - best)
        if settings.aim_by == "spread" and spread:
            whole = min(whole, spread) or spread
        gain = (1 - fraction) * whole
        return best - gain if self._problem.wording.direction == "minimize" else best + gain
