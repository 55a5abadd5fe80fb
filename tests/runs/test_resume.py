"""Resuming: replies are not paid for twice, nothing restarts from zero, the log is the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opro_cli.core.events import Replied
from opro_cli.runs.lock import WRITER
from opro_cli.runs.record import read_record
from opro_cli.runs.store import EVENTS_FILE, SESSIONS_FILE, RunStore, open_run
from tests.chains import ASIDE, by_prompt, comparable, locks, only_run, open_events
from tests.loopback import Answer

OPRO = [sys.executable, "-m", "opro_cli"]
SMALL = ("exp1", "--target", "w=15,b=14", "--points-per-step", "3", "--display", "none")
RUN = ("run-opro", "--preset", *SMALL, "--reps", "1")


def test_a_log_cut_anywhere_is_resumed_to_the_same_end(opro, serve, tmp_path):
    server = serve(by_prompt)
    opro(*RUN, "--max-steps", "3")
    path = only_run()
    whole, wanted, asked = (path / EVENTS_FILE).read_bytes(), comparable(path), len(server.asked)
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    cuts = [0, 1, *ends[:-1], *(end + 7 for end in ends[:-1]), len(whole) - 1]
    for cut in cuts:
        (path / EVENTS_FILE).write_bytes(whole[:cut])
        kept = sum(isinstance(item.event, Replied) for item in open_run(path).log())
        before = len(server.asked)
        done = opro("resume", "--display", "none")
        assert done.exit_code == 0, done.stderr
        assert comparable(path) == wanted
        assert len(server.asked) - before == asked - kept  # nothing is bought twice
    assert opro("replay", "runs").exit_code == 0


def test_the_same_command_does_only_what_is_missing(opro, serve):
    server = serve(by_prompt)
    opro(*RUN, "--max-steps", "2", "--reps", "2")
    assert len(server.asked) == 12
    again = opro(*RUN, "--max-steps", "2", "--reps", "2")
    assert again.exit_code == 0
    assert "All runs already exist" in again.stderr
    assert len(server.asked) == 12
    opro(*RUN, "--max-steps", "2", "--reps", "3")
    assert len(server.asked) == 18
    opro(*RUN, "--max-steps", "2", "--reps", "2", "--fresh")
    assert len(server.asked) == 30


def test_a_failed_run_is_tried_again_from_where_it_failed(opro, serve, monkeypatch):
    broken = {"is": False}

    def answers(asked):
        return Answer(400, {"error": {"message": "no"}}) if broken["is"] else by_prompt(asked)

    server = serve(answers)
    opro(*RUN, "--max-steps", "2")
    wanted = comparable(only_run())
    opro(*RUN, "--max-steps", "2", "--runs-dir", "other", "--max-calls", "3")
    broken["is"] = True
    failed = opro("resume", "--runs-dir", "other", "--max-calls", "99", "--display", "plain")
    assert failed.exit_code == 1
    assert "failed in step 2: " in failed.stderr
    assert "try the failed ones again with: opro resume --runs-dir other" in failed.stderr
    broken["is"] = False
    before = len(server.asked)
    done = opro("resume", "--runs-dir", "other", "--max-calls", "99")
    assert done.exit_code == 0, done.stderr
    assert len(server.asked) - before == 3
    aside = ("failed", "stopped", *ASIDE)
    kept = [e for e in open_events(only_run("other")) if e["type"] not in aside]
    assert len(kept) == len(wanted) - 1


def test_a_changed_preset_is_refused_with_what_changed(opro, serve):
    serve(by_prompt)
    text = "problem: {kind: linear, targets: [{w: 1, b: 2}]}\nopro: {temperature: 1.0}\n"
    Path("mine.yaml").write_text(text + "max_steps: 2\n")
    opro("sweep", "mine.yaml", "--display", "none", "--max-calls", "3")
    Path("mine.yaml").write_text(text.replace("1.0", "0.5") + "max_steps: 3\n")
    done = opro("sweep", "mine.yaml", "--display", "none")
    assert done.exit_code == 2
    assert "mine.yaml has changed since" in done.stderr
    assert "max_steps was 2 and is 3" in done.stderr
    assert "--fresh" in done.stderr
    resumed = opro("resume", "--max-calls", "99", "--display", "none")
    assert resumed.exit_code == 0, resumed.stderr
    assert "mine.yaml has changed since" in resumed.stderr
    assert read_record(open_run(only_run())).totals.step == 2
    assert opro("sweep", "mine.yaml", "--display", "none").exit_code == 0


def test_patience_carries_over(opro, serve):
    serve(by_prompt)
    words = (*RUN, "--max-steps", "40", "--patience", "5")
    opro(*words)
    end = open_events(only_run())[-1]
    assert end["reason"] == "patience"
    opro(*words, "--runs-dir", "other", "--max-calls", "9")
    opro("resume", "--runs-dir", "other", "--max-calls", "999", "--display", "none")
    assert open_events(only_run("other"))[-1]["step"] == end["step"]


def test_nothing_to_resume_is_a_sentence(opro, serve):
    serve(by_prompt)
    assert "There is no unfinished run" in opro("resume").stderr
    opro(*RUN, "--max-steps", "1")
    done = opro("resume", only_run().name[:20])
    assert done.exit_code == 2
    assert "nothing to resume" in done.stderr
    assert opro("resume", "--max-cost", "x").exit_code == 2


def test_the_time_between_two_sessions_does_not_count(opro, serve):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "2", "--max-calls", "3")
    path = only_run()
    for name in (EVENTS_FILE, SESSIONS_FILE):  # as if it had been an hour ago, by the clock
        assert '"t": "2' in (path / name).read_text()
    sessions = [json.loads(line) for line in (path / SESSIONS_FILE).read_text().splitlines()]
    sessions[0]["t"] = "2020-01-01T00:00:00.000+00:00"
    (path / SESSIONS_FILE).write_text(json.dumps(sessions[0]) + "\n")
    time.sleep(0.3)  # what must not be counted
    opro("resume", "--max-calls", "99", "--display", "none")
    run = open_run(path)
    first, second = run.sessions()
    assert first.name != second.name
    logged = list(run.log())
    span = (logged[-1].time - logged[0].time).total_seconds()
    assert read_record(run).totals.seconds <= span - 0.3


def start(*words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*OPRO, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_finishes_what_is_in_flight(serve, opro, number):
    slow = {"is": True}

    def answers(asked):
        answer = by_prompt(asked)
        answer.delay = 0.8 if slow["is"] else 0.0
        return answer

    server = serve(answers)
    process = start(*RUN, "--max-steps", "4")
    deadline = time.monotonic() + 30
    while len(server.asked) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted; continue with: opro resume"
    assert "Traceback" not in stderr
    path = only_run()
    assert [e["type"] for e in open_events(path)].count("replied") == 3  # all in flight are kept
    assert not (path / WRITER).exists()
    assert locks() == set()
    slow["is"] = False
    assert opro("resume", "--display", "none").exit_code == 0
    opro(*RUN, "--max-steps", "4", "--runs-dir", "other")
    assert comparable(path) == comparable(only_run("other"))


def test_a_second_signal_leaves_at_once(serve):
    server = serve([Answer(body={}, delay=60)])
    process = start(*RUN, "--max-steps", "4")
    deadline = time.monotonic() + 30
    while len(server.asked) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert any("Ctrl-C again leaves at once" in line for line in process.stderr)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 3


def test_a_run_that_differs_from_its_log_is_not_resumed(opro, serve):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "2", "--max-calls", "3")
    path = only_run() / EVENTS_FILE
    from opro_cli.runs.disk.log import EventLog

    events = [item.event for item in open_run(path.parent).log()]
    path.unlink()
    log = EventLog(path)
    from dataclasses import replace

    for event in events:  # as another version would have written it
        log.append(replace(event, prompt="other") if hasattr(event, "prompt") else event)
    done = opro("resume", "--max-calls", "99", "--display", "plain")
    assert done.exit_code == 1
    assert "differs from the log" in done.stderr
    assert "another version of opro" in done.stderr


def test_all_runs_of_a_command_are_there_before_the_first_call(opro, serve):
    def refuse(asked):
        assert len(list(Path("runs").glob("*/run.json"))) == 3
        return by_prompt(asked)

    serve(refuse)
    assert opro(*RUN, "--max-steps", "1", "--reps", "3").exit_code == 0
    assert len(RunStore(Path("runs")).all()[0]) == 3


def test_resume_continues_the_last_command_not_the_last_made(opro, serve):
    serve(by_prompt)
    one = (*RUN, "--max-steps", "4")
    other = (*RUN, "--max-steps", "5")
    opro(*one, "--max-calls", "3")
    first = only_run()
    opro(*other, "--max-calls", "3")
    opro(*one, "--max-calls", "6")
    done = opro("resume", "--max-calls", "99", "--json")
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["run"] for line in done.stdout.splitlines()] == [first.name]


def test_a_cap_that_was_raised_stays_raised(opro, serve):
    server = serve(by_prompt)
    opro(*RUN, "--max-steps", "6", "--max-calls", "3")
    opro("resume", "--max-calls", "9", "--display", "none")
    done = opro("resume")
    assert done.exit_code == 3
    assert "9 of 9 calls are made" in done.stderr
    assert "continue with: opro resume --max-calls 18" in done.stderr
    assert len(server.asked) == 9


def test_a_cap_on_time_is_named_as_what_it_is(opro, serve):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "6", "--max-calls", "3")
    done = opro("resume", "--max-calls", "99", "--max-time", "0.000001")
    assert done.exit_code == 3
    assert "seconds allowed are over" in done.stderr
    assert "continue with: opro resume --max-time " in done.stderr
    assert open_events(only_run())[-1]["reason"] == "max_time"


def test_a_cap_on_calls_does_not_stop_what_makes_none(opro, serve):
    serve(by_prompt)
    opro("sweep", *SMALL, "--reps", "1", "--max-calls", "3")
    lines = opro("runs", "list", "--json").stdout.splitlines()
    states = {json.loads(line)["optimizer"]: json.loads(line)["state"] for line in lines}
    assert states == {"opro": "unfinished", "sgd": "converged"}


@pytest.mark.parametrize("name", ["run.json", EVENTS_FILE])
def test_a_run_that_has_lost_a_file_is_named(opro, serve, name):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "1")
    (only_run() / name).unlink()
    for words in (("report", "--format", "json"), ("runs", "list")):
        done = opro(*words)
        assert done.exit_code == 1
        assert f"{name}: it is missing" in done.stderr


def test_a_fault_that_is_waited_out_is_said(opro, serve):
    broken = [Answer(500, {"error": {"code": 500, "message": "down"}})]
    good = by_prompt

    def answers(asked):
        return broken.pop() if broken else good(asked)

    serve(answers)
    done = opro(*RUN, "--max-steps", "1", "--set", "limits.concurrency=1")
    assert done.exit_code == 0
    assert "answered 500: down" in done.stderr
    assert "Trying again." in done.stderr


@pytest.mark.parametrize("lost", [False, True])
def test_a_cap_belongs_to_all_runs_of_the_command_that_made_them(opro, serve, lost):
    server = serve(by_prompt)
    words = ("--target", "w=15,b=14", "--points-per-step", "3", "--set", "budget.max_calls=5")
    done = opro("run-opro", "-p", "exp1", *words, "--reps", "2", "--display", "none")
    assert done.exit_code == 3
    assert len(server.asked) == 5
    runs = sorted(path for path in Path("runs").glob("2*"))
    assert len(runs) == 2
    if lost:  # the cap is in the preset of each run, and what was spent is in the logs
        for run in runs:
            (run / "sessions.jsonl").unlink()
    for run in runs:
        again = opro("resume", run.name, "--display", "none")
        assert again.exit_code == 3, again.output
        assert "5 of 5 calls are made" in again.stderr
    assert len(server.asked) == 5
