"""What a model is asked for those replies of a request that are not recorded."""

from __future__ import annotations

import asyncio

import pytest

from opro_cli.core.events import Event, Replied, Reply
from opro_cli.core.model import Request
from opro_cli.core.sampler import Sampler
from tests.doubles import Scripted


def asked(
    recorded: tuple[int, ...], a_call: int, samples: int = 6, first: int = 0
) -> tuple[Scripted, list[Reply], list[Event]]:
    """Ask for the replies of step 3, of which some are recorded."""
    model = Scripted(lambda request, sample: f"new {sample}", samples_per_call=a_call)
    old = {(3, sample): Reply(f"old {sample}", "stop", "m") for sample in recorded}
    events: list[Event] = []
    sampler = Sampler(model, events.append, old)
    request = Request("?", samples, 3, first=first, seed=7)
    return model, asyncio.run(sampler.sample(request)), events


@pytest.mark.parametrize(
    ("recorded", "a_call", "calls"),
    [
        ((), 6, [(0, 6)]),
        ((), 4, [(0, 4), (4, 2)]),
        ((0, 1, 2), 6, [(3, 3)]),
        ((1, 4), 6, [(0, 1), (2, 2), (5, 1)]),
        ((0, 1, 2, 3, 4, 5), 6, []),
    ],
)
def test_each_call_knows_the_whole_request_of_which_it_asks_a_part(recorded, a_call, calls):
    model, replies, events = asked(recorded, a_call)
    assert [(request.first, request.samples) for request in model.requests] == calls
    assert {request.whole for request in model.requests} <= {(0, 6)}
    assert {(request.step, request.seed) for request in model.requests} <= {(3, 7)}
    kinds = ["old" if sample in recorded else "new" for sample in range(6)]
    assert [reply.text for reply in replies] == [f"{k} {i}" for i, k in enumerate(kinds)]
    assert sorted(e.sample for e in events if isinstance(e, Replied)) == list(range(6))


def test_the_whole_of_a_request_for_more_replies_begins_with_its_own_first():
    model, replies, _ = asked((5,), 8, samples=3, first=4)
    assert [(r.first, r.samples, r.whole) for r in model.requests] == [
        (4, 1, (4, 3)),
        (6, 1, (4, 3)),
    ]
    assert [reply.text for reply in replies] == ["new 4", "old 5", "new 6"]
