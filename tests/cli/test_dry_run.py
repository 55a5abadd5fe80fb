"""What is printed instead of started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import strategies as st

from opro_cli.cli.plan import config
from opro_cli.core.errors import PresetError
from opro_cli.presets.resolve import resolve
from tests.conftest import EXAMPLES, for_all
from tests.planning import PROBLEM, write

GRID = PROBLEM + "baselines: [sgd]\nsweep: {opro.temperature: [1.0, 1.5], seed: [1, 2]}\n"


class TestPrinted:
    def test_a_printed_sweep_is_the_same_sweep_again(self, opro):
        write(GRID, "grid.yaml")
        first = opro("sweep", "grid.yaml", "--set", "sweep.reps=[1, 2]", "--print-config")
        assert "sweep:\n  opro.temperature: [1.0, 1.5]  # grid.yaml\n" in first.stdout
        assert "  reps: [1, 2]  # --set sweep.reps\n" in first.stdout
        runs = json.loads(
            opro("sweep", "grid.yaml", "--set", "sweep.reps=[1, 2]", "--dry-run", "--json").stdout
        )["runs"]
        Path("grid.yaml").write_text(first.stdout)
        again = json.loads(opro("sweep", "grid.yaml", "--dry-run", "--json").stdout)["runs"]
        assert again == runs
        assert len(runs) > 4
        assert "sweep:" not in opro("run-opro", "-p", "grid.yaml", "--print-config").stdout

    def test_json_and_print_config_is_json(self, opro):
        write(GRID, "grid.yaml")
        done = opro("sweep", "grid.yaml", "--temperature", "0.5", "--print-config", "--json")
        printed = json.loads(done.stdout)
        assert printed["preset"]["sweep"] == {"seed": [1, 2]}
        assert printed["preset"]["opro"]["temperature"] == 0.5
        assert printed["sources"]["opro.temperature"] == "--temperature"

    def test_every_value_has_its_source_and_the_path_is_clean(self, opro):
        Path("deep/er").mkdir(parents=True)
        write(PROBLEM.replace("}]", "}], seeds: {noise: {first: 3}}"))
        words = ["run-opro", "-p", "./deep/er/../.././mine.yaml"]
        done = opro(*words, "--set", "problem.seeds.w.first=7", "--print-config")
        assert "# mine.yaml, --set problem.seeds.w" in done.stdout
        assert ".." not in done.stdout
        for line in done.stdout.splitlines():
            assert "  # " in line or line.endswith(":") or line.startswith("  - "), line

    @EXAMPLES
    def test_any_text_is_printed_and_read_back(self, examples):
        def check(texts):
            title, description = texts
            data = {**yaml.safe_load(PROBLEM), "title": title, "description": description}
            Path("mine.yaml").write_text(json.dumps(data))
            try:
                found = resolve("./mine.yaml")
            except PresetError:  # a character that YAML does not have
                return
            printed = config.to_yaml(found.base, found.sources)
            Path("mine.yaml").write_text(printed, encoding="utf-8")
            assert resolve("./mine.yaml").base == found.base

        text = st.text() | st.sampled_from(["1e-6", "yes", "010", "# x", "a: b", "null", "x" * 300])
        for_all(examples, st.tuples(text, text), check)

    def test_published_figures_are_not_printed_for_other_settings(self, opro):
        done = opro("run-opro", "-p", "exp3", "--temperature", "1.1", "--print-config")
        assert "optimizer: opro" not in done.stdout
        assert "optimizer: sgd" in done.stdout


def test_a_dry_run_of_a_costly_problem_says_what_has_no_effect(opro):
    parameters = "x: {low: 1, high: 9, type: int, digits: 5}"
    write(f"problem: {{kind: custom, objective: 'none.py:loss', parameters: {{{parameters}}}}}\n")
    for words in (("--dry-run",), ()):
        done = opro("run-baseline", "-O", "random", "-p", "mine.yaml", *words)
        assert done.exit_code == 2
        assert "problem.parameters.x.digits has no effect on whole numbers." in done.stderr


@pytest.mark.parametrize("made", [None, b"", b"no model", b"GGUF" + bytes(8)])
def test_a_local_model_that_cannot_be_used_is_said_at_the_end_and_costs_nothing(opro, made):
    if made is not None:
        Path("m.gguf").write_bytes(made)
    words = ("run-opro", "-p", "exp1", "--model", "local:m.gguf", "--dry-run")
    done = opro(*words)
    said = "There is no model file m.gguf" if made is None else "m.gguf is no model file"
    assert f"not available: {said}" in done.stdout
    assert "$0 (local model)." in done.stdout
    data = json.loads(opro(*words, "--json").stdout)
    assert data["unavailable"][0].startswith(said)
    assert data["total"]["cost"] == [0, 0, 0]
