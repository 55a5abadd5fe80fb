"""A first preset for a data file: its columns, a metric for its answers, and the split."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean, plural
from opro_cli.presets.drafts.columns import find_columns, has_header
from opro_cli.presets.drafts.objective import Drafted
from opro_cli.presets.drafts.text import checked, line, section
from opro_cli.problems.instructions.choice_metric import options_of
from opro_cli.problems.instructions.data import Columns, Example, load
from opro_cli.problems.instructions.files import read_file
from opro_cli.problems.instructions.metrics import MOST_LABELS
from opro_cli.problems.instructions.rows import is_number, read_rows
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.problems.instructions.split import Sizes, split_examples

EXAMPLE = "as in `opro init --prompt reviews.jsonl`"

FEWEST = 8
"""Different questions that are needed."""

LONG_ANSWER = 100
"""Characters of an answer that no reply repeats exactly."""

FEW = 5
"""Different numbers up to which they are taken for names, such as 0 and 1."""

MARK = "####"
"""Stands before the answer proper in GSM8K."""

FULL = {"train": 50, "dev": 50, "test": 200}
"""Examples that are used of a large file."""


def draft_instructions(data: str, folder: Path, question: str = "", answer: str = "") -> Drafted:
    """A preset for a data file, to be saved in a folder.

    Args:
        data: the file, seen from the current folder.
        folder: where the preset will be.
        question: the column of the question, or a template; empty to find it.
        answer: the column of the answer; empty to find it.

    Raises:
        UsageError: the file cannot be read, or does not hold questions with answers.
    """
    shown = clean(data, 200)
    if "{" in data:
        raise UsageError(
            f"{shown}: a file is wanted, not a pattern.",
            "name one of the files, and write {task} or {split} into the preset afterwards",
        )
    contents, _, _ = read_file(data)
    rows = read_rows(contents, data, header=False)
    table = data.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    if table and has_header(rows):
        rows = read_rows(contents, data, header=True)
    found = find_columns(rows, data, question, answer)
    examples = load(data, found.columns).examples
    after = MARK if all(MARK in example.target for example in examples) else ""
    if after:
        examples = load(data, found.columns, after).examples
    unique = len(examples) - _repeated(examples)
    if unique < FEWEST:
        raise UsageError(
            f"{shown} has {plural(unique, 'different question')}, and at least {FEWEST} are "
            "needed: for the search, for the choice and for the test.",
            "add questions with their answers",
        )
    path = _seen_from(Path(data), folder)
    problem: dict[str, Any] = {"data": path, **_columns(found.columns)}
    problem |= {"after": after} if after else {}
    problem["split"] = _sizes(unique)
    metric = _metric(problem, examples, folder)
    notes = [found.guessed] if found.guessed else []
    mean = sum(len(example.target) for example in examples) / len(examples)
    if metric == "exact" and mean > LONG_ANSWER:
        notes.append(
            "The answers are long: hardly a reply repeats them exactly. Write a metric of your "
            "own, as in metric: mine.py:right (docs/instructions.md)."
        )
    text = _write(shown, {**problem, "metric": metric}, examples)
    checked(text, folder, EXAMPLE)
    summary = f"{plural(unique, 'question')} of {shown}, with the metric {metric}"
    return Drafted(text, summary, tuple(notes))


def _repeated(examples: Sequence[Example]) -> int:
    return split_examples(examples, Sizes(0, 0, None), 0, stratified=False).repeated


def _seen_from(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:  # another drive
        return str(path.absolute())


def _columns(columns: Columns) -> dict[str, Any]:
    def plain(column: str | int) -> str | int:
        return int(column) if is_number(str(column)) else column

    found: dict[str, Any] = {"question": plain(columns.question), "answer": plain(columns.answer)}
    return {**found, "choices": [*map(plain, columns.choices)]} if columns.choices else found


def _sizes(unique: int) -> dict[str, int]:
    """Numbers for a large file; a quarter, a quarter and the rest of a small one."""
    part = min(FULL["train"], unique // 4)
    return {"train": part, "dev": part, "test": min(FULL["test"], unique - 2 * part)}


def _metric(problem: dict[str, Any], examples: Sequence[Example], folder: Path) -> str:
    """The strictest metric that fits the answers and passes its own check. Raises UsageError."""
    first: UsageError | None = None
    for name in dict.fromkeys([*_metrics(examples), "exact"]):
        try:
            settings = InstructionsSettings.model_validate(
                {"kind": "instructions", **problem, "metric": name}
            )
            settings.located(str(folder.absolute())).check(1, dry=True)
        except UsageError as error:
            first = first or error
            continue
        return name
    if first is None:
        raise UsageError("There is no metric for these answers.", EXAMPLE)
    raise first


def _metrics(examples: Sequence[Example]) -> Iterator[str]:
    """The metrics that these answers suggest, the best first."""
    answers = [example.target for example in examples]
    distinct = len({answer.casefold() for answer in answers})
    few = distinct <= min(MOST_LABELS, len(answers) // 3)
    short = all(len(answer) <= 40 and len(answer.split()) <= 4 for answer in answers)
    numbers = all(map(_is_number, answers))
    if all(example.choices or options_of(example) for example in examples):
        yield "choice"
    if all(map(_is_object, answers)):
        yield "json"
    if numbers and distinct > FEW:
        yield "number"
    if few and short:
        yield "label"
    if numbers:
        yield "number"


def _is_object(answer: str) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except (ValueError, RecursionError):
        return False


def _is_number(answer: str) -> bool:
    return re.fullmatch(r"[-+]?\$?[0-9][0-9,]*(\.[0-9]+)?%?", answer.strip()) is not None


COMMENTS = {
    "data": "looked for beside this file",
    "question": 'a column, or several, as in "{context}\\n{question}"',
    "answer": "the column of the right answer",
    "choices": "the columns of the options, or one with a list of them",
    "after": "only what follows this in the answer counts",
    "metric": "exact, label, choice, number, json, regex, contains, or FILE.py:NAME",
    "split": "to search, to choose among the best, to test at the end",
}


def _write(shown: str, problem: dict[str, Any], examples: Sequence[Example]) -> str:
    order = ("data", "question", "answer", "choices", "after", "metric", "split")
    body = ["kind: instructions"]
    for key in order:
        if key in problem:
            body += line(key, problem[key], COMMENTS[key])
    told = "what the model that writes instructions is told of the task"
    scorer = "the model that answers the questions, as in gemini-2.5-flash-lite or local:NAME"
    body += [
        f"# description: to sort reviews into good and bad  # {told}",
        'starts: ["", "Let\'s think step by step."]  # instructions to begin with',
        f"scorer:  # {scorer}",
        *("  " + part for part in line("model", "auto")),
        *("  " + part for part in line("max_output_tokens", 256, "of an answer")),
    ]
    opro = [
        "# model: gemini-3.5-flash  # the model that writes instructions; or --model",
        *line("points_per_step", 8, "instructions a step"),
    ]
    lines = [
        f"# Written by `opro init --prompt {shown}` from {plural(len(examples), 'row')} of it.",
        "# Look at question, answer and metric before you start; check it with `opro check`.",
        "# All settings: docs/presets.md.",
        *line("title", f"Instructions for {Path(shown).name}"),
        *section("problem", body),
        *section("opro", opro),
        "",
        *line("baselines", ["fixed"], "what `opro sweep` compares with: a few usual instructions"),
        *line("max_steps", 20),
    ]
    return "\n".join(lines) + "\n"
