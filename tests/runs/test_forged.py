"""Runs with right checksums and wrong contents: one sentence that names the place, harmless on the
screen, in every command that reads, and the other runs are shown all the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from opro_cli.core.errors import RunsError
from opro_cli.runs.disk.sessions import read_sessions
from opro_cli.runs.store import EVENTS_FILE, RUN_FILE, SESSIONS_FILE, open_run
from tests.chains import by_prompt, only_run
from tests.forging import first, forged
from tests.test_hostile import harmless

RUN = ("run-opro", "--preset", "exp1", "--target", "w=15,b=14", "--reps", "1", "--max-steps", "1")
SMALL = (*RUN, "--points-per-step", "2", "--strategy", "paper", "--display", "none")
TITLE = "\x1b]0;x\x07\u202e"


@pytest.fixture
def good(opro, serve) -> Path:
    serve(by_prompt)
    opro(*SMALL)
    return only_run()


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def put(path: str, value: object):
    """Sets a field of ``run.json``."""
    *outer, last = path.split(".")

    def change(about, events):
        for name in outer:
            about = about[name]
        about[last] = value

    return change


REFUSED = {
    "a created without a zone": (put("created", "2026-11-25T10:00:00"), "created: a time without"),
    "a created long ago": (put("created", "0001-01-01T00:00:00+00:00"), "created: "),
    "a list as the spec": (put("spec", [1]), "spec: not a mapping"),
    "steps as a text": (put("spec.max_steps", "9"), "spec.max_steps: not a count"),
    "a huge seed": (put("spec.seed", 10**400), "spec.seed: not a count"),
    "true as a repetition": (put("spec.repetition", True), "spec.repetition: not a count"),
    "text in a published mean": (
        put("spec.published", [{"model": "m", "source": "s", "steps": {"mean": TITLE}}]),
        "steps.mean: not a number",
    ),
    "a target of lists": (put("spec.target", {"w": [1]}), "spec.target.w: not a text"),
    "an unknown kind of problem": (put("spec.problem", {"kind": TITLE}), "spec cannot be read"),
    "a price of words": (put("price", {"input": "0", "output": 0}), "price.input: not a number"),
    "a model that is a list": (put("model", ["x"]), "model: not a text"),
    "sources that are a list": (put("preset.sources", [1]), "preset.sources: not a mapping"),
    "limits that are a text": (put("preset.resolved.limits", "x"), "preset.resolved.limits: "),
    "versions of numbers": (put("versions", {"opro": 1}), "versions.opro: not a text"),
    "true as a format": (put("schema", True), "log format"),
    "an infinite number anywhere": (put("more", [float("inf")]), "more: not a finite number"),
    "lists in lists": (put("more", nested(200)), "more: nested too deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_json_is_read_strictly(opro, good, name):
    change, said = REFUSED[name]
    run = forged(good, change)
    for words in (
        *(("runs", "list", "--json"), ("runs", "show", run.name), ("runs", "diff", run.name, good)),
        *(("report", "-f", name) for name in ("table", "markdown", "csv", "json")),
        *(("replay", "runs"), ("resume", run.name)),
    ):
        done = opro(*words)
        assert done.exit_code in (1, 2), words
        assert said in done.stdout + done.stderr, words
        assert "run.json" in done.stdout + done.stderr, words
        assert harmless(done.stdout + done.stderr), words
        assert "this is a bug" not in done.stderr
        if words[0] in ("report", "replay") or words[1] == "list":
            assert good.name in done.stdout or "exp1" in done.stdout, words


EVENTS = {
    "tokens below zero": ("replied", ("reply", "usage", "input"), -5, "reply: usage: input"),
    "an endless count": ("replied", ("reply", "calls"), 10**400, "reply: calls: not a count"),
    "another age": ("stepped", ("t",), "0001-01-01T00:00:00+14:00", "t: a time of another age"),
    "a time without a zone": ("stepped", ("t",), "2026-11-25T10:00:00", "t: a time without"),
    "a long point": ("started", ("pairs", 0, "point"), [0] * 100_000, "not a point"),
    "a reason of control characters": ("stopped", ("reason",), TITLE, "reason: "),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_line_of_a_log_is_named(opro, good, name):
    kind, path, value, said = EVENTS[name]

    def change(about, events):
        at = first(events, kind)
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    run = forged(good, change)
    for words in (("runs", "list"), ("report",), ("runs", "show", run.name), ("replay", "runs")):
        done = opro(*words)
        assert done.exit_code in (1, 2)
        assert said in done.stdout + done.stderr
        assert "events.jsonl, line " in done.stdout + done.stderr
        assert harmless(done.stdout + done.stderr)
    assert good.name in opro("runs", "list", "--json").stdout


SESSIONS = {
    "5\n": "line 1: not a mapping",
    "{torn\n": "line 1: not JSON",
    "[" * 100_000 + "\n": "line 1: ",
    '{"t": "2026-11-25T10:00:00", "session": "a", "budget": {}}\n': "t: a time without a time zone",
    '{"t": "2026-11-25T10:00:00Z", "session": "a"}\n': "budget is missing",
    '{"t": "2026-11-25T10:00:00Z", "session": "a", "budget": {"max_cost": "5"}}\n': "max_cost: ",
    '{"t": "2026-11-25T10:00:00Z", "session": "a", "budget": {"max_calls": 0}}\n': "max_calls: ",
    '{"t": "2026-11-25T10:00:00Z", "session": "a", "budget": {"max_tee": 1}}\n': "unknown field",
}


@pytest.mark.parametrize("text", SESSIONS, ids=SESSIONS.values())
def test_a_list_of_sessions_is_read_strictly(opro, good, text):
    run = forged(good, lambda about, events: None)
    (run / SESSIONS_FILE).write_text(text)
    with pytest.raises(RunsError, match="sessions.jsonl, line 1"):
        open_run(run).sessions()
    for words in (("runs", "list"), ("report",), ("resume", run.name), ("replay", run)):
        done = opro(*words)
        assert done.exit_code in (1, 2)
        assert SESSIONS[text] in done.stdout + done.stderr
        assert "sessions.jsonl, line 1" in done.stdout + done.stderr
    assert good.name in opro("runs", "list", "--json").stdout


def test_a_torn_session_is_left_out_and_many_take_no_time():
    line = b'{"t": "2026-11-25T10:00:00Z", "session": "%d", "budget": {}}\n'
    found = read_sessions(b"".join(line % number for number in range(20_000)) + b'{"t": "20')
    assert len(found) == 20_000


def test_every_text_of_a_step_is_shown_harmless(opro, good):
    def change(about, events):
        first(events, "prompted").update(form=TITLE, prompt=TITLE)
        first(events, "replied")["reply"].update(
            text=TITLE, model=TITLE, finish=TITLE, detail=TITLE, troubles=[TITLE], attempts=2
        )
        events[-1:] = [
            {"t": events[-1]["t"], "type": "failed", "step": 0}
            | dict.fromkeys(("error", "message", "hint"), TITLE)
        ]

    run = forged(good, change)
    for words in (("runs", "show", run.name, "--step", "1"), ("runs", "show", run.name)):
        done = opro(*words)
        assert done.exit_code == 0
        assert harmless(done.stdout)
        assert "x1b]0;x" in done.stdout
    for words in (("report",), ("report", "-f", "markdown"), ("runs", "list"), ("replay", run)):
        assert harmless(opro(*words).output)


def test_a_name_of_a_directory_is_shown_harmless(opro, good):
    forged(good, lambda about, events: None, "a\x1b[31m\u202e | b\nc")
    for words in (("runs", "list"), ("report",), ("report", "-f", "markdown"), ("replay", "runs")):
        done = opro(*words)
        assert harmless(done.stdout.replace("\n", ""))
        assert "\x1b" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize("name", [RUN_FILE, EVENTS_FILE, SESSIONS_FILE])
def test_pipes_devices_and_endless_links_are_sentences(opro, good, name):
    run = forged(good, lambda about, events: None)
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir):
        (run / name).rmdir() if (run / name).is_dir() else (run / name).unlink()
        make(run / name)
        for words in (("runs", "list"), ("report",), ("replay", "runs")):
            done = opro(*words)
            assert done.exit_code == 1
            assert name in done.stdout + done.stderr
            assert "this is a bug" not in done.stderr
        assert good.name in opro("runs", "list", "--json").stdout


@pytest.mark.parametrize("name", [EVENTS_FILE, SESSIONS_FILE, "writer.json"])
def test_nothing_is_written_through_a_link(opro, serve, tmp_path, name):
    serve(by_prompt)
    opro(*SMALL, "--max-calls", "1")
    path = only_run() / name
    victim = tmp_path / "precious"
    victim.write_bytes(path.read_bytes() if path.exists() else b"mine")
    before = victim.read_bytes()
    path.unlink(missing_ok=True)
    path.symlink_to(victim)
    done = opro("resume", "--max-calls", "99", "--display", "none")
    assert victim.read_bytes() == before
    assert done.exit_code == (0 if name == "writer.json" else 2), done.stderr


def test_a_json_of_the_runs_can_be_read_back(opro, good):
    facts = json.loads(opro("runs", "list", "--json").stdout)
    assert facts["run"] == good.name


@pytest.mark.parametrize("point", [["a", "b"], [1], [1, 2, 3], [True, None], [[1], {}]])
def test_a_point_that_is_none_of_the_problem_hides_no_other_run(opro, good, point):
    def change(about, events):
        first(events, "started")["pairs"] = [{"point": point, "value": -1.0}]
        first(events, "stepped")["pairs"] = []

    run = forged(good, change)
    for words in (("report", "-f", "json"), ("report", "--model-only"), ("runs", "list", "--json")):
        done = opro(*words)
        assert "this is a bug" not in done.output
        assert done.exit_code in (0, 1)
        if "json" in words[-1]:
            assert good.name in done.stdout
    assert "none of its problem" in opro("report").output or "not a" in opro("report").output
    assert run.exists()
