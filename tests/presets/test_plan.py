"""The runs of a plan: which are the same, which are possible, and with which models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest
from opro_cli.problems.regression.linear import LinearSettings
from tests.planning import PROBLEM, planned, refused, write


class TestSameRun:
    def hashes(self, *optimizers, text=PROBLEM, **asked):
        return [spec.sha256() for spec in planned(text, *optimizers, **asked).specs]

    def test_a_whole_number_is_the_same_however_written(self):
        assert self.hashes("sgd", targets=["w=15.0,b=14"]) == self.hashes(
            "sgd", targets=["w=15,b=14.0"]
        )
        (spec,) = planned(PROBLEM, "sgd", targets=["w=15.0,b=-0.0"]).specs
        assert json.dumps(spec.target) == '{"w": 15, "b": 0}'

    def test_a_seed_that_nothing_uses_makes_no_other_run(self):
        def one(name, seed, **flags):
            return self.hashes(name, flags={"seed": seed, **flags})

        assert one("sgd", "1") == one("sgd", "2")
        assert one("sgd", "1", batch_size="5") != one("sgd", "2", batch_size="5")
        assert one("opro", "1") != one("opro", "2")

    def test_a_temperature_that_is_ignored_makes_no_other_run(self, monkeypatch):
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        grid = PROBLEM + "sweep: {opro.temperature: [0.5, 1.0]}\n"
        plan = planned(grid, dry=False, flags={"model": "gemini-3.8-flash"})
        assert [spec.optimizer.temperature for spec in plan.specs] == [None]
        assert sum("ignores temperature" in notice for notice in plan.notices) == 1
        plan = planned(grid, dry=False, flags={"model": "gemini-3.5-flash"})
        assert [spec.optimizer.temperature for spec in plan.specs] == [0.5, 1.0]


class TestStarts:
    @pytest.mark.parametrize(
        "problem",
        [
            "bounds: [0, 13], targets: [{w: 1, b: 2}]",
            "targets: [{w: 1, b: 2}], data: {x: [1], y: [3], starts: [[1, 1], [500, 1]]}",
        ],
    )
    def test_a_starting_point_outside_the_bounds_is_refused(self, problem):
        error = refused(f"problem: {{kind: linear, {problem}}}\n")
        assert "starting point" in error.message
        assert "bounds" in error.hint

    def test_it_may_be_a_late_repetition(self):
        text = (
            "problem: {kind: linear, bounds: [9, 19], targets: [{w: 12, b: 12}], num_starts: 1, "
            "seeds: {w: {first: 1, step: 1}}}\n"
        )
        planned(text)
        refused(text + "reps: 200\n")

    def test_many_repetitions_draw_nothing_that_needs_no_drawing(self, monkeypatch):
        built = 0
        build = LinearSettings.build

        def counted(self, target, repetition):
            nonlocal built
            built += 1
            return build(self, target, repetition)

        monkeypatch.setattr(LinearSettings, "build", counted)
        text = PROBLEM.replace("}]", "}], seeds: {noise: {first: 1, step: 1}}")
        assert len(planned(text + "reps: 10000\nbaselines: [sgd]\n").specs) == 20_000
        assert built <= 3


class TestModels:
    def test_a_dry_run_says_why_a_model_is_not_there(self, opro):
        done = opro("run-opro", "--model", "gemini-3.8-flash", "--dry-run")
        assert done.exit_code == 0
        assert "not available: gemini-3.8-flash needs an API key" in done.stdout
        data = json.loads(
            opro("run-opro", "--model", "gemini-3.8-flash", "--dry-run", "--json").stdout
        )
        assert "needs an API key" in data["unavailable"][0]
        assert "not available: " not in opro("run-sgd", "--dry-run").stdout

    def test_a_model_that_is_missing_is_looked_for_once(self, monkeypatch):
        asked: list[ModelRequest] = []

        def choose(want, env):
            asked.append(want)
            raise ModelUnavailable("none", "none")

        monkeypatch.setattr("opro_cli.presets.plan.choose_model", choose)
        plan = planned(PROBLEM + "reps: 50\n")
        assert (len(asked), plan.unavailable) == (1, ("none (none)",))

    def test_one_is_not_many(self, opro):
        write(PROBLEM)
        done = opro(
            *("run-opro", "-p", "mine.yaml", "--strategy", "paper", "--max-steps", "1"),
            *("--points-per-step", "1", "--dry-run"),
        )
        assert done.stdout.startswith("mine: 1 run, 1 model call, ")
        assert ": 1 run, at most 1 step\n" in done.stdout

    def test_report_takes_a_preset_by_its_path(self, opro):
        opro("run-sgd", "-p", "exp3", "--display", "none")
        rows = json.loads(opro("report", "-f", "json", "--preset", "./some/exp3.yaml").stdout)
        assert {row["preset"] for row in rows} == {"exp3"}

    def test_broken_presets_are_shown_with_what_is_wrong(self, opro):
        Path("presets/dir.yaml").mkdir(parents=True)
        Path("presets/bad.yaml").write_text("a: [")
        done = opro("presets")
        assert done.exit_code == 0
        assert "bad            cannot be used: presets/bad.yaml: line 1" in done.stdout
        assert "exp1" in done.stdout
        broken = [json.loads(line) for line in opro("presets", "--json").stdout.splitlines()]
        assert {row["name"] for row in broken if "error" in row} == {"bad", "dir"}
