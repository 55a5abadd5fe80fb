"""The commands: exit codes, what goes to stdout and what to stderr, and errors as sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.loopback import Loopback, gemini, solution

OPRO = [sys.executable, "-m", "opro_cli"]


@pytest.fixture
def served(monkeypatch):
    """A Gemini that finds (15, 14) in its second step; what it was asked is in ``.asked``."""
    server = Loopback(
        lambda asked: gemini(solution(*((15, 14) if len(server.asked) > 3 else (15, 13))))
    )
    with server.serving() as url:
        monkeypatch.setenv("GEMINI_API_KEY", "AIza-marker")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        yield server


SMALL = ("--target", "w=15,b=14", "--points-per-step", "3")


def test_help_and_version(opro):
    assert opro("--version").stdout.startswith("opro ")
    for command in ("run-opro", "run-sgd", "sweep", "report", "replay", "presets"):
        done = opro(command, "--help")
        assert done.exit_code == 0
        assert "Usage:" in done.stdout


def test_run_sgd_prints_the_table_and_a_last_line(opro):
    done = opro("run-sgd", "--preset", "exp1")
    assert done.exit_code == 0
    for count in (121, 118903, 104577, 178500, 195228, 243943, 231261):
        assert f"│ {count}" in done.stdout
    assert "7 of 7 solved, in 121 to 243,943 steps (median 178,500)." in done.stderr
    assert done.stderr.splitlines()[-1].startswith("next: opro report")
    assert len(list(Path("runs").glob("*/run.json"))) == 7


def test_run_opro_through_the_real_client(opro, served):
    done = opro("run-opro", "--preset", "exp1", "--reps", "1", *SMALL)
    assert done.exit_code == 0, done.stderr
    assert "1 of 1 solved, in 2 steps." in done.stderr
    assert "ignores temperature" in done.stderr
    assert len(served.asked) == 6
    (run,) = (path.parent for path in Path("runs").glob("*/run.json"))
    about = json.loads((run / "run.json").read_text())
    assert about["model"] == "gemini-3.5-flash-lite"
    assert about["spec"]["settings"]["metaprompt"] == "instruct"
    assert about["preset"]["sources"]["problem.targets"] == "--target"
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    replies = [event["reply"] for event in events if event["type"] == "replied"]
    assert len(replies) == 6
    assert replies[0]["usage"] == {"input": 100, "output": 25, "thinking": 5}
    everything = "".join(path.read_text() for path in run.iterdir()) + done.stdout + done.stderr
    assert "AIza-marker" not in everything


def test_json_is_json_lines_and_nothing_else(opro, served):
    done = opro("run-opro", "--preset", "exp1", "--reps", "2", *SMALL, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["state"] for line in lines] == ["converged", "converged"]
    assert lines[0]["best"]["point"] == [15, 14]


def test_a_sweep_runs_both_optimizers(opro, served):
    done = opro("sweep", "exp1", "--reps", "1", *SMALL, "--json", "--display", "none")
    assert done.exit_code == 0
    optimizers = [json.loads(line)["optimizer"] for line in done.stdout.splitlines()]
    assert sorted(optimizers) == ["opro", "sgd"]


def test_a_run_that_fails_is_exit_code_one(opro, monkeypatch):
    from tests.loopback import error

    refused = Loopback([error(404, "NOT_FOUND", "models/x is not found for API version v1")])
    with refused.serving() as url:
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        done = opro("run-opro", "--model", "gemini-9", *SMALL)
    assert done.exit_code == 1
    assert "404" in done.stderr
    assert "1 failed" in done.stderr
    assert "0/1, 1 failed" in done.stdout


def test_dry_run_touches_no_model_and_needs_none(opro, monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: False)
    done = opro("run-opro", "--preset", "exp1", "--dry-run")
    assert done.exit_code == 0
    first, *rest = done.stdout.splitlines()
    assert first.startswith("exp1: 35 runs, about ")
    assert "to 140,000) model calls, about $" in first
    assert any(line.endswith("  as gemini-3.5-flash-lite") for line in rest)
    assert "not available: There is no model to ask" in done.stdout
    assert len(rest) < 25
    assert not Path("runs").exists()
    data = json.loads(opro("sweep", "exp1", "--dry-run", "--json").stdout)
    assert data["total"]["calls"][2] == 140_000
    assert len(data["runs"]) == 42


def test_print_config_says_where_values_come_from(opro):
    done = opro("run-sgd", "--preset", "exp1", "--learning-rate", "1e-5", "--print-config")
    assert "learning_rate: 1.0e-05  # --learning-rate" in done.stdout
    assert "tolerance: 0.1  # " in done.stdout
    assert done.exit_code == 0


def test_presets_lists_what_there_is(opro):
    assert "exp1" in opro("presets").stdout
    names = [json.loads(line)["name"] for line in opro("presets", "--json").stdout.splitlines()]
    assert {"exp1", "exp2", "exp3", "exp4", "quickstart"} <= set(names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run-opro", "--preset", "exp9"], "no preset 'exp9'"),
        (["run-opro", "--temperature", "-1"], "opro.temperature is -1"),
        (["run-opro", "--points-per-step", "0"], "opro.points_per_step is 0"),
        (["run-opro", "--w-true", "3"], "both --w-true and --b-true"),
        (["run-opro", "--target", "w=3"], "a target is w and b, not w"),
        (["run-opro", "--target", "nonsense"], "expected NAME=VALUE"),
        (["run-opro", "--set", "opro.temprature=1"], "opro.temprature is not a setting"),
        (["run-opro", "--set", "nonsense"], "expected KEY=VALUE"),
        (["run-opro", "--model", "nonsense"], "no model 'nonsense'"),
        (["run-opro", "--model", "gemini-2.0-flash"], "was retired on 2026-06-01"),
        (["run-opro", "--model", "gemini-3.8-flash"], "needs an API key"),
        (["run-opro", "--model", "local:missing.gguf"], "no model file missing.gguf"),
        (["run-opro", "--display", "cinema"], "--display: there is no display 'cinema'"),
        (["run-sgd", "--runs-dir", "/dev/null/runs"], "cannot be written"),
        (["run-sgd", "--batch-size", "51"], "only 50 data points"),
        (["sweep", "missing.yaml"], "no preset 'missing.yaml'"),
        (["report", "--format", "xml"], "--format: there is no format 'xml'"),
        (["report", "20991231"], "no run '20991231'"),
        (["replay", "missing"], "no missing"),
        (["replay", "."], "no recorded run"),
    ],
)
def test_bad_input_is_a_sentence_and_a_hint_before_any_model_call(opro, words, said):
    done = opro(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    first, hint = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert hint.startswith("hint: ")
    assert not Path("runs").exists()


@pytest.mark.parametrize("words", [["run-opro", "--nonsense"], ["nonsense"], ["sweep"]])
def test_bad_usage_is_exit_code_two(opro, words):
    done = opro(*words)
    assert done.exit_code == 2
    assert "Error: " in done.stderr


def test_without_key_and_local_model_both_ways_out_are_named(opro, monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: False)
    done = opro("run-opro")
    assert done.exit_code == 2
    assert "GEMINI_API_KEY" in done.stderr
    assert "opro-cli[local]" in done.stderr


def test_a_traceback_only_with_debug(opro):
    assert "Traceback" not in opro("run-opro", "--preset", "exp9").stderr
    done = opro("run-opro", "--preset", "exp9", "--debug")
    assert type(done.exception).__name__ == "PresetError"


def test_a_bug_is_a_sentence_too(opro, monkeypatch):
    monkeypatch.setattr("opro_cli.cli.presets.listing.presets", lambda options: 1 / 0)
    done = opro("presets")
    assert done.exit_code == 1
    assert "ZeroDivisionError" in done.stderr
    assert "--debug" in done.stderr


def test_report_writes_a_file(opro):
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    done = opro("report", "--format", "markdown", "--output", "table.md")
    assert done.stdout == ""
    assert "written to table.md" in done.stderr
    assert "| 2 | 30 | 243943 |" in Path("table.md").read_text()
    assert opro("report", "--output", "no/such/folder/x").exit_code == 2


def test_report_chooses_by_preset_and_by_id(opro):
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    opro("run-sgd", "--preset", "quickstart", "--display", "none")
    rows = json.loads(opro("report", "-f", "json", "--preset", "exp3").stdout)
    assert {row["preset"] for row in rows} == {"exp3"}
    one = sorted(Path("runs").glob("*/run.json"))[0].parent.name
    assert len(json.loads(opro("report", "-f", "json", one).stdout)) == 1


def test_an_empty_runs_directory_says_what_to_type(opro):
    done = opro("report")
    assert done.exit_code == 0
    assert "opro run-opro" in done.stderr
    assert json.loads(opro("report", "--format", "json").stdout) == []


def test_runs_dir_from_the_environment_and_dot_env(opro, monkeypatch):
    Path(".env").write_text("OPRO_RUNS_DIR=from-file\n")
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    assert len(list(Path("from-file").glob("*/run.json"))) == 2
    monkeypatch.setenv("OPRO_RUNS_DIR", "from-environment")
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    assert len(list(Path("from-environment").glob("*/run.json"))) == 2


def test_our_own_runs_replay(opro, served):
    opro("sweep", "exp1", "--reps", "1", *SMALL, "--display", "none")
    done = opro("replay", "runs")
    assert done.exit_code == 0
    assert done.stdout.count(": ok, ") == 2
    assert opro("replay", "latest").stdout.count(": ok, ") == 1
    assert "There is no nowhere" in opro("replay", "nowhere").stderr
    (log,) = Path("runs").glob("*opro-w15*/events.jsonl")
    log.write_text(log.read_text().replace('"value": 128.38', '"value": 129.38'))
    done = opro("replay", "runs", "--json")
    assert done.exit_code == 1
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["ok"] for line in results].count(False) == 1
    assert "(15, 13)" in next(line["difference"] for line in results if not line["ok"])


def test_a_damaged_log_is_named(opro):
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    log = sorted(Path("runs").glob("*/events.jsonl"))[0]
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0], "garbage", *lines[2:]]) + "\n")
    done = opro("report", "--format", "json")
    assert done.exit_code == 1
    assert "events.jsonl, line 2" in done.stderr
    assert len(json.loads(done.stdout)) == 1  # the other run is reported all the same


def test_a_closed_pipe_is_no_error(tmp_path):
    subprocess.run(
        [*OPRO, "run-sgd", "--preset", "exp3", "--display", "none"], check=True, capture_output=True
    )
    done = subprocess.run(
        f"set -o pipefail; {sys.executable} -m opro_cli report --format json | head -c 1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_is_exit_code_130():
    from tests.loopback import Answer

    slow = Loopback([Answer(body={}, delay=30)])
    with slow.serving() as url:
        env = {**os.environ, "GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": url}
        process = subprocess.Popen(
            [*OPRO, "run-opro", *SMALL],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while not slow.asked and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "Ctrl-C again leaves at once" in line:
                break
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "continue with: opro resume" in stderr
    assert "Traceback" not in stderr


def test_shell_completion_is_there(monkeypatch):
    env = {
        **os.environ,
        "_OPRO_COMPLETE": "complete_bash",
        "COMP_WORDS": "opro run-",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("opro"))],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "run-opro" in done.stdout
    assert "run-sgd" in done.stdout
