"""Meta-prompts say what they must; replies of every kind are read, or refused with their kind."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.events import Reply
from opro_cli.core.problem import InvalidSolution
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import MAX_REPLY
from opro_cli.optimizers.opro.replies import read_reply
from opro_cli.problems.regression.linear import LinearSettings
from tests.doubles import collect_replies

SETTINGS = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEM = SETTINGS.build(SETTINGS.targets[0], 0)
PAIRS = [((20, 14), 1074396.89), ((12, 10), 417121.01), ((14, 14), 42747.81)]


def read(text: str, form: str = "instruct", finish: str = "stop"):
    return read_reply(Reply(text, finish, "m"), form, PROBLEM.space)


def status(text: str, form: str = "instruct", finish: str = "stop") -> str:
    (found,) = read(text, form, finish)
    assert isinstance(found, InvalidSolution), found
    return found.status


def test_the_instruction_shows_pairs_worst_first_with_truncated_losses():
    text = FORMS["instruct"].write(PROBLEM, PAIRS, None).text
    shown = ["w=20, b=14\nvalue: 1074396", "w=12, b=10\nvalue: 417121", "w=14, b=14\nvalue: 42747"]
    positions = [text.index(pair) for pair in shown]
    assert positions == sorted(positions)
    assert "lower is better" in text
    assert "w and b are whole numbers from -100 to 100." in text


def test_the_instruction_asks_for_reasoning_first():
    schema = FORMS["instruct"].write(PROBLEM, PAIRS, None).schema
    assert list(schema["properties"]) == schema["required"] == ["reasoning", "solution"]
    assert schema["propertyOrdering"] == ["reasoning", "solution"]


def test_the_list_is_left_open_at_the_value_aimed_at():
    prompt = FORMS["list"].write(PROBLEM, PAIRS, 12824.3)
    assert prompt.text.split("\n") == [
        "value 1074396: w=20, b=14",
        "value 417121: w=12, b=10",
        "value 42747: w=14, b=14",
        "value 12824: w=",
    ]
    assert prompt.stop == ("\n",)
    assert prompt.grammar.startswith("root ::= ")


def test_what_is_shown_is_recorded_with_the_prompt():
    for form in ("instruct", "list"):
        prompt = FORMS[form].write(PROBLEM, PAIRS, 1.0)
        assert prompt.shown == (((20, 14), "1074396"), ((12, 10), "417121"), ((14, 14), "42747"))


@given(st.integers(-100, 100), st.integers(-100, 100), st.text())
def test_a_point_written_as_asked_is_read_back(w, b, reasoning):
    reply = json.dumps({"reasoning": reasoning, "solution": PROBLEM.space.to_values((w, b))})
    assert read(reply) == [(w, b)]
    line = PROBLEM.space.render((w, b)).removeprefix(PROBLEM.space.prefix)
    assert read(line + "\n", "list") == [(w, b)]


@pytest.mark.parametrize("form", ["instruct", "recorded"])
@pytest.mark.parametrize(
    "text",
    [
        '{"reasoning": "r", "solution": {"w": 15, "b": 14}}',
        '{"reasoning": "[1, 2]", "weight_bias_pair": [15, 14]}',
        '{\n"reasoning": "r",\n"weight_bias_pair": [\n15,\n14\n]\n}',
        '{"w": 15, "b": 14}',
        '{"reasoning": "r", "solution": {"w": 15.2, "b": "14"}}',
        '```json\n{"solution": [15, 14]}\n```',
        "```\n[15, 14]\n```",
        "The loss falls with w, so the new pair is [15, 14]",
        "The pair [w, b] = [15, 14]",
        "Not [3, 4] but [w=15, b=14].",
        "[15.0, 14.4]",
    ],
)
def test_replies_people_have_seen_are_read(text, form):
    assert read(text, form) == [(15, 14)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I cannot help with that.", "unparsable"),
        ("{", "unparsable"),
        ("{}", "unparsable"),
        ('{"reasoning": "so try [3, 5]", "weight', "unparsable"),
        ('{"reasoning": "r"}', "unparsable"),
        ('{"solution": 5}', "unparsable"),
        ('{"solution": [1, 2, 3]}', "unparsable"),
        ('{"solution": {"w": "x", "b": 1}}', "unparsable"),
        ('{"solution": {"w": NaN, "b": 1}}', "non_finite"),
        ('{"solution": {"w": Infinity, "b": 1}}', "non_finite"),
        ('{"solution": {"w": 1e999, "b": 1}}', "non_finite"),
        ('{"solution": {"w": 1e30, "b": 1}}', "out_of_range"),
        ('{"solution": {"w": ' + "9" * 5000 + ', "b": 1}}', "non_finite"),
        ("[" * 100_000, "unparsable"),
        ('{"a":' * 50_000, "unparsable"),
        ("7" * (MAX_REPLY + 1), "unparsable"),
        ("[１５, 14]", "unparsable"),
    ],
)
def test_replies_without_a_solution_are_counted_by_kind(text, expected):
    assert status(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "empty"), ("15", "unparsable"), ("15, b=", "unparsable"), ("15, b=999", "out_of_range")],
)
def test_lines_without_a_solution_are_counted_by_kind(text, expected):
    assert status(text, "list") == expected


def test_a_cut_off_reply_is_truncated_unless_it_holds_a_solution():
    assert status('{"reasoning": "let us', finish="length") == "truncated"
    assert status("", finish="length") == "truncated"
    assert read('{"solution": [1, 2]}', finish="length") == [(1, 2)]


def test_a_blocked_reply_is_blocked_whatever_it_says():
    assert status('{"solution": [1, 2]}', finish="blocked") == "blocked"


def test_recorded_replies_are_read_as_they_were_then():
    """The recorded experiments took the last bracket only; ours may look further back."""
    text = "Try [15, 14]. See note [1]."
    assert read(text) == [(15, 14)]
    assert status(text, "recorded") == "unparsable"


def test_a_point_counts_once_a_step():
    texts = ["[1, 2]", "[1, 2]", "nothing", "[3, 4]"]
    replies = [Reply(text, "stop", "m") for text in texts]
    collected = collect_replies(replies, "instruct", PROBLEM.space)
    assert [p.point for p in collected.proposals] == [(1, 2), (3, 4)]
    assert [r.status for r in collected.solutions] == ["used", "duplicate", "unparsable", "used"]
    assert [r.sample for r in collected.solutions] == [0, 1, 2, 3]


def test_one_reply_may_hold_several_solutions():
    reply = Reply('{"solutions": [{"w": 1, "b": 2}, [3, 4], {"w": 999, "b": 0}, 7]}', "stop", "m")
    collected = collect_replies([reply], "instruct", PROBLEM.space)
    assert [p.point for p in collected.proposals] == [(1, 2), (3, 4)]
    statuses = [r.status for r in collected.solutions]
    assert statuses == ["used", "used", "out_of_range", "unparsable"]
