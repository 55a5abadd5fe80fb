"""Presets: found, read strictly, overridden, explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from opro_cli.cli.plan import config
from opro_cli.core.errors import PresetError
from opro_cli.presets import files
from opro_cli.presets.overrides import Override
from opro_cli.presets.resolve import resolve, resolve_data
from tests.planning import make, write

MINIMAL = "problem: {kind: linear, targets: [{w: 1, b: 2}]}\n"


def refused(text: str, *overrides: Override) -> PresetError:
    with pytest.raises(PresetError) as caught:
        resolve(write(text), overrides)
    assert caught.value.hint
    return caught.value


def test_every_packaged_preset_loads():
    assert {"exp1", "exp2", "exp3", "exp4", "quickstart"} <= set(files.available())
    for path in files.available().values():
        resolved = resolve(str(path))
        assert resolved.base.general.title


def test_exp1_is_the_published_experiment():
    base = resolve("exp1").base
    opro, sgd = base.sections["opro"], base.sections["sgd"]
    assert (opro.temperature, opro.max_num_pairs, opro.points_per_step) == (1.0, 20, 8)
    assert (sgd.learning_rate, sgd.tolerance) == (1e-6, 0.1)
    assert (base.general.reps, base.general.max_steps, base.general.patience) == (5, 500, 60)
    assert len(base.problem.targets) == 7
    assert len(list(base.runs(["opro"]))) == 35
    assert len(list(base.runs(["sgd"]))) == 7  # deterministic: once a target


@pytest.mark.parametrize(
    ("name", "temperature", "pairs", "samples", "points"),
    [("exp2", 1.3, 20, 8, 50), ("exp3", 1.5, 35, 15, 50), ("exp4", 1.5, 35, 15, 100)],
)
def test_the_other_experiments_differ_as_published(name, temperature, pairs, samples, points):
    base = resolve(name).base
    opro = base.sections["opro"]
    assert (opro.temperature, opro.max_num_pairs, opro.points_per_step) == (
        temperature,
        pairs,
        samples,
    )
    assert base.problem.num_points == points
    assert base.problem.targets == ({"w": 2, "b": 30}, {"w": 36, "b": -1})
    assert base.general.reps == 1


def test_a_file_in_presets_comes_before_the_packaged_one():
    Path("presets").mkdir()
    Path("presets/exp1.yaml").write_text(MINIMAL)
    assert resolve("exp1").base.problem.targets == ({"w": 1, "b": 2},)


def test_an_unknown_name_shows_near_ones():
    with pytest.raises(PresetError) as caught:
        resolve("exq1")
    assert "exp1" in caught.value.hint


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x00b", "x" * 5000, "a\nb", "nope.yaml"])
def test_hostile_names_are_just_unknown(name):
    with pytest.raises(PresetError):
        resolve(name)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-6", 1e-6), ("1E-6", 1e-6), ("'1e-6'", 1e-6), ("1.0e-06", 1e-6), (".5", 0.5), ("2", 2.0)],
)
def test_numbers_are_numbers_however_they_are_written(text, value):
    resolved = resolve(write(f"{MINIMAL}sgd: {{learning_rate: {text}}}\n"))
    assert resolved.base.sections["sgd"].learning_rate == value


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("opro: {temprature: 1}", "opro.temprature", "opro.temperature"),
        ("opr: {temperature: 1}", "opr", "opro"),
        ("problem2: 1", "problem2", "problem"),
        ("opro: {temperature: -1}", "opro.temperature", "1.0"),
        ("opro: {temperature: nan}", "opro.temperature", "1.0"),
        ("opro: {temperature: .nan}", "opro.temperature", "1.0"),
        ("opro: {temperature: hot}", "opro.temperature", "1.0"),
        ("opro: {temperature: true}", "opro.temperature", "1.0"),
        ("opro: {points_per_step: 0}", "opro.points_per_step", "8"),
        ("opro: {points_per_step: 1.5}", "opro.points_per_step", "8"),
        ("opro: [1]", "opro", "opro"),
        ("reps: 0", "reps", "1"),
        ("baselines: [sdg]", "sdg", "sgd"),
        ("sweep: {opro.temperature: 1}", "sweep.opro.temperature", "sweep"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_key(text, key, hint):
    error = refused(MINIMAL + text)
    assert "mine.yaml" in error.message or text.startswith("sweep")
    assert key in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ("[{w: 1}]", "a target is w and b, not w"),
        ("[{w: 1, b: 2, c: 3}]", "a target is w and b"),
        ("[{w: 1, b: x}]", "b must be a number"),
        ("[{w: 1.5, b: 2}]", "more decimals"),
        ("[{w: 1000, b: 2}]", "outside bounds"),
        ("[]", "at least 1"),
    ],
)
def test_a_wrong_target_is_explained(targets, said):
    error = refused(f"problem: {{kind: linear, targets: {targets}}}\n")
    assert said in error.message
    assert "problem.targets" in error.message


def test_a_key_set_twice_is_an_error_with_its_line():
    error = refused(MINIMAL + "opro:\n  temperature: 1\n  temperature: 2\n")
    assert "line 4: temperature is set twice" in error.message


@pytest.mark.parametrize(
    "text",
    ["a: [", "just text", "- 1\n- 2\n", "", "\x00", "? [1]\n: 2\n", "!!python/name:os.system"],
)
def test_what_is_no_preset_is_one_sentence(text):
    refused(text)


def test_an_alias_is_refused_with_its_line():
    error = refused(MINIMAL + "opro: &a {temperature: 1}\nsgd: *a\n")
    assert "line 2: the anchor or alias 'a'" in error.message
    assert "repeat the value" in error.hint


def test_a_mapping_is_a_preset_like_a_file():
    raw = {"problem": {"kind": "linear", "targets": [{"w": 1, "b": 2}]}}
    made = resolve_data(raw, "mine", overrides=[Override("seed", 3, "here")])
    assert made.base == resolve(write(MINIMAL), [Override("seed", 3, "--seed")]).base
    assert made.sources["seed"] == "here"


def test_overrides_win_in_order_and_are_remembered():
    Path(".env").write_text("MODEL_NAME=local\n")
    plan = make(
        "exp3",
        ["opro"],
        flags={"temperature": "0.7", "w_true": "3", "b_true": "-4", "reps": "2"},
        settings=["opro.temperature=1.9", "opro.max_num_pairs=5"],
    )
    opro = plan.preset.sections["opro"]
    assert (opro.temperature, opro.max_num_pairs, opro.model) == (0.7, 5, "local")
    assert plan.preset.problem.targets == ({"w": 3, "b": -4},)
    sources = plan.resolved.sources
    assert sources["opro.temperature"] == "--temperature"
    assert sources["opro.max_num_pairs"] == "--set opro.max_num_pairs"
    assert sources["opro.model"] == ".env MODEL_NAME"
    assert sources["opro.points_per_step"].endswith("exp3.yaml")
    assert len(plan.specs) == 2


def test_an_option_that_is_not_given_overrides_nothing():
    plan = make("exp3", ["sgd"], flags={"temperature": None})
    assert plan.preset.sections["opro"].temperature == 1.5


def test_the_environment_comes_before_dot_env(monkeypatch):
    Path(".env").write_text("MODEL_NAME=gemini-from-file\n")
    monkeypatch.setenv("MODEL_NAME", "local")
    plan = make("exp3", ["opro"])
    assert plan.resolved.sources["opro.model"] == "environment MODEL_NAME"


def test_a_sweep_is_the_product_of_its_axes():
    axes = "sweep: {opro.temperature: [1.0, 1.5], problem.num_points: [10, 20, 30]}\n"
    plan = make(write(MINIMAL + "baselines: [sgd]\n" + axes), dry=True)
    opro = [spec for spec in plan.specs if spec.optimizer.name == "opro"]
    sgd = [spec for spec in plan.specs if spec.optimizer.name == "sgd"]
    assert len(opro) == 6
    assert len(sgd) == 3  # temperature is nothing to gradient descent
    assert {spec.axes["problem.num_points"] for spec in sgd} == {10, 20, 30}
    assert all("opro.temperature" not in spec.axes for spec in sgd)


def test_run_commands_leave_the_grid_alone_and_say_so():
    path = write(MINIMAL + "sweep: {problem.num_points: [10, 20]}\n")
    plan = make(path, ["sgd"])
    assert len(plan.specs) == 1
    assert "grid of 2 combinations" in plan.notices[0]


def test_published_figures_stay_only_with_the_published_settings():
    def published(*overrides, **flags):
        plan = make("exp1", ["sgd"], flags=flags, settings=overrides)
        return [bool(spec.published) for spec in plan.specs]

    assert all(published())
    assert all(published(reps="2"))
    assert not any(published(learning_rate="1e-5"))
    assert not any(published("problem.num_points=60"))
    changed = make("exp1", ["opro"], flags={"temperature": "1.2"}, dry=True)
    assert not any(spec.published for spec in changed.specs)


def test_the_printed_configuration_is_a_preset_again():
    resolved = resolve("exp3", [Override("opro.temperature", 1.1, "--temperature")])
    printed = config.to_yaml(resolved.base, resolved.sources)
    assert "temperature: 1.1  # --temperature" in printed
    assert "aim: null  # default" in printed
    again = resolve(write(printed, "exp3.yaml"))
    assert again.base.dump() == resolved.base.dump()
    assert again.base.sha256() == resolved.base.sha256()


def test_the_hash_is_of_what_bears_on_the_result():
    base = resolve("exp1").base
    assert base.sha256() == resolve("exp1", [Override("title", "another", "--set")]).base.sha256()
    assert base.sha256() != resolve("exp1", [Override("seed", 1, "--seed")]).base.sha256()
