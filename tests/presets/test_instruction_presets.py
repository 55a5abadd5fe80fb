"""The presets of instructions: their data, metrics, numbers and published tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.presets.resolve import resolve
from opro_cli.problems.instructions.generated import GENERATORS
from tests.datasets import (
    OWN,
    PREPARED,
    bbh_target,
    write_all_bbh,
    write_bbh,
    write_gsm8k,
    write_gsm8k_tsv,
    write_reviews,
)
from tests.planning import make, planned, refused

BBH = resolve("bbh").base


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("instructions", "problem.data: there are no data."),
        ("gsm8k", "there is no file train.jsonl; it is published at https://github.com/openai/"),
        ("gsm8k-paper", "there is no file train.jsonl; it is published at https://"),
        ("bbh", "no file BIG-Bench-Hard-data/boolean_expressions.json; it is published at https:"),
    ],
)
def test_a_preset_without_its_data_says_which_file_and_where_it_is(name, said, opro):
    for words in (("--dry-run",), ()):
        done = opro("run-opro", "-p", name, "--model", "local", *words)
        assert done.exit_code == 2
        assert said in done.stderr
        assert "--data" in done.stderr
        assert done.stderr.count("\n") == 2  # one sentence, one hint


def test_all_are_listed_without_their_data(opro):
    listed = opro("presets").stdout
    for name in ("instructions", "gsm8k", "gsm8k-paper", "bbh", *GENERATORS):
        assert f"\n{name} " in f"\n{listed}"
    assert "cannot be used" not in listed


def test_data_of_the_command_line_are_seen_from_the_current_folder(opro, tmp_path):
    presets, elsewhere = tmp_path / "presets", tmp_path / "elsewhere"
    for folder in (presets, elsewhere):
        folder.mkdir()
    write_reviews(presets / "reviews.jsonl", 40)
    write_reviews(Path("reviews.jsonl"), 80)
    text = "problem: {kind: instructions, data: reviews.jsonl, question: text, answer: label, "
    text += "metric: label, split: {train: 10, dev: 10, test: null}}\n"
    (presets / "mine.yaml").write_text(text)

    def sizes(*words):
        done = opro("run-opro", "-p", "presets/mine.yaml", "--dry-run", "--json", *words)
        return json.loads(done.stdout)["data"]["data"]

    assert "10 train, 10 dev, 20 test" in sizes()  # beside the preset, first
    assert "10 train, 10 dev, 60 test" in sizes("--data", "reviews.jsonl")
    (presets / "reviews.jsonl").unlink()
    assert "10 train, 10 dev, 60 test" in sizes()  # then in the current folder
    write_bbh(Path("tasks"), ["navigate"], 50)
    words = ("--data", "tasks/{task}.json", "--question", "input", "--answer", "target")
    assert "30 test" in sizes(*words, "--target", "task=navigate")


def test_both_published_forms_of_gsm8k_are_read():
    write_gsm8k(Path())
    found = make("gsm8k", ["opro"], dry=True).specs[0].build_problem()
    assert (len(found.train), len(found.dev), len(found.test)) == (50, 50, 200)
    assert all(example.target.replace(",", "").isdigit() for example in found.test)
    assert all("In train" in e.question for e in (*found.train, *found.dev))
    assert all("In test" in e.question for e in found.test)
    write_gsm8k_tsv(Path())
    flags = {"data": "gsm_{split}.tsv", "question": "0", "answer": "1"}
    plan = make("gsm8k", ["opro"], dry=True, flags=flags, settings=['problem.after=""'])
    assert all(e.target.isdigit() for e in plan.specs[0].build_problem().train)


def test_gsm8k_paper_has_the_numbers_of_the_paper():
    base = resolve("gsm8k-paper").base
    opro, problem = base.sections["opro"], base.problem
    assert (problem.split.train, problem.split.dev, problem.split.test) == (261, 0, None)
    assert (base.general.max_steps, opro.points_per_step, opro.max_num_pairs) == (200, 8, 20)
    assert (opro.exemplars, opro.temperature, opro.strategy) == (3, 1.0, "paper")
    assert (problem.max_chars, problem.digits, problem.metric) == (500, False, "number")


@pytest.mark.parametrize("target", BBH.problem.targets, ids=lambda target: target["task"])
def test_each_task_of_bbh_has_a_metric_that_fits_its_answers(target):
    task = target["task"]
    write_bbh(Path("BIG-Bench-Hard-data"), [task])
    (spec,) = make("bbh", ["opro"], dry=True, targets=[f"task={task}"]).specs
    problem = spec.build_problem()
    expected = {"T": "label", "F": "label"}
    first = bbh_target(task, 0)
    if first.startswith("("):
        assert problem.metric.name == "choice"
    elif first.lstrip("-").isdigit():
        assert problem.metric.name == "number"
    else:
        assert problem.metric.name in (*expected.values(), "exact")
    assert problem.self_check().majority_share < 0.6
    assert len(problem.test) == 46


def test_the_metric_of_a_task_counts_not_that_of_the_preset():
    write_all_bbh(Path("BIG-Bench-Hard-data"))
    specs = make("bbh", ["opro"], dry=True).specs
    names = {spec.target["task"]: spec.build_problem().metric.name for spec in specs}
    assert len(names) == 23
    assert names["object_counting"] == "number"
    assert names["formal_fallacies"] == "label"
    assert names["word_sorting"] == "exact"
    assert names["snarks"] == "choice"


def test_the_few_rows_that_nothing_can_answer_are_left_out_and_said():
    write_bbh(Path("BIG-Bench-Hard-data"), ["snarks"])
    path = Path("BIG-Bench-Hard-data/snarks.json")
    data = json.loads(path.read_text())
    data["examples"][7]["target"] = "Monsters, Inc"
    path.write_text(json.dumps(data))
    plan = make("bbh", ["opro"], dry=True, targets=["task=snarks"])
    assert "task=snarks: Row 7 is left out: no reply can be right for its answer." in plan.notices
    problem = plan.specs[0].build_problem()
    numbers = {e.number for e in (*problem.train, *problem.dev, *problem.test)}
    assert 7 not in numbers
    assert len(numbers) == 145


def published(plan):
    return [row for spec in plan.specs for row in spec.published]


def test_published_tables_stand_beside_the_data_of_the_user_and_go_with_other_settings():
    write_gsm8k(Path())
    rows = published(make("gsm8k", ["opro"], dry=True))
    assert {"test": 80.2}.items() <= rows[0].items()
    assert rows[0]["instruction"].startswith("Take a deep breath")
    assert "chosen on the test" in rows[0]["footnote"]
    write_gsm8k_tsv(Path())
    flags = {"data": "gsm_{split}.tsv", "question": "0", "answer": "1", "scorer": "openai:x"}
    elsewhere = make("gsm8k", ["opro"], dry=True, flags=flags, settings=['problem.after=""'])
    assert published(elsewhere) == rows
    assert not published(make("gsm8k", ["opro"], dry=True, settings=["problem.position=after"]))
    (fixed,) = make("gsm8k", ["fixed"], dry=True).specs
    assert [row["test"] for row in fixed.published[:4]] == [71.8, 58.8, 60.8, 34.0]


def test_table_7_is_complete_but_for_the_cells_that_cannot_be_right():
    tables = BBH.general.published
    cells = {(t.model, row.target["task"]): row for t in tables for row in t.rows}
    assert len(cells) == 8 * 23 - 4
    left_out = {
        ("PaLM 2-L, optimizer PaLM 2-L-IT", "causal_judgement"),
        ("PaLM 2-L, optimizer PaLM 2-L-IT", "formal_fallacies"),
        ("text-bison, no instruction", "snarks"),
        ("text-bison, no instruction", "web_of_lies"),
    }
    assert not left_out & set(cells)
    sizes = {"causal_judgement": (37, 150), "penguins_in_a_table": (29, 117), "snarks": (35, 143)}
    for (_, task), row in cells.items():
        train, test = sizes.get(task, (50, 200))
        mean = (train * row.train + test * row.test) / (train + test)
        assert abs(mean - row.overall) < 0.11, (task, mean, row.overall)


@pytest.mark.parametrize("name", [*GENERATORS])
def test_a_generated_preset_is_as_its_generator_says(name):
    base, generator = resolve(name).base, GENERATORS[name]
    problem = base.problem
    assert problem.generated == name
    assert problem.metric == generator.metric
    assert problem.scorer.max_output_tokens == generator.max_output_tokens
    assert problem.labels == generator.labels
    assert "models" in base.general.description
    (spec,) = make(name, ["opro"], dry=True).specs
    found = spec.build_problem()
    assert len(found.train) >= 20
    assert len(found.dev) >= 20
    assert len(found.test) >= 60
    assert found.self_check().majority_share < 0.7


TINY = """
problem: {{kind: instructions, data: reviews.jsonl, question: text, answer: label, metric: {metric},
  split: {{train: 20, dev: 20, test: 20}}}}
