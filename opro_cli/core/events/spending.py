"""What the calls of a run took, folded from its events."""

from __future__ import annotations

from dataclasses import dataclass, field

from opro_cli.core.events import Answered, Called, CallFailed, Event, Replied, Reply


@dataclass
class Spending:
    """Calls, tokens and dollars of a run, derived from its events alone.

    A call counts from its beginning, with the most that it could take. A reply that says what it
    took replaces that amount; a refusal takes the tokens back; anything else leaves it.
    """

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    """US dollars."""
    _open: dict[tuple[int, int], Called] = field(default_factory=dict)
    """The calls whose amount is not known yet, by step and first reply."""
    _covered: set[tuple[int, int]] = field(default_factory=set)
    """The replies whose calls are counted already."""

    def add(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case Called(step, sample):
                self.calls += event.calls
                self.tokens += event.tokens
                self.cost += event.cost
                self._open[step, sample] = event
                self._covered |= {(step, sample + i) for i in range(event.samples)}
            case CallFailed(step, sample):
                call = self._open.pop((step, sample), None)
                if event.free and call is not None:
                    self._take_back(call)
            case Replied(step, sample, reply):
                self._reply(step, sample, reply)
            case Answered(number, reply=reply) if not event.cached:
                self._reply(0, number, reply)

    def _reply(self, step: int, sample: int, reply: Reply) -> None:
        call = self._open.pop((step, sample), None)
        covered = (step, sample) in self._covered
        self._covered.discard((step, sample))
        if not covered:  # a log without calls
            self.calls += max(reply.calls, reply.attempts if reply.calls else 0)
        if call is not None and reply.usage is not None:
            self._take_back(call)
        if reply.usage is not None:
            self.tokens += reply.usage.input + reply.usage.output
            self.cost += reply.cost or 0.0

    def _take_back(self, call: Called) -> None:
        self.tokens -= call.tokens
        self.cost -= call.cost
