"""What a stranger may type or write: read as meant, or refused in a sentence, quickly."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import strategies as st

from opro_cli import presets, yamltext
from opro_cli.environment import Environment
from opro_cli.errors import OproError, PresetError, RunsError, UsageError
from opro_cli.events import Reading, Scored, Started, Stepped, Stopped
from opro_cli.llm.providers import Wanted
from opro_cli.optimizers import NAMES
from opro_cli.plan import MAX_RUNS, Asked, make
from opro_cli.presets import resolve
from opro_cli.runlog import RunLog, read
from opro_cli.spec import General
from opro_cli.validation import MAX_CELLS
from tests.conftest import EXAMPLES, for_all

PROBLEM = "problem: {kind: linear, targets: [{w: 1, b: 2}]}\n"


def write(text: str, name: str = "mine.yaml") -> str:
    Path(name).write_text(text)
    return f"./{name}"


def planned(text: str, *optimizers: str, dry: bool = True, **asked):
    return make(Asked(write(text), **asked), Environment(), optimizers or None, dry=dry)


def refused(text: str, **asked) -> UsageError:
    with pytest.raises(UsageError) as caught:
        planned(text, **asked)
    assert caught.value.hint
    assert len(caught.value.message) < 500
    return caught.value


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
        error = refused(PROBLEM, flags={"model": "openai:7", "base_url": "1e5"})
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
            "a: &a {x: 1}\n"
            + "".join(
                f"{b}: &{b} [*{a},*{a}]\n"
                for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
            ),
        ],
        ids=["deep", "deep map", "dashes", "wide", "keys", "tag", "huge", "bomb"],
    )
    def test_what_is_too_much_is_refused(self, text, monkeypatch):
        """By counting: no more values are composed than are allowed."""
        composed = 0
        compose = yamltext._Loader.compose_node

        def counted(self, parent, index):
            nonlocal composed
            composed += 1
            return compose(self, parent, index)

        monkeypatch.setattr(yamltext._Loader, "compose_node", counted)
        refused(text)
        assert composed <= yamltext.MAX_VALUES + 1

    def test_hundreds_of_megabytes_are_not_read(self):
        with Path("mine.yaml").open("wb") as file:
            file.truncate(500_000_000)
        with pytest.raises(PresetError, match="larger than"):
            resolve("./mine.yaml")

    def test_a_pipe_and_a_directory_are_no_preset(self):
        os.mkfifo("pipe.yaml")
        Path("folder.yaml").mkdir()
        for name in ("pipe.yaml", "folder.yaml"):
            with pytest.raises(PresetError, match="no regular file"):
                resolve(name)

    def test_too_many_cells_and_too_many_runs_name_the_axes(self):
        row = list(range(101))
        error = refused(PROBLEM + f"sweep: {{seed: {row}, reps: {row[1:]}}}\n")
        assert "10,100 cells" in error.message
        assert "seed (101) × reps (100)" in error.message
        assert MAX_CELLS == 10_000
        error = refused(PROBLEM + f"reps: 1000\nsweep: {{seed: {row}}}\n")
        assert f"{MAX_RUNS:,}" in error.message
        assert "1 target × 1,000 repetitions × seed (101 values)" in error.message

    def test_a_long_key_is_no_deep_recursion(self):
        assert "not a setting" in refused(PROBLEM, settings=["a." * 5000 + "a=1"]).message


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
        assert "Is a directory" in done.stderr

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
        assert len(list(Path("runs").iterdir())) == 2


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
            ({"targets": ["=1"]}, "no NAME=VALUE"),
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
            assert spec.instance().num_rows == spec.problem.num_points == 2
            assert type(spec).load(spec.dump()) == spec


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
        from opro_cli.problems.linear import LinearSettings

        built = 0
        build = LinearSettings.build

        def counted(self, target, repetition):
            nonlocal built
            built += 1
            return build(self, target, repetition)

        monkeypatch.setattr(LinearSettings, "build", counted)
        text = PROBLEM.replace("}]", "}], seeds: {noise: {first: 1, step: 1}}")
        assert len(planned(text + "reps: 10000\nbaselines: [sgd]\n").specs) == 20_000
        assert built <= 2


class TestPrinted:
    def test_a_printed_sweep_is_the_same_sweep_again(self, opro):
        write(TestOverrides.GRID, "grid.yaml")
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
        write(TestOverrides.GRID, "grid.yaml")
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
            printed = presets.to_yaml(found.base, found.sources)
            Path("mine.yaml").write_text(printed, encoding="utf-8")
            assert resolve("./mine.yaml").base == found.base

        text = st.text() | st.sampled_from(["1e-6", "yes", "010", "# x", "a: b", "null", "x" * 300])
        for_all(examples, st.tuples(text, text), check)

    def test_published_figures_are_not_printed_for_other_settings(self, opro):
        done = opro("run-opro", "-p", "exp3", "--temperature", "1.1", "--print-config")
        assert "optimizer: opro" not in done.stdout
        assert "optimizer: sgd" in done.stdout


class TestSession:
    def test_a_dry_run_says_why_a_model_is_not_there(self, opro):
        done = opro("run-opro", "--model", "gemini-3.8-flash", "--dry-run")
        assert done.exit_code == 0
        assert "note: gemini-3.8-flash needs an API key" in done.stdout
        data = json.loads(
            opro("run-opro", "--model", "gemini-3.8-flash", "--dry-run", "--json").stdout
        )
        assert "needs an API key" in data["unavailable"][0]
        assert "\nnote: " not in opro("run-sgd", "--dry-run").stdout

    def test_a_model_that_is_missing_is_looked_for_once(self, monkeypatch):
        from opro_cli.errors import ModelUnavailable

        asked: list[Wanted] = []

        def choose(want, env):
            asked.append(want)
            raise ModelUnavailable("none", "none")

        monkeypatch.setattr("opro_cli.plan.choose", choose)
        plan = planned(PROBLEM + "reps: 50\n")
        assert (len(asked), plan.unavailable) == (1, ("none (none)",))

    def test_one_is_not_many(self, opro):
        write(PROBLEM)
        done = opro(
            *("run-opro", "-p", "mine.yaml", "--strategy", "paper", "--max-steps", "1"),
            *("--points-per-step", "1", "--dry-run"),
        )
        assert "\n1 run" in done.stdout
        assert "at most 1 step, at most 1 model call\n" in done.stdout

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


KEYS = st.sampled_from(
    [
        *General.model_fields,
        "problem",
        "sweep",
        *NAMES,
        "kind",
        "targets",
        "w",
        "b",
        "data",
        "x",
        "seeds",
        "first",
        "opro.temperature",
        "problem.targets",
        "sgd.batch_size",
        "rows",
        "bounds",
    ]
) | st.text(max_size=8)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["linear", "opro", "sgd", "auto", "1e-6", 10**400, -1, 0, 1, 2.5, "best"]),
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
GOOD = {"kind": "linear", "targets": [{"w": 1, "b": 2}], "num_points": 5}


def only_sentences(path: str) -> None:
    try:
        plan = make(Asked(path), Environment(), None, dry=True)
        presets.to_yaml(plan.preset, plan.resolved.sources, plan.optimizers, plan.grid)
    except OproError as error:
        assert error.message


@EXAMPLES
def test_any_text_is_a_preset_or_a_sentence(examples):
    def check(text):
        Path("any.yaml").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        only_sentences("./any.yaml")

    pieces = st.lists(
        st.sampled_from(
            [PROBLEM, "sweep:", "opro:", "\n", "  ", "- ", "{", "}", "[", "]", ": ", "&a ", "*a",
             "!!int ", "'", '"', "|\n", "? ", "<<: ", "---\n", "# ", "%YAML 1.1\n", "seed", "1e9"]
        )
        | st.text(max_size=6),
        max_size=12,
    ).map("".join)  # fmt: skip
    for_all(examples, st.binary(max_size=60) | pieces, check)


@EXAMPLES
def test_any_structure_is_a_preset_or_a_sentence(examples):
    def check(tree):
        if isinstance(tree, dict):
            tree = {"problem": GOOD, **tree}
        Path("any.yaml").write_text(yaml.safe_dump(tree))
        only_sentences("./any.yaml")

    near = st.dictionaries(
        st.sampled_from([*General.model_fields, "sweep", "problem", *NAMES]), TREES, max_size=3
    )
    problem = st.dictionaries(
        st.sampled_from(["kind", "targets", "num_points", "num_starts", "bounds", "seeds", "data"]),
        TREES,
        max_size=3,
    ).map(lambda part: {"problem": {**GOOD, **part}})
    for_all(examples, TREES | near | problem, check)


@EXAMPLES
def test_any_setting_typed_is_a_value_or_a_sentence(examples):
    write(PROBLEM, "any.yaml")

    def check(text):
        try:
            make(Asked("./any.yaml", settings=[text]), Environment(), None, dry=True)
        except OproError as error:
            assert error.message

    keys = st.sampled_from(
        ["reps", "opro.temperature", "problem.targets", "problem.seeds.noise.first", "sweep.seed",
         "sweep", "problem", "opro", "limits.attempts", "problem.data"]
    )  # fmt: skip
    values = st.text(max_size=12) | TREES.map(lambda tree: yaml.safe_dump(tree, width=10**6))
    for_all(examples, st.tuples(keys, values).map("=".join) | st.text(max_size=20), check)


EVENTS = (
    Started((Scored((14, 14), 42747.8, "start"),)),
    Stepped(1, (Scored((15, 14), 64.3),), (Reading(0, "used", (15, 14)),), 1),
    Stopped(1, "converged"),
)


@EXAMPLES
def test_any_bytes_are_a_log_or_a_sentence(examples):
    log = RunLog(Path("good.jsonl"))
    for event in EVENTS:
        log.append(event)
    good = Path("good.jsonl").read_bytes()
    lines = [json.loads(line) for line in good.splitlines()]
    path = Path("log.jsonl")

    def check(raw):
        path.write_bytes(raw)
        for checked in (True, False):
            try:
                list(read(path, checked=checked))
            except RunsError as error:
                assert "log.jsonl, line " in error.message

    def mutated(case):
        at, length, piece = case
        at %= len(good)
        return good[:at] + piece + good[at + length :]

    def field(case):
        number, key, value = case
        line = dict(lines[number % len(lines)])
        line[key] = value
        return (json.dumps(line) + "\n").encode()

    fields = st.tuples(
        st.integers(0, 2),
        st.sampled_from(["type", "t", "step", "pairs", "readings", "reason", "reply", "sum", "x"]),
        st.recursive(
            PLAIN,
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["point", "value", "source", "sample", "fate", "why", "usage"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
    )
    cuts = st.tuples(st.integers(0, 10**6), st.integers(0, 80), st.binary(max_size=12))
    anything = st.binary(max_size=200) | cuts.map(mutated) | fields.map(field)
    for_all(examples, anything, check)
