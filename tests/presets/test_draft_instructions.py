"""The preset that is written for a data file: columns, metric, sizes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.presets import strict_yaml
from opro_cli.presets.drafts.instructions import draft_instructions
from tests.datasets import write_bbh, write_gsm8k, write_gsm8k_tsv, write_reviews


def problem_of(name: str, **columns: str) -> dict:
    return strict_yaml.load(draft_instructions(name, Path(), **columns).text)["problem"]


def write_rows(name: str, rows: list) -> str:
    lines = [",".join(map(str, row)) for row in rows] if name.endswith(".csv") else rows
    text = [json.dumps(row) for row in lines] if name.endswith("l") else lines
    Path(name).write_text("\n".join(text) + "\n")
    return name


def test_reviews_are_sorted_by_labels():
    write_reviews(Path("reviews.jsonl"))
    found = problem_of("reviews.jsonl")
    assert (found["question"], found["answer"], found["metric"]) == ("text", "label", "label")
    assert found["split"] == {"train": 50, "dev": 50, "test": 100}


@pytest.mark.parametrize("write", [write_gsm8k, write_gsm8k_tsv])
def test_published_numbers_are_read_as_published(write):
    write(Path(), train=400)
    (path,) = Path().glob("*train*")
    found = problem_of(path.name)
    assert found["metric"] == "number"
    assert found.get("after", "") == ("####" if path.suffix == ".jsonl" else "")
    assert found["split"] == {"train": 50, "dev": 50, "test": 200}


@pytest.mark.parametrize(
    ("task", "metric"), [("navigate", "label"), ("penguins_in_a_table", "choice")]
)
def test_published_tasks_are_read_as_published(task, metric):
    write_bbh(Path("bbh"), [task], 60)
    found = problem_of(f"bbh/{task}.json")
    assert (found["question"], found["answer"], found["metric"]) == ("input", "target", metric)
    assert found["data"] == f"bbh/{task}.json"


def test_options_in_columns_without_a_header_are_found_by_their_place():
    rows = [[f"What is {n}?", *(f"{c}{n}" for c in "abcd"), "ABCD"[n % 4]] for n in range(40)]
    found = problem_of(write_rows("mmlu.csv", rows))
    assert (found["question"], found["answer"]) == (0, 5)
    assert (found["choices"], found["metric"]) == ([1, 2, 3, 4], "choice")


def test_options_in_a_list_are_found_by_their_name():
    rows = [
        {"question": f"Which {n}?", "options": [f"A){n}", f"B){n + 1}"], "correct": "AB"[n % 2]}
        for n in range(40)
    ]
    found = problem_of(write_rows("aqua.jsonl", rows))
    assert (found["choices"], found["metric"]) == (["options"], "choice")


def test_a_context_stands_before_its_question():
    rows = [
        {"context": f"Text {n}.", "question": f"Which {n}?", "answer": f"thing {n}"}
        for n in range(40)
    ]
    found = problem_of(write_rows("squad.jsonl", rows))
    assert (found["question"], found["metric"]) == ("{context}\n\n{question}", "exact")


def test_objects_are_graded_field_by_field():
    rows = [
        {"input": f"Order {n}", "output": json.dumps({"item": f"x{n}", "n": n})} for n in range(40)
    ]
    assert problem_of(write_rows("orders.jsonl", rows))["metric"] == "json"


def test_columns_of_any_name_are_told_by_their_texts_and_said():
    rows = [["foo", "bar"], *([f"a long line {n} with words", "red"[n % 2 :]] for n in range(30))]
    name = write_rows("odd.csv", rows)
    draft = draft_instructions(name, Path())
    assert "the columns foo and bar" in draft.notes[0]
    told = draft_instructions(name, Path(), "foo", "bar")
    assert not told.notes and told.text == draft.text


def test_long_answers_come_with_a_warning():
    rows = [{"input": f"Topic {n}", "output": f"word{n} " * 40} for n in range(30)]
    draft = draft_instructions(write_rows("long.jsonl", rows), Path())
    assert "The answers are long" in draft.notes[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"one": f"text {n}"} for n in range(30)], "no column looks like the question"),
        ([{"question": f"q{n}", "answer": "a"} for n in range(5)], "5 different questions"),
        ([{"question": "same?", "answer": "a"}] * 40, "1 different question,"),
        ([{"a": n, "b": n} for n in range(30)], "no column looks like the question"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(rows, said):
    with pytest.raises(UsageError) as caught:
        problem_of(write_rows("data.jsonl", rows))
    assert said in caught.value.message and caught.value.hint


def test_a_pattern_is_no_file():
    with pytest.raises(UsageError, match="not a pattern"):
        problem_of("{task}.json")
