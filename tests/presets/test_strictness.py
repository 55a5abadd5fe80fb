"""Any text in a preset is read as meant, or refused in a sentence, quickly."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.presets import strict_yaml
from opro_cli.presets.plan import MAX_RUNS
from opro_cli.presets.resolve import resolve
from opro_cli.presets.sweep import MAX_CELLS
from tests.planning import PROBLEM, planned, refused


class TestNumbers:
    @pytest.mark.parametrize(
        "shown", ["010", "1:30", "0x10", "0b1", "1_000", "0o7", "１２", "yes", "no", "on", "true"]
    )
    @pytest.mark.parametrize("key", ["reps", "seed", "opro.temperature", "sgd.tolerance"])
    def test_only_decimal_numbers_are_numbers(self, shown, key):
        section, _, name = key.rpartition(".")
        text = f"{section}: {{{name}: {shown}}}\n" if section else f"{name}: {shown}\n"
        assert key in refused(PROBLEM + text).message
        assert key in refused(PROBLEM, settings=[f"{key}={shown}"]).message

    @pytest.mark.parametrize("shown", ["true", "yes", "010", "[1]", "null", "{}", ".nan", "1e999"])
    def test_a_target_is_made_of_numbers(self, shown):
        error = refused(f"problem: {{kind: linear, targets: [{{w: {shown}, b: 1}}]}}\n")
        assert "problem.targets" in error.message

    @pytest.mark.parametrize("key", ["seed", "max_steps", "sgd.max_iterations", "patience"])
    @pytest.mark.parametrize("shown", ["9" * 25, "9" * 5000, "1e300", "-1", "1e15", "2e15"])
    def test_a_number_too_large_is_refused_or_fine(self, key, shown):
        try:
            plan = planned(PROBLEM, "sgd", settings=[f"{key}={shown}"])
        except UsageError as error:
            assert key in error.message
        else:
            assert all(math.isfinite(spec.effective_limits.max_steps) for spec in plan.specs)

    def test_seeds_that_run_out_are_named(self):
        text = PROBLEM.replace("}]", "}], seeds: {noise: {first: 4294967295, step: 1}}")
        assert "problem.seeds.noise" in refused(text + "reps: 2\n").message
        planned(text)

    @pytest.mark.parametrize("option", ["temperature", "seed", "model", "base_url", "w_true"])
    def test_an_empty_option_is_refused(self, option):
        flags = {option: " ", **({"b_true": "3"} if option == "w_true" else {})}
        assert "there is no value" in refused(PROBLEM, flags=flags).message

    def test_a_text_option_is_a_text_whatever_it_looks_like(self):
        assert "no model '1e5'" in refused(PROBLEM, flags={"model": "1e5"}).message
        flags = {"model": "openai:7", "base_url": "1e5"}
        error = refused(PROBLEM, flags=flags, dry=False)
        assert "'1e5' is no address" in error.message


class TestStructure:
    @pytest.mark.parametrize("kind", ["[1]", "{a: b}", "5", "null", "true", "linea"])
    def test_a_kind_that_is_none(self, kind):
        text = f"problem: {{kind: {kind}, targets: [{{w: 1, b: 2}}]}}\n"
        assert "problem.kind" in refused(text).message

    @pytest.mark.parametrize(
        "text",
        [
            "sweep: {5: [1]}",
            "sweep: {null: [1]}",
            "sweep: []",
            "sweep: {title: [a, b]}",
            "sweep: {budget.max_calls: [1, 2]}",
            "sweep: {sweep.x: [1]}",
            "sweep: {opro.temprature: [1]}",
            "baselines: [[1]]",
            "baselines: {sgd: 1}",
            "published: [{optimizer: sdg, model: m, source: s, rows: []}]",
            "opro: false",
            "sgd: 0",
            "limits: [1]",
            "seed: !!int 0x10",
            "title: !!python/object:os.system x",
            "x: &x {a: *x}",
            "opro: &o {temperature: 1}",
            "sgd: *o",
            "<<: {reps: 2}",
        ],
    )
    def test_what_is_no_preset_is_a_sentence(self, text):
        assert "mine.yaml" in refused(PROBLEM + text).message

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 500_000,
            "{" * 500_000,
            "- " * 400_000,
            "a: [" + "1," * 400_000,
            "a: 1\n" * 150_000,
            "!" * 900_000,
            "x" * 2_000_000,
        ],
        ids=["deep", "deep map", "dashes", "wide", "keys", "tag", "huge"],
    )
    def test_what_is_too_much_is_refused(self, text, monkeypatch):
        """By counting: no more values are composed than are allowed."""
        composed = 0
        compose = strict_yaml._Loader.compose_node

        def counted(self, parent, index):
            nonlocal composed
            composed += 1
            return compose(self, parent, index)

        monkeypatch.setattr(strict_yaml._Loader, "compose_node", counted)
        refused(text)
        assert composed <= strict_yaml.MAX_VALUES + 1

    def test_hundreds_of_megabytes_are_not_read(self):
        with Path("mine.yaml").open("wb") as file:
            file.truncate(500_000_000)
        with pytest.raises(PresetError, match="larger than"):
            resolve("./mine.yaml")

    def test_a_pipe_and_a_directory_are_no_preset(self):
        os.mkfifo("pipe.yaml")
        Path("folder.yaml").mkdir()
        for name in ("pipe.yaml", "folder.yaml"):
            with pytest.raises(PresetError, match="is a directory|is not a file"):
                resolve(name)

    def test_too_many_cells_and_too_many_runs_name_the_axes(self):
        row = list(range(101))
        error = refused(PROBLEM + f"sweep: {{seed: {row}, reps: {row[1:]}}}\n")
        assert "10,100 combinations" in error.message
        assert "seed (101) × reps (100)" in error.message
        assert MAX_CELLS == 10_000
        error = refused(PROBLEM + f"reps: 1000\nsweep: {{seed: {row}}}\n")
        assert f"{MAX_RUNS:,}" in error.message
        assert "1 target × 1,000 repetitions × seed (101 values)" in error.message

    def test_a_long_key_is_no_deep_recursion(self):
        assert "not a setting" in refused(PROBLEM, settings=["a." * 5000 + "a=1"]).message
