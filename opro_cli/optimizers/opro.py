"""OPRO: a language model proposes, from the solution–score pairs shown to it (arXiv 2309.03409)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from opro_cli.errors import UsageError
from opro_cli.events import Fate, Point, Reading, Reply, Scored
from opro_cli.history import History, Show, choose
from opro_cli.llm.base import LLM, Form, Request
from opro_cli.metaprompt import FORMS
from opro_cli.optimizers.base import Asked, OptimizerSettings, Proposal, Task
from opro_cli.problems.base import Integer, Number, Space, Unusable


class OproSettings(OptimizerSettings):
    """The ``opro:`` section."""

    name: ClassVar[str] = "opro"
    summary: ClassVar[str] = "a language model, shown the best pairs, proposes better ones"
    needs_model: ClassVar[bool] = True
    told: ClassVar[frozenset[str]] = frozenset(
        {"temperature", "max_num_pairs", "points_per_step", "metaprompt", "show"}
    )

    model: str = "auto"
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
    metaprompt: Literal["auto", "instruct", "list", "recorded"] = "auto"
    """``auto``: what the model can do."""
    show: Literal["auto", "best", "mixed"] = "auto"
    """Which pairs: ``best``, or ``mixed`` (half the best, half at random). ``auto``: best for
    ``instruct``, mixed for ``list``."""
    aim: Annotated[Number, Field(gt=0, lt=1)] = 0.3
    """``list`` form: the value asked for, as a fraction of the best one so far."""

    max_output_tokens: Annotated[Integer, Field(ge=1, le=1_000_000)] = 4096
    """Output tokens a reply may have, thinking included, where it is not a line to continue."""
    base_url: str | None = None
    """The server of an ``openai:`` model."""
    strict_model: bool = False
    """Fail where another model answers than the one asked for."""
    price_input: Annotated[Number, Field(ge=0)] | None = None
    """US dollars per million tokens, for a model whose price is not known here."""
    price_output: Annotated[Number, Field(ge=0)] | None = None

    def experiment(self) -> dict[str, Any]:
        """Published results differ in the model, and so in the form of meta-prompt it takes."""
        return self.model_dump(include={"temperature", "max_num_pairs", "points_per_step"})

    @property
    def evaluations_per_step(self) -> int:
        """Every proposal is evaluated."""
        return self.points_per_step

    @property
    def replies_per_step(self) -> int:
        """Replies that a step needs for its proposals."""
        return -(-self.points_per_step // self.proposals_per_call)

    @property
    def calls_per_step(self) -> int:
        """Calls that a step needs for its replies."""
        return -(-self.replies_per_step // self.candidates_per_call)

    def resolved(self, form: Form) -> dict[str, Any]:
        """What ``auto`` comes to for a model of this form."""
        metaprompt = form if self.metaprompt == "auto" else self.metaprompt
        show = "mixed" if metaprompt == "list" else "best"
        return {"metaprompt": metaprompt, "show": show if self.show == "auto" else self.show}

    def build(self, task: Task) -> Opro:
        """OPRO with the given model. Raises UsageError without one."""
        if task.llm is None:
            raise UsageError("OPRO needs a model.", "choose one with --model")
        if self.proposals_per_call > 1 and self.resolved(task.llm.form)["metaprompt"] == "list":
            raise UsageError(
                "The list form of meta-prompt asks for one proposal a reply, "
                f"not {self.proposals_per_call}.",
                "leave out opro.proposals_per_call, or set opro.metaprompt=instruct",
            )
        return Opro(self, task, task.llm)


class Opro:
    """The loop of OPRO's section 2: show pairs, sample, read."""

    def __init__(self, settings: OproSettings, task: Task, llm: LLM) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._llm = llm
        self._history = History(task.problem.wording.direction)
        concrete = settings.resolved(llm.form)
        self._form: str = concrete["metaprompt"]
        self._show: Show = concrete["show"]

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Add to the history."""
        self._history.add(pairs)

    async def ask(self, step: int) -> Asked:
        """Show the history, sample, and read every reply."""
        replies = await self._llm.sample(self._request(step))
        return read_replies(replies, self._form, self._problem.space)

    def _request(self, step: int) -> Request:
        settings, metaprompt = self._settings, FORMS[self._form]
        pairs = choose(
            self._history.ranked(),
            settings.max_num_pairs,
            self._show,
            self._randomness.generator(step, "shown"),
        )
        prompt = metaprompt.write(self._problem, pairs, self._aim(), settings.proposals_per_call)
        return Request(
            prompt=prompt.text,
            samples=settings.replies_per_step,
            step=step,
            temperature=settings.temperature,
            max_tokens=prompt.max_tokens or settings.max_output_tokens,
            schema=prompt.schema,
            grammar=prompt.grammar,
            stop=prompt.stop,
            seed=self._randomness.number(step, "model"),
            shown=prompt.shown,
            form=self._form,
        )

    def _aim(self) -> float | None:
        """A better value than the best: ``aim`` times it, where it is positive and minimised."""
        best = self._history.best
        if best is None:
            return None
        gain = (1 - self._settings.aim) * abs(best[1])
        return best[1] - gain if self._problem.wording.direction == "minimize" else best[1] + gain


def read_replies(replies: Sequence[Reply], form: str, space: Space) -> Asked:
    """What the replies of one step propose: each point once, and what became of each reply."""
    proposals: dict[Point, Proposal] = {}
    readings: list[Reading] = []
    for sample, reply in enumerate(replies):
        for found in read_reply(reply, form, space):
            if isinstance(found, Unusable):
                readings.append(Reading(sample, found.fate, why=str(found)))
                continue
            fate: Fate = "duplicate" if found in proposals else "used"
            proposals.setdefault(found, Proposal(found))
            readings.append(Reading(sample, fate, found))
    return Asked(tuple(proposals.values()), tuple(readings))


def read_reply(reply: Reply, form: str, space: Space) -> list[Point | Unusable]:
    """The solutions in one reply, usable or not; at least one."""
    if reply.finish == "blocked":
        return [Unusable("blocked", reply.detail)]
    if not reply.text.strip():
        return [Unusable("truncated" if reply.finish == "length" else "empty", reply.detail)]
    found = FORMS[form].read(reply.text, space)
    if reply.finish == "length":  # cut off: what cannot be read was not finished
        return [_truncated(item) for item in found]
    return found


def _truncated(item: Point | Unusable) -> Point | Unusable:
    if isinstance(item, Unusable) and item.fate == "unparsable":
        return Unusable("truncated", "cut off before a solution")
    return item
