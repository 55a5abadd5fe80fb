"""Runs of earlier versions are listed, reported, replayed and resumed. See tests/data/README.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opro_cli.core.errors import RunsError
from opro_cli.core.events import Event, Prompted, Replied
from opro_cli.runs.compare import first_difference
from opro_cli.runs.record import read_record
from opro_cli.runs.store import EVENTS_FILE, open_run
from tests.chains import by_prompt, only_run, open_events

DATA = Path(__file__).parent.parent / "data"
PLACES = ["runs-format-1", "runs-without-checksums"]
PLACE = pytest.mark.parametrize("place", PLACES)

FINISHED = "20261125-155610-exp1-opro-w15-b14-r1-0ea73da3f58b"
FAILED = "20261125-155613-exp1-opro-w15-b14-r1-71a3b43c4724"
PAUSED = "20261125-155615-exp1-opro-w15-b14-r1-3ba961d6db57"
TORN = "20261125-155615-exp1-opro-w15-b14-r1-3ba961d670a2"
C048D5 = "20261125-155654-exp1-opro-w15-b14-r1-c048d5"
UNFINISHED = [
    ("runs-format-1", FAILED, "2", ()),
    ("runs-format-1", PAUSED, "1", ("--max-calls", "6")),
    ("runs-format-1", TORN, "1", ("--max-calls", "6")),
    ("runs-without-checksums", C048D5, "1", ("--max-calls", "6")),
    ("runs-without-checksums", "20261125-155656-exp1-opro-w15-b14-r1-aff551", "2", ()),
    ("runs-without-checksums", "20261125-155658-exp1-opro-w15-b14-r1-e3b308", "3", ()),
]
HOSTED = (
    *("run-opro", "--preset", "exp1", "--target", "w=15,b=14", "--reps", "1", "--max-steps", "3"),
    *("--model", "gemini-3.5-flash-lite", "--points-per-step", "2", "--strategy", "paper"),
    *("--display", "none"),
)


@pytest.fixture
def copied(tmp_path) -> Callable[[str], Path]:
    """A copy of a directory of recorded runs."""

    def copy(place: str) -> Path:
        return Path(shutil.copytree(DATA / place, tmp_path / place))

    return copy


def expected(place: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((DATA / f"{place}.expected.json").read_text())
    return found


def facts(done) -> dict[str, dict[str, Any]]:
    """The objects that a command printed, by run."""
    assert done.exit_code == 0, done.stderr
    return {line["run"]: line for line in map(json.loads, done.stdout.splitlines())}


def assert_same_course(old: Path, new: Path) -> None:
    """The same events, but for the last digits of numbers that this processor rounds otherwise."""
    recorded, ours = course(old), course(new)
    assert len(ours) == len(recorded)
    for event, other in zip(ours, recorded, strict=True):
        assert first_difference(event, other) is None


def course(path: Path) -> list[Event]:
    """The events of a run as if nothing had gone wrong, without durations.

    The oldest runs have a temperature in their prompts, which the model ignores, as now is noted.
    """
    events: list[Event] = []
    for event in read_record(open_run(path)).uninterrupted():
        if isinstance(event, Replied):
            reply = replace(event.reply, seconds=0.0, attempts=1, troubles=())
            events.append(replace(event, reply=reply))
        else:
            old = isinstance(event, Prompted) and event.temperature == 1.0
            events.append(replace(event, temperature=None) if old else event)
    return events


def values_of(result: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The facts that were there when these runs were made: the names of coordinates came later."""
    best = {key: value for key, value in (result["best"] or {}).items() if key != "parameters"}
    return {key: (best or None) if key == "best" else result[key] for key in keys}


@PLACE
def test_they_are_listed_with_their_values(opro, copied, place):
    root = copied(place)
    listed = facts(opro("runs", "list", "--json", "--limit", "0", "--runs-dir", root))
    wanted = expected(place)
    assert set(listed) == set(wanted) == {path.name for path in (DATA / place).iterdir()}
    for run, values in wanted.items():
        assert values_of(listed[run], values) == values, run
    shown = opro("runs", "list", "--limit", "0", "--runs-dir", root)
    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) == 1 + len(wanted)
    for run, values in wanted.items():
        done = opro("runs", "show", run, "--json", "--runs-dir", root)
        assert done.exit_code == 0, done.stderr
        result = json.loads(done.stdout)
        made = [step["step"] for step in result["steps"] if "pairs" in step]
        result["steps"] = made[-1]
        assert values_of(result, values) == values, run