"""


def test_a_metric_that_can_be_gamed_is_an_error_of_a_dry_plan_too():
    rows = [{"text": f"q{n}", "label": ("valid", "invalid")[n % 2]} for n in range(60)]
    rows += [{"text": f"r{n}", "label": "in valid"} for n in range(3)]
    Path("reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    error = refused(TINY.format(metric="contains"))
    assert "can be gamed" in error.message


def test_warnings_of_the_self_check_are_notices_of_the_plan():
    write_reviews(Path("reviews.jsonl"))
    rows = [{"text": f"q{n}", "label": "good"} for n in range(60)]
    Path("reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = planned(TINY.format(metric="exact"), "opro")
    assert any("All 20 training examples have the answer 'good'" in n for n in plan.notices)


def test_a_cap_on_cost_needs_the_prices_of_both_models():
    write_reviews(Path("reviews.jsonl"))
    prices = ["opro.price_input=1", "opro.price_output=1", "opro.model=openai:a"]
    prices += ["problem.scorer.model=openai:b"]
    urls = [f"{key}.base_url=http://127.0.0.1:9/v1" for key in ("opro", "problem.scorer")]
    given = {"flags": {"max_cost": "2"}, "settings": prices + urls}
    error = refused(TINY.format(metric="label"), dry=True, **given)
    assert "the price of openai:b is unknown" in error.message
    assert "problem.scorer.price_input and problem.scorer.price_output" in error.hint


def test_all_that_is_tested_at_the_end_is_held_back():
    write_reviews(Path("reviews.jsonl"))
    for starts, tested in (('["", "b"]', 4), ('["a", "b"]', 5)):
        settings = [f"problem.starts={starts}"]
        plan = planned(TINY.format(metric="label"), "opro", settings=settings)
        # Two controls, the start, the best by train, and the one that dev chooses.
        assert plan.specs[0].build_problem().final_evaluations == 4 * 20 + tested * 20


def test_every_preset_without_data_is_prepared_by_the_tests():
    assert set(PREPARED) == {"bbh", "gsm8k", "gsm8k-paper", "instructions"}
    assert OWN
