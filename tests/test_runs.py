"""The log: what is written can be read, what is torn is tolerated, what is damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli import events
from opro_cli.errors import LogError, RunsError
from opro_cli.events import (
    FATES,
    Failed,
    Prompted,
    Reading,
    Replied,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.runs import EVENTS_FILE, RUN_FILE, Runs, open_run
from opro_cli.spec import RunSpec

SPEC = RunSpec(
    preset="test",
    problem=LinearSettings(targets=[{"w": 15, "b": 14}]),
    repetition=0,
    optimizer=OproSettings(model="local"),
    seed=0,
    limits=Limits(5, 3),
    published=({"model": "m", "source": "s", "steps": {"mean": 1.0}},),
)

numbers = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
points = st.tuples(numbers, numbers) | st.lists(st.integers(0, 9), max_size=9).map(tuple)
scored = st.builds(Scored, points, st.floats(allow_nan=False), st.text(), st.booleans())
usages = st.none() | st.builds(Usage, *[st.integers(0, 10**9)] * 4)
replies = st.builds(
    Reply, st.text(), st.text(), st.text(), usages, st.integers(0, 9), st.integers(1, 9)
)
readings = st.builds(
    Reading, st.integers(0, 99), st.sampled_from(FATES), st.none() | points, st.text()
)
steps = st.integers(0, 10**6)
anything = st.one_of(
    st.builds(Started, st.lists(scored).map(tuple)),
    st.builds(
        Prompted,
        steps,
        st.text(),
        st.lists(st.tuples(points, st.text())).map(tuple),
        steps,
        st.text(),
        st.none() | st.floats(0, 2),
        st.none() | steps,
    ),
    st.builds(Replied, steps, steps, replies),
    st.builds(Stepped, steps, st.lists(scored).map(tuple), st.lists(readings).map(tuple), steps),
    st.builds(Stopped, steps, st.text()),
    st.builds(Failed, steps, st.text(), st.text()),
)


@given(anything)
def test_every_event_survives_the_log(event):
    line = json.dumps(events.to_json(event), allow_nan=False)
    assert events.from_json(json.loads(line)) == event


def test_values_that_are_not_finite_survive_too():
    event = Started((Scored((1,), float("nan")), Scored((2,), float("-inf"))))
    back = events.from_json(json.loads(json.dumps(events.to_json(event), allow_nan=False)))
    assert [str(pair.value) for pair in back.pairs] == ["nan", "-inf"]


def logged(tmp_path: Path, *written) -> Path:
    run = Runs(tmp_path / "runs").create(SPEC, {"versions": {}})
    log = run.append()
    for event in written:
        log.append(event)
    return run.path


WRITTEN = (
    Started((Scored((14, 14), 42747.8, "start"),)),
    Stepped(1, (Scored((15, 14), 64.3),), (Reading(0, "used", (15, 14)),), 1),
    Stopped(1, "converged"),
)


def test_a_run_reads_back_as_it_was_written(tmp_path):
    run = open_run(logged(tmp_path, *WRITTEN))
    assert tuple(logged.event for logged in run.log()) == WRITTEN
    assert run.spec() == SPEC
    assert run.spec().sha256() == SPEC.sha256() == run.about["spec_sha256"]


def test_what_was_asked_for_is_on_disk_before_anything_happens(tmp_path):
    path = logged(tmp_path)
    about = json.loads((path / RUN_FILE).read_text())
    assert {"schema", "id", "created", "spec", "spec_sha256"} <= set(about)
    assert list(open_run(path).log()) == []


def test_a_torn_last_line_is_left_out(tmp_path):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        kept = [logged.event for logged in open_run(path.parent).log()]
        assert tuple(kept) == WRITTEN[:2]


@pytest.mark.parametrize(
    "line", [b"garbage\n", b"{}\n", b'{"type":"stopped"}\n', b"\x00\xff\n", b"\n", b"[1]\n"]
)
def test_a_damaged_line_is_named_with_file_and_number(tmp_path, line):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + line + b"".join(lines[1:]))
    with pytest.raises(RunsError, match=r"events\.jsonl, line 2"):
        list(open_run(path.parent).log())


def test_a_changed_missing_or_doubled_line_is_named(tmp_path):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for changed in (
        [first.replace(b"42747.8", b"42747.9"), second, third],
        [second, third],
        [first, first, second, third],
        [first, third, second],
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(RunsError, match="line . its checksum is wrong|line .: its checksum"):
            list(open_run(path.parent).log())


def test_a_log_is_gone_on_with_after_its_torn_line(tmp_path):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    path.write_bytes(path.read_bytes()[:-7])
    run = open_run(path.parent)
    run.append().append(WRITTEN[2])
    assert tuple(logged.event for logged in run.log()) == WRITTEN


def test_a_run_file_changed_by_hand_is_named_and_the_others_are_read(tmp_path):
    changed, good = logged(tmp_path, *WRITTEN), logged(tmp_path, *WRITTEN)
    file = changed / RUN_FILE
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
    runs, damaged = Runs(tmp_path / "runs").all()
    assert [run.path for run in runs] == [good]
    assert "changed after it was written" in damaged[0].message


def test_a_newer_log_is_refused_with_a_sentence(tmp_path):
    path = logged(tmp_path, *WRITTEN)
    about = json.loads((path / RUN_FILE).read_text())
    (path / RUN_FILE).write_text(json.dumps({**about, "schema": 99}))
    with pytest.raises(RunsError, match="log format 99") as caught:
        open_run(path)
    assert "newer" in caught.value.hint


def test_a_damaged_run_file_is_named(tmp_path):
    path = logged(tmp_path)
    (path / RUN_FILE).write_text("{")
    with pytest.raises(RunsError, match=r"run\.json: not JSON"):
        open_run(path)


def test_strangers_in_the_runs_directory_are_passed_over(tmp_path):
    path = logged(tmp_path, *WRITTEN)
    (path.parent / "notes.txt").write_text("mine")
    (path.parent / "folder").mkdir()
    (path.parent / "other").mkdir()
    (path.parent / "other" / RUN_FILE).write_text('{"somebody": "else"}')
    assert [run.path for run in Runs(path.parent).all()[0]] == [path]


def test_runs_are_chosen_by_the_beginning_of_their_id(tmp_path):
    paths = [logged(tmp_path) for _ in range(3)]
    runs = Runs(tmp_path / "runs")
    assert len(runs.select([])[0]) == 3
    assert [run.path for run in runs.select([paths[1].name])[0]] == [paths[1]]
    assert [run.path for run in runs.select(["latest"])[0]] == [paths[2]]
    assert len(runs.select(["20"])[0]) == 3
    with pytest.raises(RunsError, match="no run '../x'"):
        runs.select(["../x"])


def test_ids_hold_no_character_a_file_system_minds(tmp_path):
    from dataclasses import replace

    hostile = replace(SPEC, preset="../../e\x00vil\n\u202e name")
    run = Runs(tmp_path / "runs").create(hostile, {})
    assert run.path.parent == tmp_path / "runs"
    assert set(run.id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def test_a_directory_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunsError, match="cannot be written") as caught:
        Runs(tmp_path / "file" / "runs").check_writable()
    assert "--runs-dir" in caught.value.hint


def test_a_write_that_fails_is_an_error_of_the_run(tmp_path):
    path = logged(tmp_path)
    log = open_run(path).append()
    (path / EVENTS_FILE).unlink()
    (path / EVENTS_FILE).symlink_to("/dev/full")
    with pytest.raises(LogError, match="No space left on device"):
        log.append(WRITTEN[0])


def test_an_event_is_in_the_file_when_append_returns(tmp_path):
    path = logged(tmp_path)
    log = open_run(path).append()
    log.append(WRITTEN[0])
    assert len((path / EVENTS_FILE).read_bytes().splitlines()) == 1
    log.sync()
