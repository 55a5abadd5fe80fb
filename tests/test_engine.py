"""The loop: what is emitted, in which order, and when it stops."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opro_cli import engine
from opro_cli.errors import LLMError, Paused, RunFailed
from opro_cli.events import Failed, Prompted, Replied, Reply, Started, Stepped, Stopped
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.spec import RunSpec
from tests.doubles import Scripted, listed


def spec(max_steps: int = 5, patience: int | None = None, w=15, b=14, **opro) -> RunSpec:
    return RunSpec(
        preset="test",
        problem=LinearSettings(targets=[{"w": w, "b": b}]),
        repetition=0,
        optimizer=OproSettings(**{"strategy": "paper", "points_per_step": 3, **opro}),
        seed=0,
        limits=Limits(max_steps, patience),
    )


class Kept:
    """A journal in memory."""

    def __init__(self, emit=None) -> None:
        self.events = []
        self.settled = 0
        self.emit = emit or self.events.append

    async def settle(self) -> None:
        self.settled = len(self.events)


def play(run_spec: RunSpec, journal, **given):
    asyncio.run(engine.run(run_spec, journal, engine.Surroundings(**given)))


def run(run_spec: RunSpec, llm, recorded=None):
    journal = Kept()
    play(run_spec, journal, llm=llm, recorded=recorded)
    assert journal.settled == len(journal.events)
    return journal.events


def test_events_come_in_order_and_a_reply_before_it_is_read():
    llm = Scripted(listed(["[1, 2]", "[15, 14]", "?"]))
    events = run(spec(), llm)
    kinds = [type(event) for event in events]
    assert kinds == [Started, Prompted, Replied, Replied, Replied, Stepped, Stopped]
    assert events[-1] == Stopped(1, "converged")
    assert events[1].prompt == llm.requests[0].prompt
    assert [pair.point for pair in events[0].pairs][1] == (14, 14)


def test_a_run_that_finds_nothing_stops_at_max_steps():
    events = run(spec(max_steps=3), Scripted(listed(["nonsense"])))
    assert events[-1] == Stopped(3, "max_steps")
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [step.pairs for step in steps] == [(), (), ()]
    assert {r.fate for step in steps for r in step.readings} == {"unparsable"}


def test_patience_counts_steps_without_a_better_value():
    def answer(request, sample):
        return "[15, 13]" if request.step == 3 else "[90, 90]"

    events = run(spec(max_steps=99, patience=4), Scripted(answer))
    assert events[-1] == Stopped(7, "patience")


def test_a_known_point_is_recorded_again_but_not_evaluated_again():
    events = run(spec(max_steps=2), Scripted(listed(["[1, 2]", "[1, 2]", "[14, 14]"])))
    first, second = (event for event in events if isinstance(event, Stepped))
    assert [(p.point, p.known) for p in first.pairs] == [((1, 2), False), ((14, 14), True)]
    assert [r.fate for r in first.readings] == ["used", "duplicate", "known"]
    assert first.evaluations == 1
    assert [(p.point, p.known) for p in second.pairs] == [((1, 2), True), ((14, 14), True)]
    assert second.evaluations == 0


def test_a_start_that_is_the_target_ends_the_run_at_once():
    llm = Scripted(listed(["[1, 2]"]))
    assert run(spec(w=14, b=14), llm)[-1] == Stopped(0, "converged")
    assert llm.requests == []


def test_a_model_that_gives_up_fails_the_run_and_what_came_is_kept():
    def answer(request, sample):
        if request.step == 2 and sample == 1:
            raise LLMError("the model is gone")
        return "[1, 2]"

    journal = Kept()
    with pytest.raises(RunFailed, match="the model is gone"):
        play(spec(), journal, llm=Scripted(answer))
    events = journal.events
    assert events[-1] == Failed(1, "LLMError", "the model is gone")
    kept = [e.sample for e in events if isinstance(e, Replied) and e.step == 2]
    assert kept == [0, 2]


def test_a_bug_fails_the_run_and_is_recorded():
    journal = Kept()

    def answer(request, sample):
        raise ZeroDivisionError("oops")

    with pytest.raises(RunFailed, match="ZeroDivisionError: oops"):
        play(spec(), journal, llm=Scripted(answer))
    assert journal.events[-1] == Failed(0, "ZeroDivisionError", "oops")


@pytest.mark.parametrize("reason", ["", "max_cost"])
def test_a_paused_run_says_why_if_there_is_a_reason(reason):
    journal = Kept()

    def answer(request, sample):
        raise Paused(reason)

    with pytest.raises(Paused):
        play(spec(), journal, llm=Scripted(answer))
    assert journal.events[-1] == Stopped(0, reason) if reason else Prompted


def test_the_gate_is_asked_before_every_step():
    journal, asked = Kept(), []

    def gate():
        asked.append(len(journal.events))
        if len(asked) == 3:
            raise Paused("max_time")

    with pytest.raises(Paused):
        play(spec(max_steps=9), journal, llm=Scripted(listed(["[1, 2]"])), gate=gate)
    assert journal.events[-1] == Stopped(2, "max_time")


def test_a_failure_says_more_than_a_pause():
    def answer(request, sample):
        raise Paused("max_cost") if sample == 0 else LLMError("gone")

    with pytest.raises(LLMError):
        play(spec(), Kept(), llm=Scripted(answer))


def test_replies_are_inspected_after_they_are_recorded():
    journal = Kept()

    def inspect(reply):
        raise LLMError(f"{reply.model} is not what was asked for")

    with pytest.raises(LLMError):
        play(spec(), journal, llm=Scripted(listed(["[1, 2]"])), inspect=inspect)
    assert [type(e) for e in journal.events[-4:]] == [Replied, Replied, Replied, Failed]


def test_an_event_that_cannot_be_written_stops_the_run():
    def emit(event):
        if isinstance(event, Replied):
            raise LLMError("disk full")

    with pytest.raises(RunFailed, match="disk full"):
        play(spec(), Kept(emit), llm=Scripted(listed(["[1, 2]"])))


def test_recorded_replies_are_not_asked_for_again():
    llm = Scripted(listed(["[1, 2]"]))
    recorded = {(1, 0): Reply("[15, 14]", "stop", "m"), (1, 2): Reply("[3, 4]", "stop", "m")}
    events = run(spec(), llm, recorded)
    assert [(r.first, r.samples) for r in llm.requests] == [(1, 1)]
    assert events[-1] == Stopped(1, "converged")


def test_a_model_that_gives_many_replies_a_call_is_asked_once():
    llm = Scripted(listed(["[1, 2]"]), samples_per_call=2)
    run(spec(max_steps=1), llm)
    assert [(r.first, r.samples) for r in llm.requests] == [(0, 2), (2, 1)]


def test_the_same_seed_makes_the_same_run_and_another_another():
    def seeds(seed):
        llm = Scripted(listed(["[1, 2]"]))
        run(replace(spec(max_steps=3), seed=seed), llm)
        return [request.seed for request in llm.requests]

    assert seeds(1) == seeds(1)
    assert seeds(1) != seeds(2)
    assert len(set(seeds(1))) > 1


def test_runs_share_the_loop_and_one_failure_is_its_own():
    order = []

    def make(name, fails):
        async def one():
            for _ in range(2):
                await asyncio.sleep(0)
                order.append(name)
            if fails:
                raise RunFailed("no")

        return one

    slot = asyncio.Semaphore(2)
    asyncio.run(engine.run_all([make("a", True), make("b", False)], [slot, slot]))
    assert sorted(order) == ["a", "a", "b", "b"]
    assert order[:2] == ["a", "b"]


def test_no_more_runs_at_once_than_allowed():
    running = peak = 0

    async def one():
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1

    slot = asyncio.Semaphore(3)
    asyncio.run(engine.run_all([one] * 10, [slot] * 10))
    assert peak == 3
