"""A scripted model, a list of events, and runs made with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set

from opro_cli.core import engine
from opro_cli.core.events import Evaluation, Event, Point, Reply, Usage
from opro_cli.core.model import Ability, Model, ModelInfo, Request
from opro_cli.core.problem import Space
from opro_cli.core.sampler import Replies, Sampler
from opro_cli.optimizers.opro.replies import StepReplies
from opro_cli.presets.spec import RunSpec


class Scripted:
    """A model that answers from a function of the request: deterministic, and no network."""

    def __init__(
        self,
        answer: Callable[[Request, int], str | Reply],
        ability: Ability = "instruct",
        samples_per_call: int = 1,
        name: str = "scripted",
    ) -> None:
        self.info = ModelInfo(name, ability, samples_per_call)
        self.requests: list[Request] = []
        self.closed = False
        self._answer = answer

    async def sample(self, request: Request) -> list[Reply]:
        self.requests.append(request)
        await asyncio.sleep(0)
        replies = []
        for i in range(request.samples):
            answer = self._answer(request, request.first + i)
            if isinstance(answer, str):
                answer = Reply(answer, "stop", self.info.name, Usage(10, 5))
            replies.append(answer)
        return replies

    async def close(self) -> None:
        self.closed = True


def by_sample(texts: Sequence[str]) -> Callable[[Request, int], str]:
    """Answers by sample number, the same in every step."""
    return lambda request, sample: texts[sample % len(texts)]


class EventList:
    """The events of a run, in memory.

    Args:
        on_event: called with each event before it is kept.
    """

    def __init__(self, on_event: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self.flushed = 0
        """Events that were there at the last flush."""
        self._on_event = on_event

    def emit(self, event: Event) -> None:
        self._on_event(event)
        self.events.append(event)

    async def flush(self) -> None:
        self.flushed = len(self.events)


def run_spec(
    spec: RunSpec,
    model: Model | None = None,
    sink: EventList | None = None,
    *,
    recorded: Replies | None = None,
    on_reply: Callable[[Reply], None] | None = None,
    values: Mapping[Point, Evaluation] | None = None,
    check_budget: Callable[[], None] = lambda: None,
) -> list[Event]:
    """The events of one run; its optimizer asks ``model``, in every role it has."""
    kept = sink or EventList()
    samplers = {
        role: Sampler(model, kept.emit, recorded, on_reply)
        for role in spec.optimizer.model_requests()
        if model is not None
    }

    async def run() -> None:
        problem, optimizer = spec.build(samplers)
        resources = engine.RunResources(values or {}, check_budget)
        async with problem.evaluator({}) as evaluate:
            limits = spec.effective_limits
            await engine.run(problem, optimizer, evaluate, limits, kept, resources)

    asyncio.run(run())
    return kept.events


def collect_replies(
    replies: Sequence[Reply],
    form: str,
    space: Space,
    tried: Set[Point] | None = None,
    most: int = 99,
) -> StepReplies:
    """The proposals and the statuses of these replies of one step."""
    collected = StepReplies(form, space, most, tried)
    collected.add(replies)
    return collected
