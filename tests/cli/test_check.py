"""What is known before anything costs: each check by itself, and no code of the user's unasked."""

from __future__ import annotations

import json
from pathlib import Path

from tests.datasets import write_reviews

PRESET = """
problem:
  kind: custom
  objective: my.py:loss
  parameters: {lr: {low: 0, high: 1}}
  starts: [{lr: 0.5}]
opro: {model: local}
"""


def checks(done) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(f"{check['subject']} {check['state']}", []).append(check["text"])
    return found


def write_objective(body: str = "return lr", signature: str = "lr") -> None:
    Path("my.py").write_text(
        f"from pathlib import Path\nPath('imported').touch()\ndef loss({signature}):\n    {body}\n"
    )
    Path("my.yaml").write_text(PRESET)


def test_code_runs_only_where_that_is_asked_for(opro):
    write_objective()
    done = opro("check", "my.yaml", "--json")
    assert done.exit_code == 0, done.output
    found = checks(done)
    assert found["code ok"] == ["my.py:loss takes lr"]
    assert "--run" in found["code skipped"][0]
    assert found["starts ok"] == ["6 valid starting points"]
    assert "$0 (local model)" in found["estimate ok"][0]
    assert not Path("imported").exists()
    shown = opro("check", "my.yaml", "--run")
    assert shown.exit_code == 0 and "loss(lr=0.5) = 0.5" in shown.stdout
    assert Path("imported").exists() and not Path("runs").exists()


def test_a_function_that_fails_or_lacks_a_parameter_is_found(opro):
    write_objective("return 1 / 0")
    assert opro("check", "my.yaml").exit_code == 0
    done = opro("check", "my.yaml", "--run", "--json")
    assert done.exit_code == 2
    assert "ZeroDivisionError" in checks(done)["code failed"][0]
    write_objective(signature="rate")
    done = opro("check", "my.yaml", "--json")
    assert done.exit_code == 2 and "no argument lr" in checks(done)["code failed"][0]
    write_objective(signature="lr, depth")
    assert "depth is no parameter" in checks(opro("check", "my.yaml", "--json"))["code failed"][0]
    Path("my.py").write_text("from functools import partial\nloss = partial(pow, 2)\n")
    done = opro("check", "my.yaml", "--json")
    assert done.exit_code == 0 and "only known when it is imported" in checks(done)["code ok"][0]
    Path("my.py").unlink()
    done = opro("check", "my.yaml")
    assert done.exit_code == 2 and "there is no file my.py" in done.stdout


def test_a_name_that_is_not_in_the_file_is_found_without_running_it(opro):
    write_objective()
    Path("my.yaml").write_text(PRESET.replace("my.py:loss", "my.py:los"))
    done = opro("check", "my.yaml", "--json")
    assert done.exit_code == 2
    assert "there is no los in it; its functions: loss" in checks(done)["code failed"][0]
    assert not Path("imported").exists()
    Path("my.yaml").write_text(PRESET.replace("my.py:loss", "my.loss"))
    assert "did you mean my:loss" in opro("check", "my.yaml").stdout.replace("\n", " ")


def test_the_direction_is_said_and_doubted_where_the_name_says_otherwise(opro):
    write_objective()
    found = checks(opro("check", "my.yaml", "--json"))
    assert found["direction ok"] == ["minimize: a lower value is better (as its name suggests)"]
    Path("my.yaml").write_text(PRESET.replace("parameters:", "direction: maximize\n  parameters:"))
    assert "looks like minimize" in checks(opro("check", "my.yaml", "--json"))["data warning"][0]


def test_one_fault_does_not_hide_the_others(opro):
    write_reviews(Path("reviews.jsonl"))
    words = ("--question", "txt", "--answer", "label", "--scorer", "gemini-2.5-flash-lite")
    done = opro(
        "check", "instructions", "--data", "reviews.jsonl", *words, "--model", "gpt", "--json"
    )
    assert done.exit_code == 2
    found = checks(done)
    assert "there is no column 'txt'" in found["problem failed"][0]
    assert any("needs an API key" in text for text in found["model failed"])
    assert any("There is no model 'gpt'" in text for text in found["model failed"])
    assert found["optimizers skipped"]


def test_data_metric_and_resolution_are_said(opro):
    write_reviews(Path("reviews.jsonl"))
    Path("mine.py").write_text("def right(question, answer, reply): return reply == answer\n")
    words = ("--data", "reviews.jsonl", "--question", "text", "--answer", "label")
    own = opro("check", "instructions", *words, "--metric", "mine.py:right", "--model", "local",
               "--scorer", "local", "--run", "--json")  # fmt: skip
    assert own.exit_code == 0, own.output
    found = checks(own)
    assert "50 train" in found["data ok"][0] and "12.5 points" in found["resolution ok"][0]
    assert "the right answer of row" in found["code ok"][1] and "score of 1" in found["code ok"][1]


def test_a_package_that_is_missing_and_a_price_that_is_unknown_are_found(opro, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("cmaes"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setitem(__import__("sys").modules, "cmaes", None)
    monkeypatch.setattr(builtins, "__import__", without)
    done = opro("check", "functions", "--set", "baselines=[cma-es]", "--model", "local", "--json")
    assert done.exit_code == 2
    assert any("needs the package cmaes" in text for text in checks(done)["optimizer failed"])
    monkeypatch.undo()


def test_a_cap_needs_a_price(opro, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
    done = opro("check", "quickstart", "--model", "openai:nobody", "--set", "budget.max_cost=1",
                "--json")  # fmt: skip
    assert done.exit_code == 2 and "price of openai:nobody is unknown" in done.stdout
    assert "dummy-key" not in done.output


def test_a_preset_that_cannot_be_read_is_one_line_with_a_hint(opro):
    Path("bad.yaml").write_text("problem: {kind: linaer}\n")
    done = opro("check", "bad.yaml")
    assert done.exit_code == 2 and done.stdout.startswith("✗ preset")
    assert "hint: did you mean linear" in done.stdout
