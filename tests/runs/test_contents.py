"""Contents, not names, say what a run is: an objective, a model's file, a server, a preset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.llm.model_pool import ModelPool
from opro_cli.runs.disk.contents import changes, decisive, other_circumstances
from opro_cli.runs.store import RunStore
from tests.chains import by_prompt, only_run
from tests.forging import forged
from tests.loopback import Loopback, gemini

PRESET = """\
problem: {kind: custom, objective: loss.py:loss, parameters: {x: {low: 0, high: 9}}, num_starts: 2}
max_steps: 3
"""
RANDOM = ("run-baseline", "-O", "random", "-p", "./mine.yaml", "--display", "none")


def objective(added: int) -> None:
    Path("loss.py").write_text(f"def loss(x):\n    return x + {added}\n")


@pytest.fixture(autouse=True)
def mine() -> None:
    Path("mine.yaml").write_text(PRESET)
    objective(0)


def ids() -> list[str]:
    return [run.id for run in RunStore(Path("runs")).all()[0]]


def test_finished_runs_of_another_objective_are_made_anew_and_never_averaged(opro):
    assert opro(*RANDOM).exit_code == 0
    assert "already exist" in opro(*RANDOM).stderr
    objective(1000)
    again = opro(*RANDOM)
    assert again.exit_code == 0
    assert "The objective has changed since " in again.stderr
    assert "they are made again" in again.stderr
    assert len(ids()) == 2
    assert "already exist" in opro(*RANDOM).stderr
    rows = json.loads(opro("report", "-f", "json").stdout)
    assert [row["reps"] for row in rows] == [1, 1]
    assert rows[0]["settings"]["contents"] != rows[1]["settings"]["contents"]
    said = " ".join(opro("report").stdout.split())
    assert ", an earlier version; run 20" in said
    assert ", as it is now; run 20" in said
    objective(0)  # as it was: its runs are good again
    assert "already exist" in opro(*RANDOM).stderr


def test_an_unfinished_run_is_not_continued_with_another_objective(opro):
    slow = "import time\ndef loss(x):\n    time.sleep(0.2)\n    return x\n"
    Path("loss.py").write_text(slow)
    opro(*RANDOM, "--max-time", "0.3")
    assert opro("runs", "list", "--json").stdout.count("unfinished") == 1
    objective(7)
    for words in (("resume", "--max-time", "99", "--display", "none"), RANDOM):
        done = opro(*words)
        assert done.exit_code == 2, done.stderr
        assert "The objective has changed since " in done.stderr
        assert "--fresh" in done.stderr
    assert opro(*RANDOM, "--fresh").exit_code == 0
    Path("loss.py").write_text(slow)
    assert opro("resume", ids()[0], "--max-time", "99", "--display", "none").exit_code == 0


def test_a_preset_of_the_same_name_in_another_folder_is_another(opro, serve, monkeypatch):
    serve(by_prompt)
    monkeypatch.setenv("OPRO_RUNS_DIR", str(Path("runs").absolute()))
    for folder, w in (("one", 1), ("two", 3)):
        Path(folder).mkdir()
        text = f"problem: {{kind: linear, targets: [{{w: {w}, b: 2}}]}}\nmax_steps: {w}\n"
        Path(folder, "mine.yaml").write_text(text)
    small = ("run-opro", "-p", "mine.yaml", "--points-per-step", "2", "--display", "none")
    monkeypatch.chdir("one")
    assert opro(*small, "--max-calls", "1").exit_code == 3
    monkeypatch.chdir("../two")
    assert opro(*small).exit_code == 0
    resumed = opro("resume", "--max-calls", "99", "--display", "none")
    assert resumed.exit_code == 0
    assert "changed" not in resumed.stderr
    monkeypatch.chdir("../one")
    Path("mine.yaml").write_text("problem: {kind: linear, targets: [{w: 9, b: 2}]}\n")
    assert "changed" not in opro(*small, "--max-calls", "1").stderr  # its runs are finished now


@pytest.fixture
def facts(monkeypatch, serve) -> dict[str, str]:
    """What a model says of itself."""
    serve(by_prompt)
    said = {"sha256": "a" * 64, "threads": "1"}
    real = ModelPool.open

    def opened(self, choice):
        model = real(self, choice)
        object.__setattr__(model.info, "details", dict(said))
        return model

    monkeypatch.setattr(ModelPool, "open", opened)
    return said


SMALL = ("run-opro", "-p", "exp1", "--target", "w=15,b=14", "--reps", "1", "--strategy", "paper")
STEPS = (*SMALL, "--points-per-step", "2", "--max-steps", "3", "--display", "none")


def test_another_model_file_is_refused_and_other_threads_are_said(opro, facts):
    assert opro(*STEPS, "--max-calls", "2").exit_code == 3
    facts["threads"] = "2"
    more = opro("resume", "--max-calls", "4", "--display", "none")
    assert more.exit_code == 3, more.stderr
    assert "The model's threads has changed from 1 to 2: replies may differ" in more.stderr
    facts["sha256"] = "b" * 64
    for words in (("resume", "--max-calls", "99", "--display", "none"), STEPS):
        done = opro(*words)
        assert done.exit_code == 2
        assert "The model's file has changed since " in done.stderr
        assert "--fresh" in done.stderr
    facts["sha256"] = "a" * 64
    assert opro("resume", "--max-calls", "99", "--display", "none").exit_code == 0
    facts["sha256"] = "b" * 64
    anew = opro(*STEPS)
    assert anew.exit_code == 0
    assert "The model's file has changed since " in anew.stderr
    assert len(ids()) == 2
    assert [row["reps"] for row in json.loads(opro("report", "-f", "json").stdout)] == [1, 1]


def test_facts_of_older_runs_are_unknown_and_not_different(opro):
    opro(*RANDOM)
    run = only_run()
    forged(run, lambda about, events: about.pop("digests"))
    assert "already exist" in opro(*RANDOM).stderr


@pytest.fixture
def gemini_at(monkeypatch):
    """Lets Gemini be at another name of the same loopback server."""
    server = Loopback(by_prompt)
    monkeypatch.setenv("GEMINI_API_KEY", "marker-key-0123456789")
    with server.serving() as url:

        def at(host: str) -> None:
            address = url.replace("127.0.0.1", host) + "/a-path-of-mine"
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", address)

        at("127.0.0.1")
        yield at


def test_another_server_is_another_model(opro, gemini_at):
    assert opro(*STEPS, "--max-calls", "2").exit_code == 3
    about = (only_run() / "run.json").read_text()
    assert json.loads(about)["digests"] == {"model.server": "127.0.0.1"}
    assert "a-path-of-mine" not in about
    gemini_at("localhost")
    for words in (("resume", "--max-calls", "99", "--display", "none"), STEPS):
        done = opro(*words)
        assert done.exit_code == 2
        assert "server has changed from 127.0.0.1 to localhost since " in done.stderr
    gemini_at("127.0.0.1")
    assert opro("resume", "--max-calls", "99", "--display", "none").exit_code == 0
    assert "already exist" in opro(*STEPS).stderr
    gemini_at("localhost")
    anew = opro(*STEPS)
    assert anew.exit_code == 0
    assert "server has changed from 127.0.0.1 to localhost since " in anew.stderr
    rows = json.loads(opro("report", "-f", "json").stdout)
    shown = {row["settings"]["contents"]["model.server"] for row in rows}
    assert shown == {"127.0.0.1", "localhost"}


def test_the_providers_own_server_is_recorded_too(tmp_path):
    from opro_cli.core.model import ModelRequest
    from opro_cli.llm import choose_model

    key = "marker-key-0123456789"
    env = {"OPENAI_API_KEY": key, "GEMINI_API_KEY": key, "GOOGLE_CLOUD_PROJECT": "p"}
    for name, server in (
        ("openai:gpt", "api.openai.com"),
        ("gemini-3.5-flash-lite", "generativelanguage.googleapis.com"),
        ("vertex:gemini-3.5-flash-lite", "aiplatform.googleapis.com"),
    ):
        assert choose_model(ModelRequest(name), env).details == {"server": server}
    there = {**env, "OPENAI_BASE_URL": "https://Example.org:8443/secret-path/v1?api-version=1"}
    assert choose_model(ModelRequest("openai:gpt"), there).details == {"server": "example.org"}


def test_what_decides_and_what_is_only_said():
    before = {"problem.objective": "a" * 64, "model.server": "here", "model.engine": "1"}
    now = {"problem.objective": "b" * 64, "model.server": "there", "model.engine": "2"}
    assert list(changes(before, now)) == [
        "the objective has changed",
        "the model's server has changed from here to there",
    ]
    assert list(other_circumstances(before, now)) == ["the model's engine has changed from 1 to 2"]
    assert set(decisive(now)) == {"problem.objective", "model.server"}
    assert not list(changes(before, {}))


def test_generated_data_is_the_same_run_wherever_the_preset_is(opro, serve, monkeypatch):
    server = serve(lambda asked: gemini("1954-11-09"))
    monkeypatch.setenv("OPRO_RUNS_DIR", str(Path("runs").absolute()))
    home, asked = Path().absolute(), []
    for folder in ("one", "two"):
        Path(home, folder).mkdir()
        monkeypatch.chdir(home / folder)
        assert opro("presets", "copy", "dates").exit_code == 0
        small = ("--set", "problem.split={train: 2, dev: 2, test: 4}", "--display", "none")
        done = opro(
            "run-baseline",
            "./dates.yaml",
            "-O",
            "fixed",
            "--scorer",
            "gemini-3.5-flash-lite",
            *small,
        )
        assert done.exit_code == 0, done.stderr
        asked.append(len(server.asked))
    assert asked[0] == asked[1] > 0
    assert opro("runs", "list", "--json").stdout.count('"run"') == 1
