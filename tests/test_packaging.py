"""The wheel holds all it needs, away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_code_presets_and_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    presets = {Path(n).name for n in names if n.startswith("opro_cli/_presets/")}
    wanted = [p for p in (ROOT / "presets").iterdir() if p.suffix in (".yaml", ".py")]
    assert presets == {p.name for p in wanted}
    assert "opro_cli/llm/models.yaml" in names
    assert "opro_cli/py.typed" in names
    assert {f"opro_cli/report/page/{name}" for name in ("script.js", "style.css")} <= set(names)
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"opro_cli"}


def test_the_wheel_works_away_from_the_checkout(wheel, tmp_path):
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    env = {**os.environ, "PYTHONPATH": str(unpacked)}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "opro_cli", *words]
        done = subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    paths = [json.loads(line)["path"] for line in run("presets", "--json").splitlines()]
    assert paths
    assert all(path.startswith(str(unpacked)) for path in paths)
    assert "243943" in run("run-sgd", "--preset", "exp1")
    # The check of the example's objective imports it from beside the packaged preset.
    assert "custom_example.py" in run("run-opro", "--preset", "custom-example", "--print-config")


@pytest.mark.long
def test_the_wheel_installs_into_an_empty_environment(wheel, tmp_path):
    """With its dependencies from the package index, and nothing of this environment."""
    venv.create(tmp_path / "venv", with_pip=True)
    python, opro = (tmp_path / "venv" / "bin" / name for name in ("python", "opro"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, timeout=600)
    for words in (["presets"], ["run-sgd", "--preset", "exp1"]):
        done = subprocess.run(
            [opro, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert "exp1" in done.stdout
    done = subprocess.run(
        [opro, "run-opro"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "GEMINI_API_KEY" in done.stderr
    assert "opro-cli[local]" in done.stderr