@PLACE
def test_they_are_reported_with_their_values(opro, copied, place):
    root = copied(place)
    done = opro("report", "--format", "json", "--runs-dir", root)
    assert done.exit_code == 0, done.stderr
    assert "damaged" not in done.stderr
    rows, wanted = json.loads(done.stdout), expected(place)
    superseded = {TORN} if place == "runs-format-1" else set()  # the paused run has its settings
    ids = [run for row in rows for run in row["runs"]]
    assert sorted(ids) == sorted(set(wanted) - superseded)
    for row in rows:
        runs = [wanted[run] for run in row["runs"]]
        states = [run["state"] for run in runs]
        for state in ("converged", "failed", "unfinished"):
            assert row[state] == states.count(state)
        for key in ("calls", "cost"):
            assert row[key] == pytest.approx(sum(run[key] for run in runs))
        for key in ("input", "output"):
            assert (row["tokens"][key] or 0) == sum(run["tokens"][key] for run in runs)
        solved = [run for run in runs if run["state"] == "converged"]
        for key in ("steps", "evaluations", "distinct_pairs", "recorded_pairs"):
            if key.endswith("_pairs") and row["optimizer"] == "sgd":
                assert row[key] is None  # it does not propose every point
                continue
            values = row[key]["values"] if row[key] else []
            assert sorted(values) == sorted(run[key] for run in solved), (row["runs"], key)
        assert row["best"]["value"] in [run["best"]["value"] for run in runs]
    assert opro("report", "--format", "markdown", "--runs-dir", root).exit_code == 0


@PLACE
def test_they_are_replayed(opro, copied, place):
    root = copied(place)
    done = opro("replay", root, "--json")
    assert done.exit_code == 0, done.stdout
    found = {line["recording"]: line for line in map(json.loads, done.stdout.splitlines())}
    wanted = expected(place)
    assert set(found) == set(wanted)
    for run, values in wanted.items():
        for key in ("steps", "distinct_pairs", "recorded_pairs"):
            assert found[run][key] == values[key], run
    count = len(wanted)
    own = any("values (an objective is not run again)" in r["unchecked"] for r in found.values())
    given = "; the values of an objective are taken from the log" if own else ""
    assert f"{count} of {count} runs recomputed identically{given}." in done.stderr


@pytest.mark.parametrize(
    ("place", "run", "seed", "cap"), UNFINISHED, ids=[case[1][-6:] for case in UNFINISHED]
)
def test_an_unfinished_one_is_resumed(opro, serve, copied, place, run, seed, cap):
    server = serve(by_prompt)
    root = copied(place)
    path = root / run
    for twin in {PAUSED, TORN} - {run}:
        if run in (PAUSED, TORN):  # its replies would count, too: it says it is of one command
            shutil.rmtree(root / twin)
    before = (path / EVENTS_FILE).read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    untouched = {p: p.read_bytes() for p in root.glob("*/*") if p.parent != path}
    done = opro("resume", run, *cap, "--runs-dir", root, "--json", "--display", "none")
    result = facts(done)[run]
    assert len(server.asked) == 3  # one in step 2, two in step 3
    assert (result["state"], result["reason"]) == ("stopped", "max_steps")
    assert (result["steps"], result["calls"]) == (3, 6)

    # The lines that were there are still there, byte for byte; lines of format 2 follow them.
    after = (path / EVENTS_FILE).read_bytes()
    assert after.startswith(whole)
    first = whole.count(b"\n") + 1
    new = open_events(path)[first - 1 :]
    assert [event["n"] for event in new] == list(range(first, first + len(new)))
    assert all("crc" in event and "sum" not in event for event in new)
    assert [event["type"] for event in new].count("replied") == 3
    assert all(p.read_bytes() == content for p, content in untouched.items())
    assert len(open_run(path).sessions()) == 1 + (place == "runs-format-1")

    # All of it can be read, listed, reported and replayed, and there is nothing left to do.
    listed = facts(opro("runs", "list", "--json", "--limit", "0", "--runs-dir", root))
    assert listed[run]["state"] == "stopped"
    assert listed[run]["seconds"] < 60  # without the time since it was interrupted
    assert opro("report", "--format", "json", "--runs-dir", root).exit_code == 0
    assert opro("runs", "show", run, "--step", "3", "--runs-dir", root).exit_code == 0
    assert opro("replay", root).exit_code == 0
    again = opro("resume", run, "--runs-dir", root)
    assert again.exit_code == 2
    assert "there is nothing to resume" in again.stderr

    # It has come to the end of a run that was never interrupted.
    strategy = () if place == "runs-format-1" else _strategy(path)
    fresh = opro(*HOSTED, *strategy, "--seed", seed, "--runs-dir", "fresh")
    assert fresh.exit_code == 0, fresh.stderr
    assert_same_course(path, only_run("fresh"))


