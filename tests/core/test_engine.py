"""The loop: the events of a run, their order, and the reason of its stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opro_cli.core.errors import LLMError, Paused, RunFailed
from opro_cli.core.events import Failed, Prompted, Replied, Reply, Started, Stepped, Stopped
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearProblem, LinearSettings
from tests.doubles import EventList, Scripted, by_sample, run_spec


def make_spec(max_steps: int = 5, patience: int | None = None, w=15, b=14, **opro) -> RunSpec:
    return RunSpec(
        preset="test",
        problem=LinearSettings(targets=[{"w": w, "b": b}]),
        repetition=0,
        optimizer=OproSettings(**{"strategy": "paper", "points_per_step": 3, **opro}),
        seed=0,
        limits=Limits(max_steps, patience),
    )


def run(spec: RunSpec, model, recorded=None):
    sink = EventList()
    run_spec(spec, model, sink, recorded=recorded)
    assert sink.flushed == len(sink.events)
    return sink.events


def test_events_come_in_order_and_a_reply_before_it_is_parsed():
    model = Scripted(by_sample(["[1, 2]", "[15, 14]", "?"]))
    events = run(make_spec(), model)
    kinds = [type(event) for event in events]
    assert kinds == [Started, Prompted, Replied, Replied, Replied, Stepped, Stopped]
    assert events[-1] == Stopped(1, "converged")
    assert events[1].prompt == model.requests[0].prompt
    assert [pair.point for pair in events[0].pairs][1] == (14, 14)


def test_a_run_that_finds_nothing_stops_at_max_steps():
    events = run(make_spec(max_steps=3), Scripted(by_sample(["nonsense"])))
    assert events[-1] == Stopped(3, "max_steps")
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [step.pairs for step in steps] == [(), (), ()]
    assert {r.status for step in steps for r in step.solutions} == {"unparsable"}


def test_patience_counts_steps_without_a_better_value():
    def answer(request, sample):
        return "[15, 13]" if request.step == 3 else "[90, 90]"

    events = run(make_spec(max_steps=99, patience=4), Scripted(answer))
    assert events[-1] == Stopped(7, "patience")


def test_a_known_point_is_recorded_again_but_not_evaluated_again():
    events = run(make_spec(max_steps=2), Scripted(by_sample(["[1, 2]", "[1, 2]", "[14, 14]"])))
    first, second = (event for event in events if isinstance(event, Stepped))
    assert [(p.point, p.known) for p in first.pairs] == [((1, 2), False), ((14, 14), True)]
    assert [r.status for r in first.solutions] == ["used", "duplicate", "known"]
    assert first.evaluations == 1
    assert [(p.point, p.known) for p in second.pairs] == [((1, 2), True), ((14, 14), True)]
    assert second.evaluations == 0


def test_a_start_that_is_the_target_ends_the_run_at_once():
    model = Scripted(by_sample(["[1, 2]"]))
    assert run(make_spec(w=14, b=14), model)[-1] == Stopped(0, "converged")
    assert model.requests == []


def test_a_model_that_gives_up_fails_the_run_and_its_replies_are_kept():
    def answer(request, sample):
        if request.step == 2 and sample == 1:
            raise LLMError("the model is gone")
        return "[1, 2]"

    sink = EventList()
    with pytest.raises(RunFailed, match="the model is gone"):
        run_spec(make_spec(), Scripted(answer), sink)
    events = sink.events
    assert events[-1] == Failed(1, "LLMError", "the model is gone")
    kept = [e.sample for e in events if isinstance(e, Replied) and e.step == 2]
    assert kept == [0, 2]


def test_a_bug_fails_the_run_and_is_recorded():
    sink = EventList()

    def answer(request, sample):
        raise ZeroDivisionError("oops")

    with pytest.raises(RunFailed, match="ZeroDivisionError: oops"):
        run_spec(make_spec(), Scripted(answer), sink)
    assert sink.events[-1] == Failed(0, "ZeroDivisionError", "oops")


def test_a_step_that_ends_with_an_error_is_not_counted(monkeypatch):
    """The error comes from the objective, after the proposals and before their values."""
    evaluate = LinearProblem.evaluate

    def fails_at_the_proposal(problem, point):
        if point == (1, 2):
            raise ZeroDivisionError("oops")
        return evaluate(problem, point)

    monkeypatch.setattr(LinearProblem, "evaluate", fails_at_the_proposal)
    sink = EventList()
    with pytest.raises(RunFailed):
        run_spec(make_spec(), Scripted(by_sample(["[1, 2]"])), sink)
    assert sink.events[-1] == Failed(0, "ZeroDivisionError", "oops")


@pytest.mark.parametrize("reason", ["", "max_cost"])
def test_a_paused_run_says_why_if_there_is_a_reason(reason):
    sink = EventList()

    def answer(request, sample):
        raise Paused(reason)

    with pytest.raises(Paused):
        run_spec(make_spec(), Scripted(answer), sink)
    last = sink.events[-1]
    assert last == Stopped(0, reason) if reason else isinstance(last, Prompted)


def test_the_budget_is_checked_before_every_step():
    sink, asked = EventList(), []

    def check_budget():
        asked.append(len(sink.events))
        if len(asked) == 3:
            raise Paused("max_time")

    with pytest.raises(Paused):
        run_spec(
            make_spec(max_steps=9), Scripted(by_sample(["[1, 2]"])), sink, check_budget=check_budget
        )
    assert sink.events[-1] == Stopped(2, "max_time")


def test_of_a_failure_and_a_pause_the_failure_counts():
    def answer(request, sample):
        raise Paused("max_cost") if sample == 0 else LLMError("gone")

    with pytest.raises(LLMError):
        run_spec(make_spec(), Scripted(answer))


def test_replies_are_checked_after_they_are_recorded():
    sink = EventList()

    def on_reply(reply):
        raise LLMError(f"{reply.model} is not what was asked for")

    with pytest.raises(LLMError):
        run_spec(make_spec(), Scripted(by_sample(["[1, 2]"])), sink, on_reply=on_reply)
    assert [type(e) for e in sink.events[-4:]] == [Replied, Replied, Replied, Failed]


def test_an_event_that_cannot_be_written_stops_the_run():
    def on_event(event):
        if isinstance(event, Replied):
            raise LLMError("disk full")

    with pytest.raises(RunFailed, match="disk full"):
        run_spec(make_spec(), Scripted(by_sample(["[1, 2]"])), EventList(on_event))


def test_recorded_replies_are_not_asked_for_again():
    model = Scripted(by_sample(["[1, 2]"]))
    recorded = {(1, 0): Reply("[15, 14]", "stop", "m"), (1, 2): Reply("[3, 4]", "stop", "m")}
    events = run(make_spec(), model, recorded)
    assert [(r.first, r.samples) for r in model.requests] == [(1, 1)]
    assert events[-1] == Stopped(1, "converged")


def test_a_model_that_gives_many_replies_a_call_is_asked_once():
    model = Scripted(by_sample(["[1, 2]"]), samples_per_call=2)
    run(make_spec(max_steps=1), model)
    assert [(r.first, r.samples) for r in model.requests] == [(0, 2), (2, 1)]


def test_the_same_seed_makes_the_same_run_and_another_seed_another():
    def seeds(seed):
        model = Scripted(by_sample(["[1, 2]"]))
        run(replace(make_spec(max_steps=3), seed=seed), model)
        return [request.seed for request in model.requests]

    assert seeds(1) == seeds(1)
    assert seeds(1) != seeds(2)
    assert len(set(seeds(1))) > 1
