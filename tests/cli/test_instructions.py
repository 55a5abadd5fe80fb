"""Commands on runs for an instruction: real runs against a server, and displays event by event."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.cells import cell_len

from opro_cli.cli.progress.lines import PlainLines
from opro_cli.cli.progress.live import LiveTable
from opro_cli.core.events import (
    Answers,
    Evaluation,
    Judged,
    ParsedSolution,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
    Verdict,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.runs.progress import RunView
from opro_cli.runs.record import empty_totals
from tests.loopback import Loopback
from tests.scorers import Models, write_data

HOSTILE = "Be \x1b[2J\u202e[red] exact. " + "very " * 60

PRESET = """
problem:
  kind: instructions
  data: data.jsonl
  metric: label
  split: {{train: 10, dev: 10, test: 40}}
  scorer: {{model: "openai:scorer", base_url: "{url}/v1", price_input: 1, price_output: 2}}
opro:
  model: "openai:optimizer"
  base_url: "{url}/v1"
  strategy: paper
  points_per_step: 3
  price_input: 1
  price_output: 2
max_steps: 2
"""

PROPOSALS = ("Be exact.", "Write a new instruction", "Be brief.")


@contextmanager
def served(models: Models, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A preset whose two models are these."""
    write_data(Path("data.jsonl"), 100)
    with Loopback(models).serving() as url:
        monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-123456")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        Path("p.yaml").write_text(PRESET.format(url=url))
        yield "p.yaml"


@pytest.fixture
def preset(monkeypatch):
    """A preset whose scorer answers well where it is told to be exact."""
    models = Models(lambda t: 1.0 if "exact" in t else 0.4, lambda n: PROPOSALS[n % 3])
    with served(models, monkeypatch) as name:
        yield name


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_run_ends_with_its_verdict_its_instruction_and_the_next_command(opro, preset):
    done = opro("run-opro", "-p", preset)
    assert done.exit_code == 0, done.stderr
    said = flat(done.stdout)
    assert "opro: better than the start:" in said
    assert 'opro found: "Be exact."' in said
    assert "solved" not in done.stdout
    (run,) = Path("runs").glob("*/run.json")
    command = f"opro runs best {run.parent.name}"
    assert done.stderr.splitlines()[-1] == f"next: {command} > instruction.txt"
    best = opro("runs", "best", "latest")
    assert (best.exit_code, best.stdout, best.stderr) == (0, "Be exact.\n", "")
    as_json = opro("runs", "best", run.parent.name, "--json")
    assert json.loads(as_json.stdout) == {"instruction": "Be exact."}


def test_luck_on_train_is_no_gain_on_the_test(opro, monkeypatch):
    """Every text is truly right half of the time: the best on train is only the luckiest."""
    with served(Models(lambda text: 0.5), monkeypatch) as preset:
        done = opro("run-opro", "-p", preset, "--max-steps", "6")
        assert done.exit_code == 0, done.stderr
        (row,) = json.loads(opro("report", "--format", "json").stdout)
    found = row["accuracy"]
    assert row["best"]["value"] >= 0.7
    assert found["train"]["rate"] - found["test"]["rate"] == pytest.approx(found["gap"])
    assert found["gap"] > 0.1
    low, high = found["test"]["interval"]
    assert low < 0.5 < high
    assert found["verdict"] == "no evidence"


def test_show_and_list_begin_with_what_was_chosen(opro, preset):
    opro("run-opro", "-p", preset)
    lines = opro("runs", "show", "latest").stdout.splitlines()
    assert lines[1] == 'found     "Be exact."'
    assert lines[2].startswith("train     10/10 (")
    assert lines[4].startswith("test      40/40 (")
    assert any(line.startswith("scorer    openai:scorer: ") for line in lines)
    assert any(line.startswith("rejected  1 repeats the request") for line in lines)
    graded = next(line for line in lines if line.startswith("answers"))
    counts = [int(word.replace(",", "")) for word in graded.split() if word[0].isdigit()]
    result = json.loads(opro("runs", "show", "latest", "--json").stdout)
    assert sum(counts) == sum(result["accuracy"]["grades"].values())
    (answers,) = Path("runs").glob("*/answers.jsonl")
    assert sum(counts) == answers.read_text().count('"type": "answered"')
    assert '100% test  "Be exact."' in opro("runs", "list").stdout
    step = opro("runs", "show", "latest", "--step", "1").stdout
    assert "<INS>Be exact.</INS>" in step
    assert '→ used "Be exact." value 100%' in step
    assert "→ repeats the request" in step


def test_json_says_the_verdict_on_stderr_alone(opro, preset):
    done = opro("run-opro", "-p", preset, "--json", "--display", "none")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["accuracy"]["instruction"] == "Be exact."
    assert "better than the start" in done.stderr
    assert 'found: "Be exact."' in done.stderr


def test_a_run_that_has_not_chosen_has_no_best(opro, preset):
    stopped = opro("run-opro", "-p", preset, "--max-calls", "12")
    assert stopped.exit_code == 3
    best = opro("runs", "best", "latest")
    assert best.exit_code == 1
    assert best.stdout == ""
    assert "has not chosen an instruction yet" in best.stderr
    assert "opro resume" in best.stderr


