"""A dry run of instructions: what is printed, that it adds up, and that nothing is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.datasets import OWN, write_all_bbh, write_reviews
from tests.loopback import Loopback

PRICES = (
    "--set", "opro.price_input=1", "--set", "opro.price_output=2",
    "--set", "problem.scorer.price_input=1", "--set", "problem.scorer.price_output=2",
)  # fmt: skip


@pytest.fixture
def never(monkeypatch):
    """A server that must not be asked."""
    server = Loopback(lambda asked: pytest.fail("a dry run asked a model"))
    with server.serving() as url:
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        yield ("--model", "openai:a", "--scorer", "openai:b")


def test_it_fits_a_screen_and_says_all_there_is_to_know_before(opro, never):
    write_reviews(Path("reviews.jsonl"))
    done = opro("run-opro", "-p", "instructions", *OWN, *never, *PRICES, "--dry-run")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) <= 25
    assert "50 train, 50 dev, 100 test" in done.stdout
    assert "floor           68 %: always 'good', the most frequent answer of train" in done.stdout
    assert "100 test examples can show a gain of 12.5 points or more" in done.stdout
    assert [line.split()[0] for line in lines if " calls " in line] == ["optimizer", "scorer"]
    assert "total cost" in done.stdout
    assert lines[-1] == "Nothing was started."
    assert not Path("runs").exists()


def test_the_numbers_add_up(opro, never):
    write_reviews(Path("reviews.jsonl"))
    words = ("--set", "max_steps=3", "--set", "opro.points_per_step=4", *PRICES, "--json")
    done = opro("run-opro", "-p", "instructions", *OWN, *never, *words, "--dry-run")
    found = json.loads(done.stdout)
    roles, total = found["total"]["roles"], found["total"]
    scorer = roles["scorer"]
    # Two starts and three steps of four, on 50; four finalists on 50; the chosen one, the start
    # and two controls on 100.
    assert scorer["calls"] == [(2 + 12) * 50 + 4 * 50 + 4 * 100] * 3
    assert scorer["tokens"]["output"][2] == scorer["calls"][2] * 256
    for role in roles.values():
        for column in range(3):
            tokens = role["tokens"]
            dollars = (tokens["input"][column] + 2 * tokens["output"][column]) / 1e6
            assert role["cost"][column] == pytest.approx(dollars, abs=2e-6)
    both = [roles["optimizer"], roles["scorer"]]
    assert total["calls"] == [sum(role["calls"][i] for role in both) for i in range(3)]
    assert total["cost"] == pytest.approx([sum(role["cost"][i] for role in both) for i in range(3)])
    # From two and a half to four and a half characters a token, of the questions in the file.
    mean = sum(len(f"Review number {n}") for n in range(200)) / 200
    per_call = [
        tokens / calls
        for tokens, calls in zip(scorer["tokens"]["input"], scorer["calls"], strict=True)
    ]
    assert per_call[0] == pytest.approx(mean / 4.5, rel=0.01)
    assert per_call[2] == pytest.approx((mean + 500) / 2.5, rel=0.01)
    assert per_call == sorted(per_call)


def test_a_baseline_counts_its_own_instructions(opro, never):
    write_reviews(Path("reviews.jsonl"))
    words = ("-O", "fixed", "-p", "instructions", *OWN, "--scorer", "openai:b")
    found = json.loads(opro("run-baseline", *words, "--dry-run", "--json").stdout)
    # Two starting instructions, one of which is among the six.
    assert found["total"]["roles"]["scorer"]["calls"] == [(2 + 5) * 50 + 4 * 50 + 4 * 100] * 3
    text = opro("run-baseline", *words, "--dry-run").stdout
    assert "6 points and the starts" in text
    assert "unknown: no price is known for openai:b" in text


def test_many_tasks_are_shortened(opro, never):
    write_all_bbh(Path("BIG-Bench-Hard-data"))
    done = opro("sweep", "bbh", *never, "--dry-run")
    assert len(done.stdout.splitlines()) <= 25
    assert "opro with openai:a: 23 runs" in done.stdout
    assert "19 more tasks" in done.stdout


def test_the_answer_comes_first_for_every_problem(opro):
    done = opro("run-opro", "-p", "quickstart", "--model", "local", "--dry-run")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("quickstart: 3 runs, about ")
    assert "$0 (local model)." in " ".join(lines[:2])
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80
    parts = [line.split() for line in lines]
    assert ["optimizer", "calls", "225", "4388", "45.0k", "local"] in parts
