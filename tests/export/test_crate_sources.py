"""A crate holds what its runs were made from, as far as that is certain, and can be run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.planning import write

PRESET = (
    "problem: {kind: custom, objective: 'mine.py:loss', parameters: {x: {low: 0, high: 1}}}\n"
    "max_evaluations: 9\n"
)
RUN = ("run-baseline", "-O", "random", "--max-evaluations", "8", "--display", "none")
EXPORT = ("export", "latest", "--to", "ro-crate", "-o", "crate")


@pytest.fixture(autouse=True)
def _ran(opro) -> None:
    write("from helping import square\n\n\ndef loss(x):\n    return square(x)\n", "mine.py")
    write("def square(x):\n    return x * x\n", "helping.py")
    write(PRESET)
    done = opro(*RUN, "mine.yaml")
    assert done.exit_code == 0, done.stderr


def inside() -> set[str]:
    return {p.name for p in Path("crate/presets").rglob("*") if p.is_file()}


def test_the_preset_and_the_objective_are_there_described_and_run_again(opro):
    done = opro(*EXPORT)
    assert done.exit_code == 0, done.stderr
    assert "not included" not in done.stderr
    assert inside() == {"mine.yaml", "mine.py", "helping.py"}
    graph = {
        entity["@id"]: entity
        for entity in json.loads(Path("crate/ro-crate-metadata.json").read_text())["@graph"]
    }
    (action,) = [entity for entity in graph.values() if entity["@type"] == "CreateAction"]
    used = {part["@id"] for part in action["object"]}
    assert used >= {f"presets/mine/{name}" for name in inside()}
    assert used <= {part["@id"] for part in graph["./"]["hasPart"]}
    assert graph["presets/mine/mine.py"]["@type"] == ["File", "SoftwareSourceCode"]
    assert graph["presets/mine/mine.yaml"]["encodingFormat"] == "application/yaml"
    for name in ("mine.py", "helping.py", "mine.yaml"):
        Path(name).unlink()
    again = opro(*RUN, "crate/presets/mine/mine.yaml", "--runs-dir", "again")
    assert again.exit_code == 0, again.stderr


def test_what_is_not_what_was_recorded_is_not_included_and_this_is_said(opro, monkeypatch):
    write(PRESET.replace("high: 1", "high: 2"))
    write("def square(x):\n    return 'marker-key-0123456789'\n", "helping.py")
    Path("elsewhere.py").write_bytes(Path("mine.py").read_bytes())
    Path("mine.py").unlink()
    Path("mine.py").symlink_to("elsewhere.py")
    done = opro(*EXPORT)
    assert done.exit_code == 0, done.stderr
    assert not Path("crate/presets").exists()
    said = " ".join(done.stderr.split())
    assert "mine.yaml, the preset of a run: it has changed since" in said
    assert "helping.py, a file of a run: its SHA-256 is not one that the run has recorded" in said
    assert "mine.py, a file of a run: it is a link" in said


def test_a_file_with_a_key_stays_here_and_so_does_every_source_without_texts(opro, monkeypatch):
    assert opro(*EXPORT, "--no-texts").exit_code == 0
    assert not Path("crate/presets").exists()
    monkeypatch.setenv("OPENAI_API_KEY", "return square(x)")
    done = opro(*EXPORT)
    assert inside() == {"mine.yaml", "helping.py"}
    assert "it holds a key of the environment" in " ".join(done.stderr.split())


def test_nothing_is_written_through_a_link_in_a_crate(opro):
    assert opro(*EXPORT).exit_code == 0
    Path("thesis.txt").write_text("years of work")
    Path("crate/presets/mine/mine.py").unlink()
    Path("crate/presets/mine/mine.py").symlink_to(Path("thesis.txt").absolute())
    done = opro(*EXPORT)
    assert done.exit_code == 1
    assert "is a link" in done.stderr
    assert Path("thesis.txt").read_text() == "years of work"


def test_runs_are_chosen_by_their_preset(opro):
    write(PRESET, "other.yaml")
    assert opro(*RUN, "other.yaml").exit_code == 0
    done = opro("export", "--preset", "mine", "--to", "ro-crate", "-o", "crate", "--json")
    assert json.loads(done.stdout)["runs"] == 1
    assert [run.name.split("-")[2] for run in Path("crate/runs").iterdir()] == ["mine"]
    assert opro("export", "-p", "nope", "--to", "ro-crate", "-o", "c").exit_code == 2
    done = opro("export", "--to", "ro-crate", "-o", "c")
    assert done.exit_code == 2
    assert "No run is named" in done.stderr
    (day,) = {run.name.split("-")[0] for run in Path("runs").glob("2*")}
    done = opro("export", day, "--to", "ro-crate", "-o", "both", "--json")
    assert json.loads(done.stdout)["runs"] == 2