def test_the_best_of_another_problem_is_json(opro):
    opro("run-sgd", "--preset", "exp1", "--target", "w=15,b=14")
    best = opro("runs", "best", "latest")
    assert best.exit_code == 0
    assert set(json.loads(best.stdout)) == {"w", "b"}


def test_fixed_says_whether_there_is_room(opro, preset):
    done = opro("run-baseline", "-O", "fixed", "-p", preset)
    assert done.exit_code == 0, done.stderr
    assert "Room: 7 fixed instructions differ by" in flat(done.stdout)


# Displays.


def watched() -> RunView:
    spec = RunSpec(
        preset="reviews",
        problem=InstructionsSettings(data="d.jsonl", metric="label", scorer={"model": "openai:s"}),
        repetition=0,
        optimizer=OproSettings(strategy="paper"),
        seed=0,
        limits=Limits(40, None),
    )
    return RunView("run", spec, empty_totals(spec))


def pair(text: str, detail: str, source: str = "model") -> Evaluation:
    return Evaluation((text,), detail.count("1") / len(detail), source, detail=detail)


def verdict(text: str, part: str, detail: str) -> Verdict:
    return Verdict((text,), part, detail.count("1") / len(detail), detail)


EVENTS = [
    Answers("scorer", 300, 0, 300, Usage(3000, 300), 0.01),
    Started((pair("", "0001", "start"),), 4),
    Replied(1, 0, Reply(HOSTILE, "stop", "o", Usage(100, 10), cost=0.002)),
    Answers("scorer", 1130, 100, 1030, Usage(10300, 1030), 0.14),
    Stepped(
        1,
        (pair(HOSTILE, "1101"),),
        (ParsedSolution(0, "used"), ParsedSolution(0, "echo"), ParsedSolution(0, "leak")),
        4,
    ),
    Judged("dev", (verdict(HOSTILE, "finalist", "1100"),)),
    Judged("test", (verdict("", "start", "0011"), verdict(HOSTILE, "chosen", "1111"))),
    Stopped(1, "converged"),
]


def play(shown, until: int = len(EVENTS)) -> RunView:
    run = watched()
    shown.begin([run], 1)
    for event in EVENTS[:until]:
        run.totals.add(event)
        shown.event(run, event)
    return run


def test_plain_lines_say_train_answers_rejected_and_money():
    stream = io.StringIO()
    play(PlainLines(stream))
    lines = stream.getvalue().splitlines()
    assert "best train 25% (empty), 300 answers" in lines[0]
    assert "step 1/40, best train 75%" in lines[1]
    assert "1,430 answers, 2 rejected (1 repeats the request, 1 holds data or a score)" in lines[1]
    assert "1 call + 1,330, $0.002+0.15" in lines[1]
    assert lines[2].startswith("reviews run 1: dev: finalist 2/4")
    assert "test: start 2/4 (empty), chosen 4/4" in lines[3]
    assert "stopped after 1 step" in lines[4]
    assert "(goal on train reached)" in lines[4]
    assert "train 3/4, dev 2/4, test 4/4 (start 2/4)" in lines[4]
    assert "solved" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


def test_a_long_pass_says_that_it_goes_on(monkeypatch):
    monkeypatch.setattr(PlainLines, "PASS", 0.0)
    stream = io.StringIO()
    play(PlainLines(stream), until=1)
    assert stream.getvalue() == "reviews run 1: 300 answers so far\n"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_live_table_moves_with_the_answers_and_fits(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    shown = LiveTable(stream)
    run = play(shown, until=4)

    def screen() -> list[str]:
        with shown._console.capture() as capture:
            for part in (shown.table(), shown.best(), shown.footer(), shown.causes()):
                shown._console.print(part)
        return capture.get().splitlines()

    before = screen()
    assert "1430" in before[1]
    assert "25%" in before[1]
    run.totals.add(EVENTS[4])
    after = screen()
    assert "75%" in after[1]
    assert after[2].startswith('best: "Be ')
    assert "rejected: 1 repeats the request, 1 holds data or a score" in after[-1]
    assert "2" in after[1].split()
    assert ("$0.002+0.15" in after[1]) == (width >= 76)
    assert ("1+1330" in after[1]) == (width >= 92)
    for event in EVENTS[5:7]:
        run.totals.add(event)
    assert screen()[1].split().count("100%") == 1
    assert screen()[2].startswith('chosen: "Be ')
    assert len({len(screen()), len(before), len(after)}) <= 2
    assert all(cell_len(line) <= width for line in [*before, *after, *screen()])
    assert "\u202e" not in "".join(after)
    shown.end()


@pytest.mark.parametrize("option", ["--data", "--question", "--answer", "--metric", "--scorer"])
def test_an_option_for_instructions_is_refused_with_another_kind_of_problem(opro, option):
    done = opro("run-opro", "--preset", "exp1", option, "x")
    assert done.exit_code == 2
    assert f"{option} is for problems of kind instructions, and" in done.stderr
    assert "has the kind linear" in done.stderr
    assert "--preset instructions" in done.stderr
