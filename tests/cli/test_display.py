"""Displays: what each shows, that none can stop a run, and that no text acts on the terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from opro_cli.cli import progress
from opro_cli.cli.progress.lines import JsonLines, PlainLines
from opro_cli.cli.progress.live import SPARK, LiveTable, left_text, sparkline
from opro_cli.cli.progress.time_left import Left, TimeLeft
from opro_cli.core.errors import UsageError
from opro_cli.core.events import (
    Evaluation,
    Failed,
    ParsedSolution,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.core.optimizer import Limits
from opro_cli.core.text import clean, count, duration, number
from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.runs.progress import RunView

HOSTILE = "[red]\x1b[2J\x1b]0;title\x07\u202e\nnew"


def watched(repetition: int = 0, optimizer=None, **axes) -> RunView:
    spec = RunSpec(
        preset="p",
        problem=LinearSettings(targets=[{"w": 15, "b": 14}]),
        repetition=repetition,
        optimizer=optimizer or OproSettings(),
        seed=0,
        limits=Limits(500, 60),
        axes=axes,
    )
    return RunView(f"run{repetition}", spec)


EVENTS = [
    Started((Evaluation((14, 14), 42747.8, "start"),)),
    Replied(1, 0, Reply(HOSTILE, "stop", HOSTILE, Usage(100, 8))),
    Replied(1, 1, Reply("15, b=13", "stop", "m", Usage(0, 8))),
    Stepped(
        1,
        (Evaluation((15, 13), 128.38),),
        (ParsedSolution(0, "unparsable", why="not valid JSON"), ParsedSolution(1, "used")),
        1,
    ),
    Stopped(1, "patience"),
]


def play(shown, events=EVENTS, run=None):
    run = run or watched()
    shown.begin([run], 1)
    for event in events:
        run.totals.add(event)
        shown.event(run, event)
        shown.tick(0.0)
    shown.end()


def test_plain_is_a_line_a_step():
    stream = io.StringIO()
    play(PlainLines(stream))
    assert stream.getvalue().splitlines() == [
        "w=15 b=14 run 1: started, 1 starting point, best (14, 14) value 42747.8",
        "w=15 b=14 run 1: step 1/500, best (15, 13) value 128.38, 2 points, "
        "1 rejected (not valid JSON), 2 calls",
        "w=15 b=14 run 1: stopped after 1 step in 0.0s (no progress for 60 steps), "
        "best (15, 13) value 128.38",
    ]


def test_json_is_a_line_an_event():
    stream = io.StringIO()
    play(JsonLines(stream))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["type"] for line in lines] == [
        "started",
        "replied",
        "replied",
        "stepped",
        "stopped",
    ]
    assert {line["run"] for line in lines} == {"run0"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_live_table_shows_a_row_a_run_and_collapses_it_to_a_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    run = watched()
    live = LiveTable(stream)
    live.begin([run], 1)
    for event in EVENTS[:-1]:
        run.totals.add(event)
        live.event(run, event)
    live.tick(0.0)
    running = stream.getvalue()
    for heading in ("step", "best", "value", "points", "rejected", "calls", "tokens", "time"):
        assert heading in running
    assert "w=15 b=14 run 1" in running
    assert "1/500" in running
    assert "(15, 13)" in running
    assert "128.38" in running
    run.totals.add(EVENTS[-1])
    live.event(run, EVENTS[-1])
    live.end()
    assert "stopped after 1 step" in stream.getvalue()


def test_the_live_table_keeps_its_height(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    runs = [watched(i) for i in range(20)]
    live = LiveTable(Terminal())
    heights = set()
    live._live.start = lambda: None
    live._live.update = lambda shown, refresh: heights.add(
        len(Console(width=120, file=io.StringIO()).render_lines(shown))
    )
    live.begin(runs, 12)
    for run in runs:
        for event in EVENTS:
            run.totals.add(event)
            live.event(run, event)
            live.tick(0.0)
    assert len(heights) == 1


@pytest.mark.parametrize(
    ("columns", "there", "left_out"),
    [
        (60, ["run", "step", "value", "time"], ["tokens", "calls", "curve", "points"]),
        (80, ["best", "points", "calls", "curve"], ["tokens"]),
        (120, ["best", "points", "rejected", "calls", "tokens", "time", "curve"], []),
    ],
)
def test_a_narrow_table_leaves_columns_out_and_cuts_no_word(columns, there, left_out, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    run = watched(3, optimizer=GradientDescentSettings())
    live = LiveTable(Terminal())
    live.begin([run, watched()], 2)
    for event in EVENTS[:-1]:
        run.totals.add(event)
        live.event(run, event)
    live._left.tick(live._began + 1, [run])
    shown = io.StringIO()
    Console(file=shown, width=columns).print(live.table(), live.footer())
    live.end()
    lines = shown.getvalue().splitlines()
    headings = lines[0].split()
    assert set(there) <= set(headings)
    assert not set(left_out) & set(headings)
    assert "sgd w=15 b=14 run 4" in lines[1]
    assert "128.38" in lines[1]
    assert "0/2 runs" in lines[-1]
    assert "…" not in shown.getvalue()
    assert all(len(line.rstrip()) <= columns for line in lines)


def test_runs_without_a_model_that_end_at_once_are_one_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    descents = [watched(i, optimizer=GradientDescentSettings()) for i in range(3)]
    stream = io.StringIO()
    live = LiveTable(stream)
    live.begin([*descents, watched()], 4)
    for run, reason in zip(descents, ("converged", "converged", "max_iterations"), strict=True):
        for event in (EVENTS[0], Stopped(9, reason)):
            run.totals.add(event)
            live.event(run, event)
    live.end()
    (line,) = [line for line in stream.getvalue().splitlines() if "ended" in line]
    assert line == "· 3 runs ended; sgd: 2 solved, 1 out of iterations"


@pytest.mark.parametrize("make", [PlainLines, LiveTable])
def test_text_from_elsewhere_does_not_act_on_the_terminal(make, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    stream = io.StringIO()
    run = watched(0, **{"opro.model": HOSTILE})
    play(make(stream), [EVENTS[0], Failed(1, "LLMError", HOSTILE)], run)
    text = stream.getvalue()
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "[red]" in text  # shown, not obeyed


def test_a_display_that_fails_stops_nothing():
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("terminal gone")

    play(progress.choose("plain", Broken(), {}))


@pytest.mark.parametrize(
    ("terminal", "env", "kind"),
    [
        (True, {}, "LiveTable"),
        (True, {"TERM": "dumb"}, "PlainLines"),
        (True, {"CI": "true"}, "PlainLines"),
        (False, {}, "PlainLines"),
    ],
)
def test_auto_is_live_on_a_terminal_and_plain_elsewhere(terminal, env, kind):
    stream = Terminal() if terminal else io.StringIO()
    assert type(progress.choose("auto", stream, env).inner).__name__ == kind


def test_an_unknown_display_is_an_error():
    with pytest.raises(UsageError, match="--display: there is no display 'cinema'"):
        progress.choose("cinema", io.StringIO(), {})
    with pytest.raises(UsageError, match="OPRO_DISPLAY: there is no display 'cinema'"):
        progress.choose(None, io.StringIO(), {"OPRO_DISPLAY": "cinema"})


def test_the_variable_sets_the_display_and_the_option_wins():
    env = {"OPRO_DISPLAY": "json"}
    assert type(progress.choose(None, Terminal(), env).inner) is JsonLines
    assert type(progress.choose("plain", Terminal(), env).inner) is PlainLines
    assert type(progress.choose("auto", Terminal(), env).inner) is LiveTable
    assert type(progress.choose(None, Terminal(), {"OPRO_DISPLAY": " "}).inner) is LiveTable


def test_a_run_that_gives_up_says_why_in_every_display(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    rejected = tuple(ParsedSolution(i, "unparsable", why="no solution at all") for i in range(3))
    events = [EVENTS[0], Stepped(1, (), rejected, 0), Stopped(1, "no_reply")]
    for make in (PlainLines, LiveTable):
        stream = io.StringIO()
        play(make(stream), events)
        ending = stream.getvalue().rstrip().splitlines()[-1]
        assert "(no usable reply) (3 times: no solution at all)" in ending


def test_the_live_table_says_why_points_of_running_runs_are_rejected(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    play(LiveTable(stream), EVENTS[:-1])
    assert "rejected (not valid JSON)" in stream.getvalue()


class TestTimeLeft:
    def test_steps_of_one_optimizer_say_nothing_about_those_of_another(self):
        descents = [watched(i, optimizer=GradientDescentSettings()) for i in range(3)]
        asking = [watched(i) for i in range(2)]
        left = TimeLeft([*descents, *asking])
        left.tick(0.0, [descents[0], *asking])
        make(descents[0], 100_000, "converged")
        make(asking[0], 10, "converged")
        make(asking[1], 4)
        left.tick(10.0, [descents[1], asking[1]])
        found = left.by_optimizer()
        assert found["sgd"].seconds == pytest.approx(20.0)  # two descents, 10 s each
        assert found["opro"].seconds == pytest.approx(10.0 * 6 / 14)
        assert left_text(found) == "left: sgd about 20.0s, opro about 4.3s"

    def test_without_a_finished_run_it_is_at_most_every_step_allowed(self):
        runs = [watched(0), watched(1)]
        left = TimeLeft(runs)
        left.tick(0.0, runs)
        make(runs[0], 100)
        left.tick(10.0, runs)
        assert left.by_optimizer() == {"opro": Left(pytest.approx(90.0), at_most=True)}
        assert left_text(left.by_optimizer()) == "at most 1m30s left"

    def test_without_a_step_of_an_optimizer_nothing_is_said_of_it(self):
        runs = [watched(0), watched(1, optimizer=GradientDescentSettings())]
        left = TimeLeft(runs)
        left.tick(0.0, runs)
        make(runs[1], 1000, "converged")
        left.tick(1.0, runs[:1])
        assert left_text(left.by_optimizer()) == ""

    def test_steps_of_an_earlier_session_took_no_time_in_this_one(self):
        runs = [watched(0), watched(1), watched(2)]
        make(runs[0], 50, "converged")
        left = TimeLeft(runs)
        left.tick(0.0, runs[1:])
        make(runs[1], 50, "converged")
        left.tick(5.0, runs[2:])
        assert left.by_optimizer()["opro"].seconds == pytest.approx(5.0)

    def test_a_run_that_failed_is_no_measure(self):
        runs = [watched(0), watched(1), watched(2)]
        left = TimeLeft(runs)
        left.tick(0.0, runs)
        make(runs[0], 10, "converged")
        runs[1].totals.error = "LLMError: no"
        left.tick(10.0, runs[2:])
        assert left.by_optimizer()["opro"].seconds == pytest.approx(10.0)


def make(run, steps: int, reason: str | None = None) -> None:
    """Let a run have made so many steps."""
    run.totals.step, run.totals.reason = steps, reason


def test_the_sparkline_falls_with_the_loss():
    assert sparkline([]) == ""
    assert sparkline([5.0]) == "▁" * SPARK
    line = sparkline([1e6, 1e4, 1e2, 1.0])
    assert line[0] == "█"
    assert line[-1] == "▁"
    assert list(line) == sorted(line, reverse=True)
    assert len(sparkline([3.0, -1.0, float(-5)])) == SPARK


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202etxt", "\\u202etxt"),
        ("\ud800", "\\ud800"),
        ("ü–−漢", "ü–−漢"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_clean_is_one_printable_line(text, shown):
    assert clean(text) == shown


def test_numbers_are_short():
    assert [number(v) for v in (64.0, 42747.8145, 5.70759e6, float("inf"))] == [
        "64",
        "42747.8",
        "5.70759e+06",
        "inf",
    ]
    assert [count(v) for v in (950, 12_345, 4_560_000)] == ["950", "12.3k", "4.56M"]
    assert [duration(v) for v in (3.21, 125, 3720)] == ["3.2s", "2m05s", "1h02m"]
