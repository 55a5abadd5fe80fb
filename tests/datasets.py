"""Files in the form of published data sets, with other questions in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

LABELS = {
    "boolean_expressions": ("True", "False"),
    "formal_fallacies": ("valid", "invalid"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
    "causal_judgement": ("Yes", "No"),
    "navigate": ("Yes", "No"),
}
"""The answers of the tasks of BIG-Bench Hard that have two."""


def bbh_target(task: str, number: int) -> str:
    """An answer in the form of a task."""
    if task in LABELS:
        return LABELS[task][number % 2]
    if task in ("object_counting", "multistep_arithmetic_two"):
        return str(number % 13 - 4)
    if task == "word_sorting":
        return f"apple pear{number} plum"
    if task == "dyck_languages":
        return "] )" if number % 2 else f"{'} ' * (number % 5 + 1)}>".strip()
    return f"({'ABC'[number % 3]})"


def write_bbh(folder: Path, tasks: list[str], count: int = 146) -> None:
    """``{task}.json`` for each task; 146 is the size of the smallest."""
    folder.mkdir(exist_ok=True)
    for task in tasks:
        options = "\nOptions:\n(A) one\n(B) two\n(C) three" if bbh_target(task, 0)[0] == "(" else ""
        rows = [
            {"input": f"{task} question {n}?{options}", "target": bbh_target(task, n)}
            for n in range(count)
        ]
        (folder / f"{task}.json").write_text(json.dumps({"canary": "none", "examples": rows}))


def write_gsm8k(folder: Path, train: int = 400, test: int = 250) -> None:
    """``train.jsonl`` and ``test.jsonl`` as they are published."""
    for name, count in (("train", train), ("test", test)):
        rows = [
            {
                "question": f"In {name} {n}, Ann has {n} apples and gets {n % 7}. How many?",
                "answer": f"She has {n}+{n % 7}=<<{n}+{n % 7}={n + n % 7}>>.\n#### {n + n % 7:,}",
            }
            for n in range(count)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_gsm8k_tsv(folder: Path, train: int = 400, test: int = 250) -> None:
    """``gsm_train.tsv`` and ``gsm_test.tsv`` as google-deepmind/opro has them."""
    for name, count in (("train", train), ("test", test)):
        lines = [f"In {name} {n}, how many?\t{n}\tb'...\\n#### {n}'\n" for n in range(count)]
        (folder / f"gsm_{name}.tsv").write_text("".join(lines))


def write_reviews(path: Path, count: int = 200) -> None:
    """A file of one's own."""
    rows = [
        {"text": f"Review number {n}", "label": ("good", "bad")[n % 3 == 0]} for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


OWN = ("--data", "reviews.jsonl", "--question", "text", "--answer", "label", "--metric", "label")

PREPARED: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {
    "bbh": (lambda: write_all_bbh(Path("BIG-Bench-Hard-data")), ()),
    "gsm8k": (lambda: write_gsm8k(Path()), ()),
    "gsm8k-paper": (lambda: write_gsm8k(Path()), ()),
    "instructions": (lambda: write_reviews(Path("reviews.jsonl")), OWN),
}
"""Of the presets without data: what writes some into the current folder, and the options."""


def write_all_bbh(folder: Path) -> None:
    """All tasks of the preset ``bbh``."""
    from opro_cli.presets.resolve import resolve

    write_bbh(folder, [str(target["task"]) for target in resolve("bbh").base.problem.targets])
