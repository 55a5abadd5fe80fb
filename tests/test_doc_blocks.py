"""Every command and every snippet in the documentation runs, in the order of its page.

A block that no test runs says so in its page: ``<!-- not run: reason -->`` before it.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opro_cli.cli.app import app
from tests.datasets import write_all_bbh, write_gsm8k, write_reviews
from tests.loopback import Answer, Asked, Loopback, gemini
from tests.pages import PAGES, ROOT, Block, blocks, write_files

DRY = ("--dry-run",)
SMALL = ("--max-steps", "1")
FEW = ("--set", "problem.split={train: 6, dev: 6, test: 8}")
SCORED = ("--scorer", "gemini-2.5-flash-lite", *FEW, *SMALL)
HOSTED = ("--model", "gemini-3.5-flash", *SCORED, "--set", "opro.points_per_step=2")

ADDED: list[tuple[str, tuple[str, ...]]] = [
    (r"--dry-run", ()),
    (r"--shard", ("--reps", "1", *SMALL)),
    (r"--executor", DRY),  # of a cluster that is not here
    (r"^check (my|reviews)\.yaml", ("--model", "local")),
    # Minutes: the embedded models, and all repetitions of a long preset.
    (r"^(run-opro|sweep|compare) .*--model local", DRY),
    (r"^(run-opro|run-baseline) .*custom-example", DRY),
    # A short run: with Gemini on the loopback interface, where a model is needed.
    (r"^run-opro .*(dates|reviews)", HOSTED),
    (r"^run-baseline .*reviews", SCORED),
    (r"^run-baseline .*baselines\.yaml", ("--target", "w=15,b=14", "--reps", "1", *SMALL)),
    (r"^sweep exp1 ", ("--reps", "1", "--target", "w=15,b=14", *SMALL)),
    (r"^run-(opro|baseline) .*exp1", ("--target", "w=15,b=14", *SMALL)),
    (r"^(run-opro|run-baseline|sweep|compare) ", SMALL),
    (r"^resume", ("--max-calls", "1000")),
    (r"^runs rm", ("--yes",)),
]
"""What is added to a command: of the first pattern that its line matches."""

BEFORE = [
    "run-baseline exp3 -O random -O cma-es --max-steps 3",
    "run-baseline functions -O random -O local-search --max-steps 2",
    "run-sgd exp1 --target w=15,b=14",
    "run-opro exp1 --target w=15,b=14 --reps 1 --max-steps 3",
]
"""Runs that a reader has when a page begins."""


class Gemini:
    """As an optimizer, another solution each time; as a scorer, always the same label."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, asked: Asked) -> Answer:
        self.count += 1
        model = asked.path.rpartition("/")[2].partition(":")[0]
        config = asked.body["generationConfig"]
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        text = asked.body["contents"][0]["parts"][0]["text"]
        if schema is None:
            word = "".join(chr(97 + int(digit)) for digit in str(self.count))
            said = f"<INS>Say the {word}.</INS>" if "<INS>" in text else "good"
            return gemini(said, model=model)
        names = schema["properties"]["solution"]["properties"]
        found = {name: self.value(part) for name, part in names.items()}
        return gemini(json.dumps({"reasoning": "", "solution": found}), model=model)

    def value(self, schema: dict[str, Any]) -> Any:
        """A value that a schema allows, another one for each answer."""
        if "enum" in schema:
            return schema["enum"][self.count % len(schema["enum"])]
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        part = low + (high - low) * (self.count * 0.618 % 1)
        return int(part) if schema["type"] == "integer" else float(f"{part:.3g}")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a reader has when a page begins: data, a function, some runs."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch, Loopback(Gemini()).serving() as url:
        patch.chdir(folder)
        patch.setenv("GEMINI_API_KEY", "k")
        patch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        write_files(ROOT / "docs" / "custom-objective.md")
        write_reviews(Path("reviews.jsonl"))
        write_all_bbh(Path("BIG-Bench-Hard-data"))
        write_gsm8k(Path())
        Path("berlin.csv").write_text("name,x,y\nA,0,0\nB,3,4\nC,6,1\nD,2,9\nE,7,7\n")
        Path("benchmarks").mkdir()
        shutil.copy(ROOT / "benchmarks" / "baselines.yaml", "benchmarks")
        for line in BEFORE:
            done = CliRunner().invoke(app, [*line.split(), "--display", "none"])
            assert done.exit_code == 0, done.output
    return folder


RUN = [
    page
    for page in PAGES
    if any(b.commands or (b.language == "python" and not b.file) for b in blocks(page))
]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_every_block_of_the_page_runs(page, begun, opro, serve, capsys, monkeypatch):
    serve(Gemini())
    monkeypatch.setenv("OPRO_DISPLAY", "none")
    shutil.copytree(begun, ".", dirs_exist_ok=True)
    write_files(page)
    oldest = min(Path("runs").glob("2*")).name
    space: dict[str, Any] = {}
    for block, after in pairwise([*blocks(page), Block("", "")]):
        if block.not_run:
            continue
        for words in block.commands:
            run_command(words, opro, oldest)
        if block.language == "python" and not block.file:
            code = block.text.replace('model="local"', 'model="gemini-3.5-flash-lite"')
            exec(compile(code, page.name, "exec"), space)
            said = capsys.readouterr().out
            assert "False" not in said, block.text
            if after.language == "text":
                assert said == after.text, block.text


def expanded(word: str) -> list[str]:
    """As a shell does it."""
    return sorted(str(path) for path in Path().glob(word)) if "*" in word else [word]


def run_command(words: list[str], opro: Any, oldest: str) -> None:
    """Run a command of a page; where it names a server or a run, one that is there."""
    line = " ".join(words)
    options = next((options for pattern, options in ADDED if re.search(pattern, line)), ())
    words = [name for word in words for name in expanded(word)]
    words = ["exp1" if word == "NAME" else word for word in words]
    words = [oldest if re.fullmatch(r"\d{8}-\d{6}", word) else word for word in words]
    if words[0] == "resume":
        stopped = opro(*BEFORE[-1].split(), "--fresh", "--max-calls", "5")
        assert stopped.exit_code == 3, stopped.output
    done = opro(*words, *options)
    assert done.exit_code == 0, f"{line} {options}\n{done.output}"


def test_every_block_of_commands_is_one_that_is_run():
    """No other fence holds commands, and no comment of a block that is not run is without it."""
    for page in PAGES:
        found = blocks(page)
        languages = {block.language for block in found}
        assert languages <= {"console", "python", "yaml", "text", "toml", "sh", ""}, page.name
        assert page.read_text().count("<!-- not run") == sum(bool(b.not_run) for b in found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_extra_that_is_named_is_there(page):
    from tomllib import loads

    extras = loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"'(?:\.|opro-cli)\[([\w,-]+)\]'", page.read_text())
    assert {extra for names in named for extra in names.split(",")} <= set(extras)
