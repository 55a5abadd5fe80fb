"""The forms for instructions: what they show, what they read, and what they refuse."""

from __future__ import annotations

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.core.problem import GradedAnswer, InvalidSolution
from opro_cli.optimizers.opro.metaprompt.base import PromptOptions
from opro_cli.optimizers.opro.metaprompt.tags import REFLECT, REPHRASE, TAGS
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.problems.regression.linear import LinearSettings

PROBLEM = InstructionsSettings(generated="dates", split={"train": 5, "dev": 2, "test": 2}).build(
    {}, 0
)
SPACE = PROBLEM.space


def read(text: str) -> object:
    """The instruction in a reply, or the status it was refused with."""
    (found,) = TAGS.read(text, SPACE)
    return found.status if isinstance(found, InvalidSolution) else found[0]


@pytest.mark.parametrize(
    ("reply", "instruction"),
    [
        ("<INS>Be brief.</INS>", "Be brief."),
        ("Sure!\n<ins> Be\r\nbrief. </ins>\nscore: 90", "Be\nbrief."),
        ("<INS>a draft</INS> better: <INS>the answer</INS>", "the answer"),
        ("<INS>Be brief.", "Be brief."),
        ("<INS>Be brief.\n\nThis works because …", "Be brief."),
        ('Instruction: "Be brief."', "Be brief."),
        ("Be brief.", "Be brief."),
        ("<INS>**Be brief.**</INS>", "Be brief."),
    ],
)
def test_the_last_instruction_between_tags_is_read(reply, instruction):
    assert read(reply) == instruction


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("", "unparsable"),
        ("First I think.\n\nThen I write.", "unparsable"),
        ("<INS></INS>", "echo"),
        ("<INS>Write a new instruction that gets more answers right.</INS>", "echo"),
        ("<INS>Provide a clear prompt for the model.</INS>", "echo"),
        ("<INS>Follow the above instruction.</INS>", "echo"),
        ("<INS>It fits every question.</INS>", "echo"),
        ("<INS>...</INS>", "echo"),
        ("<INS>Be brief. Score: 87</INS>", "leak"),
        ("<INS>Be brief, accuracy 90.</INS>", "leak"),
        ("<INS>" + "long " * 200 + "</INS>", "out_of_range"),
    ],
)
def test_what_is_no_instruction_is_refused_with_its_kind(reply, status):
    assert read(reply) == status


def test_an_instruction_with_an_example_of_the_data_is_refused():
    example = PROBLEM.train[0]
    assert read(f"<INS>Answer like this: {example.question}</INS>") == "leak"
    assert read(f"<INS>The answer is {example.target}.</INS>") == "leak"
    assert read("<INS>Write the date as YYYY-MM-DD.</INS>") == "Write the date as YYYY-MM-DD."


def test_labels_may_stand_in_an_instruction():
    settings = InstructionsSettings(
        generated="labels", metric="label", split={"train": 5, "dev": 2, "test": 2}
    )
    problem = settings.build({}, 0)
    text = "Answer positive or negative."
    assert TAGS.read(f"<INS>{text}</INS>", problem.space) == [(text,)]


def test_digits_can_be_refused_as_the_paper_does():
    settings = InstructionsSettings(generated="dates", digits=False)
    (found,) = TAGS.read("<INS>Take 2 steps.</INS>", settings.build({}, 0).space)
    assert isinstance(found, InvalidSolution)
    assert "digit" in str(found)


def test_the_trajectory_shows_the_best_last_with_whole_per_cent():
    exemplars = (GradedAnswer("When?", "2020-01-02"),)
    pairs = [(("",), 0.0), (("Be brief.",), 0.456)]
    prompt = TAGS.write(PROBLEM, pairs, None, PromptOptions(exemplars=exemplars))
    assert prompt.shown == ((("",), "0"), (("Be brief.",), "46"))
    assert prompt.text.index("score: 0") < prompt.text.index("<INS>Be brief.</INS>\nscore: 46")
    assert "Question: When?\nRight answer: 2020-01-02" in prompt.text
    without = TAGS.write(PROBLEM, pairs, None, PromptOptions(scores=False)).text
    assert "score:" not in without
    assert "46" not in without


def test_reflection_shows_one_instruction_with_wrong_replies_and_the_targets():
    mistakes = (
        GradedAnswer("When?", "2020-01-02", "January 2", "January 2", 0.0),
        GradedAnswer("And then?", "2021-01-02", "2021-01-02", "2021-01-02", 1.0),
    )
    pairs = [(("Be brief.",), 0.5)]
    text = REFLECT.write(PROBLEM, pairs, None, PromptOptions(mistakes=mistakes)).text
    assert "Reply (wrong): January 2\nRight answer: 2020-01-02" in text
    assert "Reply (right): 2021-01-02" in text
    assert "right in 50 per cent" in text


def test_rephrasing_shows_no_score_and_no_example():
    text = REPHRASE.write(PROBLEM, [(("Be brief.",), 0.5)], None).text
    assert "<INS>Be brief.</INS>" in text
    assert "50" not in text


def test_a_form_for_texts_needs_a_problem_of_texts():
    line = LinearSettings(targets=({"w": 15, "b": 14},)).build({"w": 15, "b": 14}, 0)
    with pytest.raises(UsageError, match="asks for a text"):
        TAGS.check(line.space)
