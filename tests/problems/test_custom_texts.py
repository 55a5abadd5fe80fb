"""Functions of texts: their spaces, their starting points, and the forms that ask for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.core.problem import Drawable, InvalidSolution, Rowed, Textual
from opro_cli.problems.custom.parameters import Parameter
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.custom.texts import space_of
from tests.loopback import Loopback, chat
from tests.planning import refused

TEXT = {"type": "text", "max_chars": 40}
BESIDE = {
    "prompt": TEXT,
    "depth": {"low": 1, "high": 9, "type": "int"},
    "kernel": {"choices": ["rbf", "poly"]},
}


def space(parameters):
    return space_of({name: Parameter.model_validate(p) for name, p in parameters.items()})


def settings(**given) -> CustomSettings:
    return CustomSettings.model_validate({"objective": "mine.py:f", **given})


def test_a_text_alone_is_a_textual_space_and_beside_others_a_json_one():
    alone, beside = space({"prompt": TEXT}), space(BESIDE)
    assert isinstance(alone, Textual)
    for one in (alone, beside):
        assert not isinstance(one, Drawable | Rowed)
    assert not isinstance(beside, Textual)
    assert isinstance(space({"depth": BESIDE["depth"]}), Drawable)
    point = beside.from_values({"prompt": " Say  hello. ", "depth": "3", "kernel": "rbf"})
    assert point == ("Say hello.", 3, "rbf")
    assert beside.read(beside.render(point)) == point
    assert beside.from_values(beside.to_values(point)) == point
    assert alone.to_values(alone.from_text("hi")) == {"prompt": "hi"}


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "x" * 41, "depth": 3, "kernel": "rbf"},
        {"prompt": 4, "depth": 3, "kernel": "rbf"},
        {"depth": 3, "kernel": "rbf"},
        ["a", 3],
        "abc",
    ],
)
def test_what_is_no_point_is_refused(values):
    with pytest.raises(InvalidSolution):
        space(BESIDE).from_values(values)
    for text in ("[1]", "{", "3", '"x"'):
        with pytest.raises(InvalidSolution):
            space(BESIDE).read(text)


def test_starts_are_those_that_are_given_and_one_may_be_empty():
    found = settings(parameters={"prompt": TEXT}, starts=[{"prompt": ""}, {"prompt": "Hi."}])
    problem = found.build({}, 0)
    assert problem.starts(None) == [("",), ("Hi.",)]
    assert found.free_text
    assert not found.varies()
    assert problem.arguments(("Hi.",)) == {"prompt": "Hi."}
    assert CustomSettings.model_validate(found.model_dump(mode="json")) == found
    assert "max_chars" not in settings(parameters={"x": {"low": 0, "high": 1}}).model_dump_json()


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("parameters: {p: {type: text}}", "a text cannot be drawn, so at least one is needed"),
        ("parameters: {p: {type: text, low: 0}}", "neither choices nor low and high"),
        ("parameters: {p: {low: 0, high: 1, max_chars: 9}}", "max_chars is only for `type: text`"),
        ("parameters: {p: {type: text, max_chars: 2}}, starts: [{p: long}]", "more than 2"),
        ("parameters: {p: {type: prompt}}", "`type: prompt` is written `type: text`"),
        (
            "parameters: {p: {type: text, digits: 3}}, starts: [{p: a}]",
            "problem.parameters.p.digits has no effect",
        ),
    ],
)
def test_a_wrong_text_is_explained(problem, said):
    error = refused(f"problem: {{kind: custom, objective: 'mine.py:f', {problem}}}\n")
    assert said in error.message


def test_random_search_cannot_draw_texts(opro):
    Path("mine.yaml").write_text(
        "problem: {kind: custom, objective: 'mine.py:f', parameters: {p: {type: text}}, "
        "starts: [{p: a}]}\n"
    )
    done = opro("run-baseline", "-O", "random", "-p", "./mine.yaml", "--dry-run")
    assert done.exit_code == 2
    assert "cannot be drawn" in done.stderr


@pytest.mark.parametrize("strategy", ["paper", "adaptive", "reflect"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_function_of_a_text_is_optimized_and_replayed(opro, monkeypatch, alone, strategy):
    if strategy == "reflect" and not alone:
        pytest.skip("reflect is for texts alone")
    other = "" if alone else ", depth"
    Path("mine.py").write_text(f"def f(prompt{other}):\n    return float(len(prompt))\n")
    parameters = {"prompt": TEXT} if alone else {"prompt": TEXT, "depth": BESIDE["depth"]}
    start = {"prompt": "ab"} if alone else {"prompt": "ab", "depth": 2}
    prompts: list[str] = []

    def answer(asked):
        prompts.append(asked.body["messages"][-1]["content"])
        text = "abc" * (len(prompts) % 9 + 1)
        if alone:
            return chat(f"<INS>{text}</INS>", model="m")
        solution = {"prompt": f'{text} "quoted", and so on'[:40], "depth": 3}
        return chat(json.dumps({"reasoning": "", "solution": solution}), model="m")

    with Loopback(answer).serving() as url:
        monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        preset = {
            "problem": {
                "kind": "custom",
                "objective": "mine.py:f",
                "parameters": parameters,
                "starts": [start],
                "direction": "maximize",
            },
            "opro": {
                "strategy": strategy,
                "points_per_step": 2,
                "model": "openai:m",
                **({} if alone else {"fill": False, "perturb": 0, "perturb_on_plateau": 0}),
            },
            "max_steps": 2,
        }
        Path("p.yaml").write_text(json.dumps(preset))
        done = opro("run-opro", "-p", "p.yaml", "--json")
    assert done.exit_code == 0, done.output
    best = json.loads(done.stdout)
    assert best["best_value"] > 2 if "best_value" in best else best
    assert ("between <INS> and </INS>" in prompts[0]) == alone
    assert ("Answer in JSON" in prompts[0]) != alone
    assert "accuracy" not in prompts[0]
    assert "percentage" not in prompts[0]
    replayed = opro("replay", "runs")
    assert replayed.exit_code == 0, replayed.output
