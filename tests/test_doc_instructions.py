"""Every command on the page about instructions is run, with other models in the place of theirs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from opro_cli.problems.instructions.metrics import METRICS
from tests.datasets import write_all_bbh, write_gsm8k, write_reviews
from tests.loopback import Answer, Asked, Loopback, chat
from tests.test_docs import write_files

PAGE = (Path(__file__).parent.parent / "docs" / "instructions.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
PRICES = [
    f"{section}.price_{way}=1"
    for section in ("opro", "problem.scorer")
    for way in ("input", "output")
]


def options_for(words: list[str]) -> list[str]:
    """What is added to a command: models of the loopback server, and a short search."""
    if words[0] == "resume":
        return ["--max-calls", "100000"]
    if words[0] not in ("run-opro", "run-baseline"):
        return []
    more = ["--scorer", "openai:scorer", "--max-steps", "1"]
    more += ["--model", "openai:optimizer"] if words[0] == "run-opro" else []
    sizes = "{train: 6, dev: 6, test: 8}"
    if not any(name in words for name in ("bbh", "gsm8k", "gsm8k-paper")):
        more += ["--set", f"problem.split={sizes}"]
    for setting in (*PRICES, "opro.points_per_step=2") if words[0] == "run-opro" else ():
        more += ["--set", setting]
    return more


def answer(asked: Asked) -> Answer:
    """As an optimizer, another instruction each time; as a scorer, always the same word."""
    if asked.body["model"] == "optimizer":
        answer.count = getattr(answer, "count", 0) + 1  # type: ignore[attr-defined]
        letters = "".join(chr(97 + int(digit)) for digit in str(answer.count))  # type: ignore[attr-defined]
        return chat(f"<INS>Answer with the word {letters}.</INS>", model="optimizer")
    return chat("good", model="scorer")


def test_the_commands_on_the_page_work_one_after_the_other(opro, monkeypatch):
    write_reviews(Path("reviews.jsonl"))
    write_all_bbh(Path("BIG-Bench-Hard-data"))
    write_gsm8k(Path())
    write_files("instructions.md")
    assert len(COMMANDS) > 10
    with Loopback(answer).serving() as url:
        monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        for command in COMMANDS:
            program, *words = shlex.split(command)
            assert program == "opro"
            if words == ["resume"]:
                stopped = shlex.split(COMMANDS[5])[1:]
                capped = opro(*stopped, *options_for(stopped), "--fresh", "--max-calls", "10")
                assert "stopped" in capped.stderr
            done = opro(*words, *options_for(words))
            assert done.exit_code == 0, (command, done.output)
            if "--dry-run" in words:
                assert "Nothing was started." in done.stdout


@pytest.mark.parametrize("name", [*METRICS])
def test_every_metric_is_in_the_table(name):
    assert f"\n| `{name}` |" in PAGE
