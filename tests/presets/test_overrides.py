"""Options, settings and variables over a preset: which wins, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planning import PROBLEM, planned, refused


class TestEnvironment:
    def test_a_dot_env_that_is_no_text_or_no_file_is_a_sentence(self, opro):
        Path(".env").write_bytes(b"MODEL_NAME=\xff\xfe\n")
        done = opro("run-sgd", "--dry-run")
        assert done.exit_code == 2
        assert "not UTF-8" in done.stderr
        Path(".env").unlink()
        Path(".env").mkdir()
        done = opro("run-sgd", "--dry-run")
        assert done.exit_code == 2
        assert "is a directory" in done.stderr

    def test_a_virtual_environment_of_that_name_is_left_alone(self, opro):
        Path(".env").mkdir()
        Path(".env/pyvenv.cfg").touch()
        assert opro("run-sgd", "--dry-run").exit_code == 0

    def test_an_empty_runs_directory_is_refused_as_option_and_default_as_variable(
        self, opro, monkeypatch
    ):
        done = opro("run-sgd", "--runs-dir", "", "--display", "none")
        assert done.exit_code == 2
        assert "no directory" in done.stderr
        monkeypatch.setenv("OPRO_RUNS_DIR", "")
        assert opro("run-sgd", "--preset", "exp3", "--display", "none").exit_code == 0
        assert len(list(Path("runs").glob("*/run.json"))) == 2


class TestOverrides:
    GRID = PROBLEM + "baselines: [sgd]\nsweep: {opro.temperature: [1.0, 1.5], seed: [1, 2]}\n"

    def test_an_axis_is_set_from_the_command_line(self):
        plan = planned(PROBLEM, settings=["sweep.opro.temperature=[1.0, 1.5]"])
        assert [spec.axes for spec in plan.specs] == [
            {"opro.temperature": 1.0},
            {"opro.temperature": 1.5},
        ]
        plan = planned(self.GRID, settings=["sweep.opro.temperature=[0.5]"])
        assert {spec.axes.get("opro.temperature") for spec in plan.specs} == {0.5, None}

    def test_a_row_of_values_for_one_setting_is_pointed_to_the_sweep(self):
        error = refused(PROBLEM, settings=["opro.temperature=[1.0, 1.5]"])
        assert "--set opro.temperature:" in error.message
        assert "sweep.opro.temperature=" in error.hint

    def test_what_is_typed_wins_over_an_axis_and_this_is_said(self):
        plan = planned(self.GRID, flags={"temperature": "0.7"})
        assert {spec.axes.get("opro.temperature", 0.7) for spec in plan.specs} == {0.7}
        assert plan.grid == {"seed": [1, 2]}
        assert any("--temperature sets opro.temperature" in notice for notice in plan.notices)

    def test_the_environment_leaves_an_axis_alone(self, monkeypatch):
        monkeypatch.setenv("MODEL_NAME", "local")
        plan = planned(PROBLEM + "sweep: {opro.model: [gemini-3.8-flash, openai:x]}\n")
        assert {spec.model for spec in plan.specs} == {"gemini-3.8-flash", "openai:x"}

    @pytest.mark.parametrize(
        ("asked", "source"),
        [
            ({"flags": {"temperature": "9"}}, "--temperature"),
            ({"settings": ["opro.temperature=9"]}, "--set opro.temperature"),
            ({"settings": ["opro={temperature: 9}"]}, "--set opro"),
            ({"settings": ["problem.seeds={noise: {first: x}}"]}, "--set problem.seeds"),
            ({"settings": ["problem.bounds=[50, 60]"]}, "with --set problem.bounds"),
            ({"settings": ["problem.kind=cubic"]}, "--set problem.kind"),
            ({"settings": ["baselines=[sdg]"]}, "--set baselines"),
            ({"settings": ["sweep.opro.temperature=[9]"]}, "--set sweep.opro.temperature"),
            ({"settings": ["sweep.seed=7"]}, "--set sweep.seed"),
            ({"targets": ["w=x,b=1"]}, "--target"),
        ],
    )
    def test_an_error_names_where_the_value_was_set(self, asked, source):
        text = PROBLEM.replace("}]", "}], seeds: {noise: {first: 0}}") + "opro: {temperature: 1}\n"
        message = refused(text, **asked).message
        assert source in message
        assert "mine.yaml" not in message or "with" in source

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"targets": ["w=1,w=2,b=3"]}, "w is set twice"),
            ({"targets": ["=1"]}, "expected NAME=VALUE"),
            ({"settings": ["problem.data=5"]}, "it should be a section with settings"),
            ({"settings": ["opro={a: 1, a: 2}"]}, "a is set twice"),
            ({"settings": ["seed="]}, "there is no value"),
        ],
    )
    def test_what_is_typed_wrongly_is_a_sentence(self, asked, said):
        assert said in refused(PROBLEM, **asked).message

    def test_what_cannot_be_swept_is_not_pointed_to_the_sweep(self):
        assert "sweep" not in refused(PROBLEM, settings=["title=[a]"]).hint

    def test_the_variable_is_named(self, monkeypatch):
        monkeypatch.setenv("MODEL_NAME", "x" * 5)
        assert "no model 'xxxxx'" in refused(PROBLEM).message

    def test_num_points_and_given_data_agree(self):
        data = (
            "problem: {kind: linear, targets: [{w: 1, b: 2}], %s"
            "data: {x: [1, 2], y: [3, 5], starts: [[1, 1]]}}\n"
        )
        assert "num_points" in refused(data % "num_points: 5, ").message
        assert "num_points" in refused(data % "", flags={"num_points": "9"}).message
        for same in ("", "num_points: 2, "):
            (spec,) = planned(data % same, "sgd").specs
            assert spec.build_problem().num_rows == spec.problem.num_points == 2
            assert type(spec).load(spec.dump()) == spec
