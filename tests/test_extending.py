"""The files of docs/extending.md, run as they stand, from a package outside of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
BLOCKS = re.findall(r"```python\n# file: (\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
GROUPS = re.findall(
    r'\[project\.entry-points\."(opro\.\w+)"\]\n((?:\w+ = ".*"\n)+)', PAGE.read_text()
)
DICE = """
problem: {kind: dice, targets: [{a: 3, b: 5}]}
opro: {points_per_step: 2, strategy: paper}
halfway: {model: "echo:a=3, b=5"}
max_steps: 10
"""
Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run opro in a process where the package of the page is installed."""
    site = tmp_path / "site"
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    for name, code in BLOCKS:
        (site / name).write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    points = "".join(f"[{group}]\n" + lines.replace('"', "") + "\n" for group, lines in GROUPS)
    (info / "entry_points.txt").write_text(points)
    Path("dice.yaml").write_text(DICE)

    def start(*words: str, imports: str = "", **env: str) -> subprocess.CompletedProcess:
        code = f"import sys; sys.argv[0] = 'opro'\n{imports}\n"
        code += "from opro_cli.__main__ import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(site), **env},
            check=False,
        )

    return start


def test_every_file_is_short():
    assert len(BLOCKS) == 6
    for name, code in BLOCKS:
        assert len(code.strip().splitlines()) < 40, name


def test_a_problem_and_an_optimizer_from_a_package(run):
    done = run("run-baseline", "-p", "dice.yaml", "-O", "coordinate", "--json", "--display", "none")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "converged"
    assert run("replay", "runs").returncode == 0
    assert "coordinate" in run("report", "--format", "markdown").stdout


KEY = "marker-key-0123456789"
ASKING = ("run-baseline", "-p", "dice.yaml", "-O", "halfway", "--display", "plain")


def test_an_optimizer_that_asks_and_a_provider_need_a_key(run):
    done = run(*ASKING)
    assert done.returncode == 2
    assert "set ECHO_API_KEY" in done.stderr
    assert not list(Path("runs").glob("*/run.json"))


def test_an_optimizer_that_asks_and_a_provider_run_like_ours(run):
    key = {"ECHO_API_KEY": KEY}
    dry = run(*ASKING, "--dry-run", "--json", **key)
    assert dry.returncode == 0, dry.stderr
    assert json.loads(dry.stdout)["total"]["calls"] == [5, 7, 10]
    # Another model by flag; it answers with a point that is not the target, until a cap stops it.
    flags = ("--model", "echo:a=2, b=2", "--max-calls", "2")
    capped = run(*ASKING, *flags, **key)
    assert capped.returncode == 3, capped.stderr
    assert "--max-calls" in capped.stderr
    resumed = run("resume", "--max-calls", "4", "--json", "--display", "none", **key)
    assert json.loads(resumed.stdout)["calls"] == 4
    assert run("replay", "runs", **key).returncode == 0
    solved = run(*ASKING, "--fresh", "--json", **key)
    result = json.loads(solved.stdout)
    assert (result["state"], result["steps"], result["model"]) == (
        "converged",
        1,
        "echo:a=3, b=5",
    )


def test_the_key_of_a_new_provider_is_hidden_too(run):
    """The server repeats the key: here, the echo model's own name is the key."""
    done = run(*ASKING, "--model", f"echo:{KEY}", ECHO_API_KEY=KEY)
    logs = [path.read_text() for path in Path("runs").glob("*/events.jsonl")]
    replies = [line for log in logs for line in log.splitlines() if '"replied"' in line]
    assert replies and not any(KEY in line for line in replies)
    assert "[key]" in replies[0]
    assert done.returncode in (0, 1)


def test_a_form_by_a_registry_call(run):
    done = run(
        *("run-opro", "-p", "dice.yaml", "--model", "echo:a=3, b=5", "--json"),
        *("--display", "none", "--set", "opro.metaprompt=terse"),
        imports="import my_form",
        ECHO_API_KEY=KEY,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "converged"
    shown = run("runs", "show", "latest", "--step", "1", imports="import my_form")
    assert "A better one, as one line:" in shown.stdout


def test_a_report_format_by_a_registry_call(run):
    run("run-baseline", "-p", "dice.yaml", "-O", "coordinate", "--display", "none")
    done = run("report", "--format", "names", imports="import my_format")
    assert done.stdout == "coordinate {'a': 3, 'b': 5} 1/1\n"


def test_an_unknown_name_says_which_there_are(run):
    done = run("run-baseline", "-p", "dice.yaml", "-O", "coordinates")
    assert done.returncode == 2
    assert "did you mean coordinate" in done.stderr
