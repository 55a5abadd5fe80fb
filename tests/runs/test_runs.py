"""The log: what is written can be read, what is torn is tolerated, what is damaged is named."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.errors import LogError, RunsError
from opro_cli.core.events import (
    REASONS,
    STATUSES,
    Called,
    CallFailed,
    Evaluated,
    Evaluation,
    Failed,
    ParsedSolution,
    Prompted,
    Replied,
    Reply,
    Resumed,
    Started,
    Stepped,
    Stopped,
    Usage,
    json_form,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.runs.store import EVENTS_FILE, RUN_FILE, SESSIONS_FILE, RunStore, open_run

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
scored = st.builds(Evaluation, points, st.floats(allow_nan=False), st.text(), st.booleans())
usages = st.none() | st.builds(Usage, *[st.integers(0, 10**9)] * 4)
replies = st.builds(
    Reply, st.text(), st.text(), st.text(), usages, st.integers(0, 9), st.integers(1, 9)
)
readings = st.builds(
    ParsedSolution, st.integers(0, 99), st.sampled_from(STATUSES), st.none() | points, st.text()
)
steps, counts = st.integers(0, 10**6), st.integers(1, 99)
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
    st.builds(Called, steps, steps, counts, counts, steps, st.floats(0, 1e6)),
    st.builds(CallFailed, steps, steps, st.text(), st.booleans()),
    st.builds(Evaluated, steps, points, st.floats(allow_nan=False), st.text()),
    st.builds(Stopped, steps, st.sampled_from(sorted(REASONS))),
    st.builds(Resumed, st.text()),
    st.builds(Failed, steps, st.text(), st.text()),
)


@given(anything)
def test_every_event_survives_the_log(event):
    line = json.dumps(json_form.to_json(event), allow_nan=False)
    assert json_form.from_json(json.loads(line)) == event


def test_values_that_are_not_finite_survive_too():
    event = Started((Evaluation((1,), float("nan")), Evaluation((2,), float("-inf"))))
    back = json_form.from_json(json.loads(json.dumps(json_form.to_json(event), allow_nan=False)))
    assert [str(pair.value) for pair in back.pairs] == ["nan", "-inf"]


def logged(tmp_path: Path, *written) -> Path:
    run = RunStore(tmp_path / "runs").create(SPEC, {"versions": {}})
    log = run.open_log()
    for event in written:
        log.append(event)
    return run.path


WRITTEN = (
    Started((Evaluation((14, 14), 42747.8, "start"),)),
    Stepped(1, (Evaluation((15, 14), 64.3),), (ParsedSolution(0, "used", (15, 14)),), 1),
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a, b, c: [a.replace(b"42747.8", b"42747.9"), b, c], "line 1: its checksum"),
        (lambda a, b, c: [a, b, c.replace(b"converged", b"max_steps")], "line 3: its checksum"),
        (lambda a, b, c: [a, b.replace(b'"}\n', b'", "step": 2}\n'), c], "line 2: its checksum"),
        (lambda a, b, c: [b, c], "line 1: it has the number 2"),
        (lambda a, b, c: [a, c], "line 2: it has the number 3"),
        (lambda a, b, c: [a, a, b, c], "line 2: it has the number 1"),
        (lambda a, b, c: [a, c, b], "line 2: it has the number 3"),
        (lambda a, b, c: [b.partition(b', "crc"')[0] + b"}\n", b, c], "line 1: it has no checksum"),
        (lambda a, b, c: [a, b.partition(b', "crc"')[0] + b"}\n"], "line 2: it has no checksum"),
        (lambda a, b, c: [a, b.replace(b"crc", b"sum"), c], "line 2: its checksum"),
    ],
)
def test_a_changed_missing_moved_or_doubled_line_is_named(tmp_path, change, said):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    path.write_bytes(b"".join(change(*path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(RunsError, match=said):
        list(open_run(path.parent).log())


def test_a_log_is_continued_after_its_torn_line(tmp_path):
    path = logged(tmp_path, *WRITTEN) / EVENTS_FILE
    path.write_bytes(path.read_bytes()[:-7])
    run = open_run(path.parent)
    run.open_log().append(WRITTEN[2])
    assert tuple(logged.event for logged in run.log()) == WRITTEN


def test_a_run_file_changed_by_hand_is_named_and_the_others_are_read(tmp_path):
    changed, good = logged(tmp_path, *WRITTEN), logged(tmp_path, *WRITTEN)
    file = changed / RUN_FILE
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
    runs, damaged = RunStore(tmp_path / "runs").all()
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
    assert [run.path for run in RunStore(path.parent).all()[0]] == [path]


def test_runs_are_chosen_by_the_beginning_of_their_id(tmp_path):
    paths = [logged(tmp_path) for _ in range(3)]
    runs = RunStore(tmp_path / "runs")
    assert len(runs.select([])[0]) == 3
    assert [run.path for run in runs.select([paths[1].name])[0]] == [paths[1]]
    assert [run.path for run in runs.select(["latest"])[0]] == [paths[2]]
    assert len(runs.select(["20"])[0]) == 3
    with pytest.raises(RunsError, match="no run '../x'"):
        runs.select(["../x"])


def test_ids_hold_no_character_a_file_system_minds(tmp_path):
    from dataclasses import replace

    hostile = replace(SPEC, preset="../../e\x00vil\n\u202e name")
    run = RunStore(tmp_path / "runs").create(hostile, {})
    assert run.path.parent == tmp_path / "runs"
    assert set(run.id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def test_a_directory_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunsError, match="cannot be written") as caught:
        RunStore(tmp_path / "file" / "runs").check_writable()
    assert "--runs-dir" in caught.value.hint


def test_a_write_that_fails_is_an_error_of_the_run_and_nothing_follows_it(tmp_path, monkeypatch):
    path = logged(tmp_path)
    log = open_run(path).open_log()
    write = os.write

    def half(handle, data):
        if len(data) < 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(LogError, match="No space left on device"):
        log.append(WRITTEN[0])
    monkeypatch.undo()
    torn = (path / EVENTS_FILE).read_bytes()
    assert torn
    for again in (lambda: log.append(WRITTEN[0]), log.sync):
        with pytest.raises(LogError, match="No space left on device"):
            again()
    assert (path / EVENTS_FILE).read_bytes() == torn
    assert list(open_run(path).log()) == []


@pytest.mark.parametrize("name", [EVENTS_FILE, RUN_FILE, SESSIONS_FILE])
def test_nothing_is_read_or_written_through_a_link(tmp_path, name):
    run = open_run(logged(tmp_path, *WRITTEN))
    log = run.open_log()
    run.begin_session("a", {"budget": {}})
    other = tmp_path / "other"
    (run.path / name).rename(other)
    (run.path / name).symlink_to(other)
    before = other.read_bytes()
    if name == EVENTS_FILE:
        with pytest.raises(LogError, match="it is a link"):
            log.append(WRITTEN[0])
        with pytest.raises(RunsError, match="it is a link"):
            list(run.log())
    elif name == RUN_FILE:
        with pytest.raises(RunsError, match="it is a link"):
            open_run(run.path)
    else:
        with pytest.raises(RunsError, match="it is a link"):
            run.sessions()
        with pytest.raises(RunsError, match="it is a link"):
            run.begin_session("b", {"budget": {}})
    assert other.read_bytes() == before


def test_an_event_is_in_the_file_when_append_returns(tmp_path):
    path = logged(tmp_path)
    log = open_run(path).open_log()
    log.append(WRITTEN[0])
    assert len((path / EVENTS_FILE).read_bytes().splitlines()) == 1
    log.sync()
