"""What a replay derives besides the engine's own numbers, and what it says that it cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opro_cli.runs.store import EVENTS_FILE, SESSIONS_FILE
from tests.chains import by_prompt, only_run
from tests.forging import first, forged
from tests.loopback import error

RUN = ("run-opro", "--preset", "exp1", "--target", "w=15,b=14", "--reps", "1", "--display", "none")
SMALL = (*RUN, "--points-per-step", "2", "--strategy", "paper", "--max-steps", "2")


@pytest.fixture
def good(opro, serve) -> Path:
    """A run with a fault in it, that no later command has an opinion of."""
    serve(
        lambda asked: error(503, "UNAVAILABLE", "busy") if first_time(asked) else by_prompt(asked)
    )
    seen: list[object] = []

    def first_time(asked) -> bool:
        seen.append(asked)
        return len(seen) == 2

    done = opro(*SMALL)
    assert done.exit_code == 0, done.stderr
    return only_run()


def without_end(run: Path) -> None:
    """Take away the note of the command that wrote it: what follows is found all the same."""
    lines = (run / SESSIONS_FILE).read_text().splitlines(keepends=True)
    (run / SESSIONS_FILE).write_text("".join(line for line in lines if '"end"' not in line))


def reply(**changes):
    return lambda about, events: first(events, "replied")["reply"].update(changes)


def shift(kind: str, **by: float):
    """Moves the time of the first event of a type."""

    def change(about, events):
        event = first(events, kind)
        event["t"] = (datetime.fromisoformat(event["t"]) + timedelta(**by)).isoformat()

    return change


FOUND = {
    "tokens": (reply(usage={"input": 7, "output": 7}), "cost of the reply"),
    "cost": (reply(cost=9.0), "cost of the reply"),
    "no cost": (lambda a, e: first(e, "replied")["reply"].pop("cost"), "cost of the reply"),
    "calls": (reply(calls=3), "count"),
    "attempts": (reply(attempts=5), "attempts"),
    "troubles": (reply(troubles=["a", "b"], attempts=3), "the log has"),
    "a call left out": (lambda a, e: e.remove(first(e, "called")), "did not begin"),
    "a price": (lambda a, e: a.update(price={"input": 9, "output": 9}), "at the price in run.json"),
    "a model": (lambda a, e: a.update(model="gpt"), "the settings ask for"),
    "published": (
        lambda a, e: a["spec"].update(published=[{"model": "m", "source": "s"}]),
        "published figures",
    ),
    "the future": (shift("stopped", days=9), "in the future"),
    "before its session": (shift("started", days=-9), "its time is before"),
    "out of order": (shift("replied", seconds=30), "its time is before"),
    "created": (lambda a, e: a.update(created="2999-01-01T00:00:00+00:00"), "in the future"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_does_not_follow_from_the_rest_is_found(opro, good, name):
    change, said = FOUND[name]
    run = forged(good, change)
    without_end(run)
    done = opro("replay", run)
    assert done.exit_code == 1, done.stdout
    assert said in done.stdout


LEFT_OTHERWISE = {
    "a served model": reply(model="gemini-3.5-flash-lite-007"),
    "seconds": reply(seconds=0.0),
    "the last events": lambda a, e: e.__delitem__(slice(-4, None)),
    "one more": lambda a, e: e.append(e[-1]),
}


@pytest.mark.parametrize("name", LEFT_OTHERWISE)
def test_a_log_is_held_against_what_its_command_noted_at_its_end(opro, good, name):
    done = opro("replay", forged(good, LEFT_OTHERWISE[name]))
    assert done.exit_code == 1
    assert "the command that wrote it left" in done.stdout or "step" in done.stdout


def test_a_good_run_is_good_and_the_rest_is_named(opro, good):
    done = opro("replay", "runs", "--json")
    assert done.exit_code == 0, done.stdout
    assert json.loads(done.stdout)["unchecked"] == [
        "the tokens of replies, and which model has answered (the server's word)"
    ]
    assert "Not checked: the tokens of replies" in done.stderr


def test_a_log_that_was_cut_while_it_was_written_is_unfinished_and_this_is_said(opro, good):
    run = forged(good, lambda a, e: e.__delitem__(slice(-1, None)))
    without_end(run)
    done = opro("replay", run)
    assert done.exit_code == 0
    assert "unfinished: its log has no end" in done.stdout
    assert "whether the log was cut at its end" in done.stderr


def test_a_resumed_run_may_begin_before_the_end_that_was_noted(opro, serve):
    serve(by_prompt)
    opro(*SMALL, "--max-calls", "2")
    path = only_run()
    lines = (path / EVENTS_FILE).read_bytes().splitlines(keepends=True)
    (path / EVENTS_FILE).write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    assert opro("resume", "--max-calls", "99", "--display", "none").exit_code == 0
    done = opro("replay", "runs")
    assert done.exit_code == 0, done.stdout


def test_another_model_that_answers_is_named_and_no_difference(opro, serve):
    serve(lambda asked: by_prompt(asked, model="gemini-4-argon"))
    opro(*SMALL)
    done = opro("replay", "runs")
    assert done.exit_code == 0, done.stdout
    assert "the cost of 4 replies of gemini-4-argon, which was not asked for" in done.stderr


def test_a_clock_that_is_set_back_makes_no_time_go_back(tmp_path, monkeypatch):
    from opro_cli.core.events import Stopped
    from opro_cli.runs.disk import log

    times = [datetime(2026, 11, 25, 12, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return times.pop(0)

    monkeypatch.setattr(log, "datetime", Clock)
    written = log.EventLog(tmp_path / "log.jsonl")
    written.append(Stopped(1, "max_calls"))
    written.append(Stopped(1, "max_calls"))
    first_time, second_time = (e.time for e in log.read_events(tmp_path / "log.jsonl"))
    assert first_time == second_time
