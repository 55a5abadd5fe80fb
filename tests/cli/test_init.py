"""From a function or a data file to a preset that runs as it is; presets shown and copied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.presets.files import available, folders
from tests.datasets import write_reviews
from tests.loopback import gemini

MY = '''"""Prints and leaves a mark when it is imported."""
from pathlib import Path
Path("imported").touch()


def loss(lr: float = 1e-3, n: int = 5) -> float:
    """Distance from a good learning rate."""
    return abs(lr - 0.02) + n
'''


@pytest.fixture
def my() -> Path:
    path = Path("my.py")
    path.write_text(MY)
    return path


def test_a_function_becomes_a_preset_that_runs_as_it_is(my, opro):
    begun = opro("init", "my.py:loss")
    assert begun.exit_code == 0 and begun.stdout == ""
    for said in ("my.yaml: loss of my.py", "opro check my.yaml", "opro run-opro my.yaml"):
        assert said in begun.stderr
    assert not Path("imported").exists()
    done = opro("run-baseline", "-O", "random", "-p", "my.yaml", "--max-steps", "1", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["evaluations"] >= 6
    assert Path("imported").exists()


def test_a_file_that_is_there_is_replaced_only_with_force(my, opro):
    mine = Path("my.yaml")
    mine.write_text("mine")
    refused = opro("init", "my.py:loss")
    assert refused.exit_code == 2 and "my.yaml is there already" in refused.stderr
    assert "--force" in refused.stderr and mine.read_text() == "mine"
    link = Path("link.yaml")
    link.symlink_to("elsewhere.yaml")
    assert opro("init", "my.py:loss", "-o", "link.yaml").exit_code == 2
    assert opro("init", "my.py:loss", "-o", "link.yaml", "--force").exit_code == 0
    assert not link.is_symlink() and not Path("elsewhere.yaml").exists()
    assert opro("init", "my.py:loss", "--force").exit_code == 0
    assert "my.py:loss" in mine.read_text()


def test_the_preset_goes_where_it_is_sent(my, opro):
    shown = opro("init", "my.py:loss", "-o", "-")
    assert "objective: my.py:loss" in shown.stdout and not Path("my.yaml").exists()
    Path("sub").mkdir()
    facts = json.loads(opro("init", "my.py:loss", "-o", "sub/x.yaml", "--json").stdout)
    assert facts["path"] == "sub/x.yaml"
    assert "objective: ../my.py:loss" in Path("sub/x.yaml").read_text()
    assert opro("check", "sub/x.yaml", "--model", "local").exit_code == 0
    assert opro("init", "my.py:loss", "-o", "no/x.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "opro init my.py:loss"),
        (("my.py:loss", "--prompt", "x.jsonl"), "not both"),
        (("reviews.jsonl",), "opro init --prompt reviews.jsonl"),
        (("my.py:loss", "--answer", "x"), "are for --prompt"),
    ],
)
def test_a_wrong_beginning_says_the_right_one(my, opro, words, said):
    done = opro("init", *words)
    assert done.exit_code == 2 and said in done.stderr


def test_a_data_file_becomes_a_preset_that_runs_as_it_is(opro, serve):
    write_reviews(Path("reviews.jsonl"), 24)
    begun = opro("init", "--prompt", "reviews.jsonl")
    assert begun.exit_code == 0
    assert "opro run-baseline reviews.yaml -O fixed" in begun.stderr
    serve(lambda request: gemini("good"))
    done = opro(
        "run-baseline", "-O", "fixed", "-p", "reviews.yaml", "--scorer", "gemini-2.5-flash-lite",
        "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output


def test_an_objective_alone_says_what_is_missing(my, opro):
    done = opro("run-opro", "--objective", "my.py:loss")
    assert done.exit_code == 2
    assert "--objective is for problems of kind custom" in done.stderr
    assert "opro init my.py:loss" in done.stderr
    assert not Path("imported").exists()


@pytest.mark.parametrize("name", sorted(available()))
def test_every_preset_is_shown_as_its_file_is(name, opro):
    shown = opro("presets", "show", name)
    assert shown.stdout == (folders()[1] / f"{name}.yaml").read_text()
    assert json.loads(opro("presets", "show", name, "--json").stdout)["problem"]


def test_a_terminal_gets_no_control_characters_of_a_file(opro, monkeypatch):
    Path("bad.yaml").write_text("# \x1b]0;owned\x07 title\ntitle: \u202eabc\n")
    monkeypatch.setattr("opro_cli.cli.presets.show.width", lambda: 80)
    for colours in (True, False):
        if not colours:
            monkeypatch.setenv("NO_COLOR", "1")
        shown = opro("presets", "show", "bad.yaml").stdout
        assert "owned" in shown and "\x1b]" not in shown and "\u202e" not in shown
        assert ("\x1b[" in shown) == colours


def test_a_copy_has_the_files_it_needs_and_replaces_nothing(opro):
    copied = opro("presets", "copy", "custom-example", "mine")
    assert copied.exit_code == 0, copied.stderr
    names = sorted(path.name for path in Path("mine").iterdir())
    assert names == ["custom-example.yaml", "custom_example.py"]
    assert "opro check mine/custom-example.yaml" in copied.stderr
    Path("mine/custom-example.yaml").unlink()
    Path("mine/custom_example.py").write_text("mine")
    refused = opro("presets", "copy", "custom-example", "mine")
    assert refused.exit_code == 2 and "custom_example.py is there already" in refused.stderr
    assert [path.name for path in Path("mine").iterdir()] == ["custom_example.py"]
    assert opro("presets", "copy", "exp1", "mine/first.yaml").exit_code == 0
    assert opro("check", "mine/first.yaml", "--model", "local").exit_code == 0


def test_a_copy_takes_data_and_metric_but_nothing_from_elsewhere(opro):
    write_reviews(Path("reviews.jsonl"))
    folder = Path("folder")
    folder.mkdir()
    write_reviews(folder / "near.jsonl")
    (folder / "mine.py").write_text("import helper\ndef right(question, answer, reply): return 1\n")
    (folder / "helper.py").write_text("")
    text = "problem: {{kind: instructions, data: {}, question: text, answer: label, metric: {}}}\n"
    (folder / "one.yaml").write_text(text.format("near.jsonl", "mine.py:right"))
    (folder / "two.yaml").write_text(text.format("../reviews.jsonl", "label"))
    facts = json.loads(opro("presets", "copy", folder / "one.yaml", "to", "--json").stdout)
    assert sorted(facts["files"]) == ["to/helper.py", "to/mine.py", "to/near.jsonl"]
    other = json.loads(opro("presets", "copy", folder / "two.yaml", "to", "--json").stdout)
    assert other["files"] == [] and "reviews.jsonl" in other["left"][0]
