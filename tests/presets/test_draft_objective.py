"""The preset that is written for a function: ranges, words, and a file that runs as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.presets import strict_yaml
from opro_cli.presets.drafts.objective import draft_objective
from opro_cli.presets.drafts.ranges import draft_parameter
from opro_cli.problems.custom.signature import Argument, read_function

NEVER_RUN = "from typing import Literal\nraise SystemExit('this file is never run')\n"


def drafted(source: str, name: str = "my.py:loss", folder: Path = Path()) -> dict:
    Path("my.py").write_text(NEVER_RUN + source)
    return strict_yaml.load(draft_objective(name, folder).text)


@pytest.mark.parametrize(
    ("argument", "parameter"),
    [
        ("lr: float = 1e-3", {"low": 1e-5, "high": 0.1, "scale": "log"}),
        ("lr: float = 0.5", {"low": 0.005, "high": 50.0, "scale": "log"}),
        ("x: float = 2.5", {"low": 0, "high": 10.0}),
        ("x: float = -1.5", {"low": -6.0, "high": 6.0}),
        ("x: float = 0.0", {"low": -10, "high": 10}),
        ("x: float = 0.3", {"low": 0, "high": 1}),
        ("x: float = 250.0", {"low": 2.0, "high": 20000.0, "scale": "log"}),
        ("dropout=0.05", {"low": 0, "high": 1}),
        ("n: int = 5", {"low": 1, "high": 20, "type": "int"}),
        ("n: int = 128", {"low": 16, "high": 1024, "type": "int", "scale": "log"}),
        ("n: int = 0", {"low": 0, "high": 10, "type": "int"}),
        ("n: int = -3", {"low": -12, "high": 0, "type": "int"}),
        ("max_depth", {"low": 1, "high": 8, "type": "int"}),
        ("gamma", {"low": 1e-6, "high": 1.0, "scale": "log"}),
        ("x", {"low": -10, "high": 10}),
        ("use: bool = True", {"choices": [False, True]}),
        ("kernel: Literal['rbf', 'poly']", {"choices": ["rbf", "poly"]}),
        (
            "x: Annotated[float, Interval(ge=1e-4, le=10)]",
            {"low": 1e-4, "high": 10, "scale": "log"},
        ),
        ("prompt: str", {"type": "text", "max_chars": 500}),
        ("seed: int = 0", None),
        ("n_jobs: int = 4", None),
        ("act: str = 'relu'", None),
        ("c: float | None = None", None),
        ("layers=(1, 2)", None),
        ("x: Annotated[float, (0, 1.23456)]", {"low": 0, "high": 1.23456, "digits": 12}),
        ("x: float = 1e30", None),
        ("x: int = 10**400", None),
    ],
)
def test_a_range_follows_from_name_type_and_default(argument, parameter):
    (found,) = read_function(f"def f({argument}): ...", "f").arguments
    assert draft_parameter(found).parameter == parameter


def test_a_default_is_always_within_its_range():
    for exponent in range(-12, 10):
        for digits in (1.0, 2.3456, 9.99):
            for name in ("lr", "x", "p", "c"):
                value = digits * 10.0**exponent
                found = draft_parameter(Argument(name, "float", True, value)).parameter
                assert found is not None and (found["low"] <= value <= found["high"]), (name, value)


def test_the_preset_names_the_file_and_begins_with_the_defaults():
    source = (
        "def accuracy(lr: float = 1e-3, kernel: Literal['rbf', 'poly'] = 'poly', seed=0):\n"
        "    'Accuracy of a classifier: on wines. More of it.'\n"
    )
    Path("sub").mkdir()
    found = drafted(source, "my.py:accuracy", Path("sub"))
    problem = found["problem"]
    assert problem["objective"] == "../my.py:accuracy"
    assert [*problem["parameters"]] == ["lr", "kernel"]
    assert problem["starts"] == [{"lr": 0.001, "kernel": "poly"}]
    assert problem["direction"] == "maximize" and problem["value"] == "accuracy"
    assert problem["description"] == "accuracy of a classifier: on wines"
    assert drafted("def f(a=1.0): ...", "my.py")["problem"]["objective"] == "my.py:f"
    assert drafted("def f(a=1.0): ...", "my:f")["problem"]["objective"] == "my:f"


def test_a_function_of_texts_starts_from_texts_and_draws_none():
    alone = drafted("def loss(prompt: str): ...")
    assert alone["problem"]["starts"] == [{"prompt": ""}]
    assert "baselines" not in alone and "num_starts" not in alone["problem"]
    mixed = drafted("def loss(prompt: str, depth: int): ...")
    assert mixed["problem"]["starts"] == [{"prompt": "", "depth": 1}]
    assert mixed["opro"]["strategy"] == "paper"


@pytest.mark.parametrize("text", ["a: {b", "# no", "'\"", "\\n\x07", "é – 😀", "- x", "yes"])
def test_whatever_a_docstring_says_is_a_text_of_the_preset(text):
    found = drafted(f"def loss(a=1.0):\n    {text!r}\n")
    assert isinstance(found["problem"].get("description", ""), str)
    assert "\x07" not in found["problem"].get("description", "")


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        ("def loss(x: list[float]): ...", "my.py:loss", "the argument x is of type list"),
        ("def loss(): ...", "my.py:loss", "no arguments with names"),
        ("def loss(seed=0): ...", "my.py:loss", "nothing to tune"),
        ("def loss(x): ...\ndef other(x): ...", "my.py", "has the functions loss and other"),
        ("x = 1", "my.py", "has no functions"),
        ("def loss(x): ...", "my.py:lost", "there is no lost in it; its functions: loss"),
        ("def loss(x): ...", "your.py:loss", "there is no file your.py"),
        ("def loss(x): ...", "nowhere_at_all:loss", "there is no module"),
        ("def loss(x): ...", "my.ipynb:loss", "is a notebook"),
        ("def loss(x): ...", "my.py:a b", "names no function"),
        ("def loss(x): ...", ":loss", "names no function"),
        ("def loss(x=1e400): ...", "my.py:loss", "nothing to tune"),
    ],
)
def test_what_cannot_be_begun_with_is_a_sentence_with_a_hint(source, name, said):
    with pytest.raises(UsageError) as caught:
        drafted(source, name)
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("accuracy", "maximize"),
        ("yield_loss", "minimize"),
        ("accuracy_loss", "minimize"),
        ("score_error", "minimize"),
        ("reward_cost", "minimize"),
        ("regretScore", "minimize"),
        ("neg_mse", "maximize"),
        ("negative_log_likelihood", "minimize"),
        ("cost_reduction", "maximize"),
        ("f", "minimize"),
    ],
)
def test_the_direction_is_guessed_from_the_name_and_said(name, direction):
    found = drafted(f"def {name}(a=1.0): ...", f"my.py:{name}")
    assert found["problem"]["direction"] == direction
    (note, *_) = draft_objective(f"my.py:{name}", Path()).notes
    assert f"direction: {direction}" in note and "guess" in note