def _strategy(path: Path) -> tuple[str, ...]:
    """The strategy of a run that was started without an option for it."""
    return ("--strategy", open_run(path).spec().optimizer.strategy)


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (HOSTED, FINISHED),
        (
            ("run-sgd", "--preset", "exp1", "--target", "w=15,b=14"),
            "20261125-155607-exp1-sgd-w15-b14-r1-58e66461eefe",
        ),
        (
            (
                *("run-baseline", "--preset", "exp1", "-O", "nelder-mead", "--target", "w=3,b=5"),
                *("--max-evaluations", "25", "--reps", "1"),
            ),
            "20261125-155609-exp1-nelder-mead-w3-b5-r1-25d80b3bdb8d",
        ),
    ],
)
def test_the_same_command_finds_them_done(opro, serve, copied, words, run):
    server = serve(by_prompt)
    root = copied("runs-format-1")
    done = opro(*words, "--runs-dir", root, "--json", "--display", "none")
    assert set(facts(done)) == {run}
    assert "All runs already exist" in done.stderr
    assert server.asked == []
    assert len(list(root.glob("*/run.json"))) == len(expected("runs-format-1"))


def test_the_same_command_resumes_them(opro, serve, copied):
    server = serve(by_prompt)
    root = copied("runs-format-1")
    done = opro(*HOSTED, "--seed", "1", "--max-calls", "6", "--runs-dir", root, "--json")
    (result,) = facts(done).values()
    assert result["run"] in (PAUSED, TORN)
    assert (result["calls"], len(server.asked)) == (6, 3)
    assert len(list(root.glob("*/run.json"))) == len(expected("runs-format-1"))


@pytest.mark.parametrize("place", PLACES)
def test_the_log_of_a_finished_run_is_what_this_version_writes(opro, serve, copied, place):
    serve(by_prompt)
    run = FINISHED if place == "runs-format-1" else "20261125-155651-exp1-opro-w15-b14-r1-d4f538"
    path = copied(place) / run
    strategy = () if place == "runs-format-1" else _strategy(path)
    assert opro(*HOSTED, *strategy, "--runs-dir", "fresh").exit_code == 0
    assert_same_course(path, only_run("fresh"))


LINES = {
    "changed": lambda lines: [lines[0], lines[1].replace(b"0", b"1", 1), *lines[2:]],
    "missing": lambda lines: [lines[0], *lines[2:]],
    "doubled": lambda lines: [lines[0], lines[0], *lines[1:]],
    "moved": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "bare": lambda lines: [lines[0].partition(b', "sum"')[0] + b"}\n", *lines[1:]],
}


@pytest.mark.parametrize("damage", LINES)
@pytest.mark.parametrize("resumed", [False, True])
def test_a_damaged_line_of_format_1_is_named(opro, serve, copied, damage, resumed):
    serve(by_prompt)
    root = copied("runs-format-1")
    path = root / PAUSED
    if resumed:
        opro("resume", PAUSED, "--max-calls", "6", "--runs-dir", root, "--display", "none")
    lines = (path / EVENTS_FILE).read_bytes().splitlines(keepends=True)
    (path / EVENTS_FILE).write_bytes(b"".join(LINES[damage](lines)))
    line = 1 if damage == "bare" else 2
    with pytest.raises(RunsError, match=rf"events\.jsonl, line {line}: its? .*checksum"):
        list(open_run(path).log())
    assert opro("resume", PAUSED, "--max-calls", "9", "--runs-dir", root).exit_code == 2
    assert opro("replay", path).exit_code == 1


def test_a_line_may_not_be_missing_where_the_format_changes(opro, serve, copied):
    serve(by_prompt)
    root = copied("runs-format-1")
    path = root / PAUSED
    first = len((path / EVENTS_FILE).read_bytes().splitlines())
    opro("resume", PAUSED, "--max-calls", "6", "--runs-dir", root, "--display", "none")
    lines = (path / EVENTS_FILE).read_bytes().splitlines(keepends=True)
    for missing in (first - 1, first):
        (path / EVENTS_FILE).write_bytes(b"".join(lines[:missing] + lines[missing + 1 :]))
        with pytest.raises(RunsError, match=rf"line {missing + 1}: it has the number "):
            list(open_run(path).log())
