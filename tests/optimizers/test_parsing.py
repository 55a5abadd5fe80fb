"""Replies are read wherever the solution is, and nothing in one is worse than unusable."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from opro_cli.core.problem import InvalidSolution
from opro_cli.optimizers.opro.metaprompt import FORMS, parsing
from opro_cli.optimizers.opro.metaprompt.base import MAX_REPLY
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import Box
from opro_cli.problems.spaces.tours import Tours
from tests.conftest import EXAMPLES, for_all

SETTINGS = LinearSettings(targets=[{"w": 15, "b": 14}])
SPACE = SETTINGS.build(SETTINGS.targets[0], 0).space


def read(text: str, form: str = "instruct"):
    return FORMS[form].read(text, SPACE)


@pytest.mark.parametrize(
    "text",
    [
        'Here it is:\n{"solution": {"w": 15, "b": 14}}\nGood luck!',
        'I think so.\n```json\n{"solution": {"w": 15, "b": 14}}\n```\nThat is all.',
        '```JSON5\n{"solution": [15, 14]}\n```',
        '```\n{"solution": [15, 14]}\n',
        '{"solution": [1, 2]}\nNo, better:\n{"solution": [15, 14]}',
        '{"solution": [15, 14]} as in {"note": "the last one is no solution"}',
        '{"solution": [15, 14]} rather than {"pair": [3, 4]}',
        '{"steps": ["a", "b"], "solution": [15, 14]}',
        '{"steps": ["a", "b"], "pair": [15, 14]}',
        '{"w": 1, "b": 2, "solution": [15, 14]}',
        '{"solution": {"w": "15", "b": " 14 "}}',
        '{"solution": ["15", "14.0"]}',
        '{"solution": [1.5e1, 14]}',
        '{"solution": "w=15, b=14"}',
        '{"solution": "[15, 14]"}',
        '{"solutions": [15, 14]}',
        '{"solutions": {"w": 15, "b": 14}}',
        '{"solution": [[15, 14]]}',
        '{"reasoning": "the "best" one", "solution": {"w": 15, "b": 14}}',
        '{"reasoning": "line one\nline two", "solution": [15, 14]}',
        "The set {w, b} is best at [\n  15,\n  14\n].",
        'So ["15", "14"] it is.',
    ],
)
def test_the_solution_is_found_wherever_it_is(text):
    assert read(text) == [(15, 14)]


@pytest.mark.parametrize(
    "text",
    [
        "{'reasoning': 'it is the slope', 'solution': {'w': 15, 'b': 14}}",
        "{'reasoning': 'it's steep', 'sure': True, 'other': None, 'solution': (15, 14)}",
        '{"reasoning": "a "good" one", "solution": [15, 14]}',
        '{"solution": {"w": 15, "b": 14,},}',
        '{"reasoning": "x" "solution": {"w": 15 "b": 14}}',
        '{"solution": {"w": +15, "b": 14.}}',
        '{// the answer\n"solution": {"w": 15, /* or 16 */ "b": 14}  # done\n}',
        "{reasoning: it is steep, solution: {w: 15, b: 14}}",
        "{“reasoning”: “steep”, “solution”: {“w”: 15, “b”: 14}}",
        '{"solution": {"w" = 15, "b" => 14}}',
        '{"SOLUTION": {"W": 15, " b": 14}}',
        '{"solution": {"w": "about 15", "b": "14 (the offset)."}}',
        '{"solution": "(15, 14)"}',
        '{"solution": "15, 14"}',
        "{\"solution\": \"{'w': 15, 'b': 14}\"}",
        '{"answer": "w=15, b=14"}',
        '{"name": "propose", "arguments": {"solution": {"w": 15, "b": 14}}}',
        '{"name": "propose", "arguments": "{\\"solution\\": [15, 14]}"}',
        '{"properties": {"reasoning": "steep", "solution": {"w": 15, "b": 14}}}',
        '```json\n{"reasoning": "steep", "solution": {"w": 15, "b": 14}\n```',
        '{"solution": {"w": 15 (slope), "b": 14 (offset)}}',
        "reasoning: steep\nsolution:\n  w: 15\n  b: 14\n",
        "- w: 15\n- b: 14",
        "| w | 15 |\n| b | 14 |",
        "<solution><w>15</w><b> 14 </b></solution>",
        "<answer>(15, 14)</answer>",
        "It is best where **W** is 15 and **B** is 14.",
        r"So $\\boxed{w = 15, b = 14}$.",
        r"$$\\boxed{(15, 14)}$$",
        "Answer: 15, 14",
        "```python\nsolution = (15, 14)\n```",
    ],
)
def test_what_is_almost_json_is_read(text):
    assert read(text) == [(15, 14)]


@pytest.mark.parametrize(
    "text",
    [
        "{\"solution\": [1, 2]} is on the list. {'solution': [15, 14]}",
        "{'solution': [1, 2]} is on the list. {\"solution\": [15, 14]}",
        "First w = 1, b = 2. That is on the list, so (15, 14).",
        "[1, 2] has 300.\nSolution: w=15, b=14\nIt is nearer than w=3, b=4 and [5, 6].",
        "<solution>[15, 14]</solution> as [1, 2] was bad",
        '<think>{"solution": [15, 14]} no, it is on the list</think>{"solution": [15, 14]}',
        "So (1, 2)?</think> (15, 14)",
        "w = 1 is too low, with b = 2 or so. So w = 15 and b = 14.",
        '{"draft": {"w": 1, "b": 2}, "solution": {"w": 15, "b": 14}}',
        "{'reasoning': 'w=1, b=2 was bad', 'solution': {'w': 15 (!), 'b': 14 (!)}}",
    ],
)
def test_the_answer_is_read_and_no_draft(text):
    assert read(text) == [(15, 14)]


@pytest.mark.parametrize(
    "text",
    [
        '<think>{"solution": [15, 14]}',
        '<think>{"solution": [15, 14]}</think>',
        "{'reasoning': 'so [15, 14]', 'solution': {'w': 15, 'b': 1",
        "{'reasoning': 'w = 15, b = 14",
        "{'first': {'w': 15, 'b': 14}, ",
        '{"reasoning": "w=15, b=14"}',
        "{'reasoning': 'w=15, b=14'}",
        "The slope w is 2 * w = 15, and 3 + b = 14.",
        "w = 15*3, b = 14",
        "w = 15. " + "Much later, and about something else: " * 2 + "b = 14.",
        "(15) and (14)",
    ],
)
def test_a_draft_alone_is_no_answer(text):
    (found,) = read(text)
    assert isinstance(found, InvalidSolution)


def test_names_and_lines_are_those_of_the_space():
    tours = Tours(5)
    for text in (
        "I would go\ntour = 0, 3, 1, 2, 4\nfrom there.",
        "Answer: 0 -> 3 -> 1 -> 2 -> 4",
        "{'solution': '0,3,1,2,4'}",
        "The tour (0, 3, 1, 2, 4,) is short.",
    ):
        assert parsing.parse_solutions(text, tours) == [(0, 3, 1, 2, 4)]
    cases = Box([Range("a", -9, 9), Range("A", -9, 9)])
    assert parsing.parse_solutions("a = -5, A = 3", cases) == [(-5, 3)]
    assert parsing.parse_solutions("Answer: -5, 3", cases) == [(-5, 3)]
    mixed = Mixed({"rate": Parameter(low=0, high=1), "kind": Parameter(choices=("adam", True))})
    assert parsing.parse_solutions("rate: .5\nkind: adam", mixed) == [(0.5, "adam")]
    assert parsing.parse_solutions("{'rate': 0.5, 'kind': True}", mixed) == [(0.5, True)]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("NaN", "non_finite"),
        ("-Infinity", "non_finite"),
        ("1e999", "non_finite"),
        ("1e308", "out_of_range"),
        ("-1e300", "out_of_range"),
        ("0x10", "unparsable"),
        ("１２", "unparsable"),
        ("--5", "unparsable"),
        ("1_000", "unparsable"),
        ("true", "unparsable"),
        ("null", "unparsable"),
        ("[1]", "unparsable"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_what_is_no_number_is_named_by_kind(value, status, quoted):
    shown = json.dumps(value, ensure_ascii=False) if quoted else value
    for text in (f'{{"solution": {{"w": {shown}, "b": 1}}}}', f"So it is [{value}, 1]."):
        (found,) = read(text)
        assert isinstance(found, InvalidSolution)
        assert found.status == status


def test_several_solutions_are_read_up_to_a_number():
    assert read('Words {"solutions": [{"w": 1, "b": 2}, [3, 4]]} words') == [(1, 2), (3, 4)]
    many = json.dumps({"solutions": [[1, 2]] * 5000})
    assert len(read(many)) == parsing.MAX_SOLUTIONS


def test_what_is_cut_off_is_not_looked_into():
    for text in (
        'Well: {"reasoning": "so try [3, 5]", "weight',
        '{"solutions": [{"w": 1, "b": 2}, {"w": 3',
        '[1, 2] {"solution": ',
    ):
        (found,) = read(text)
        assert isinstance(found, InvalidSolution)
        assert found.status == "unparsable"


def test_the_recorded_form_reads_as_it_did_then():
    (found,) = read('Here: {"solution": {"w": 15, "b": 14}}', "recorded")
    assert isinstance(found, InvalidSolution)
    (found,) = read('{"solution": [1, 2]} {"solution": [3, 4]}', "recorded")
    assert isinstance(found, InvalidSolution)


N = MAX_REPLY
HOSTILE = {
    "brackets": "[" * N,
    "brackets of numbers": "[1, 2, 3]" * (N // 9),
    "braces": "{" * N,
    "objects in objects": '{"a":' * (N // 5),
    "arrays in objects": '{"a":[' * (N // 6),
    "quotation marks": '{"' * (N // 2),
    "escaped quotation marks": '{"' + '\\"' * (N // 2 - 1),
    "objects that never end": '{"a":1,' * (N // 7),
    "long failures": ('{"a":[' + "1," * 2000 + "x") * (N // 4007),
    "empty objects": "{}" * (N // 2),
    "spaces": "{" + " " * (N - 1),
    "spaces in braces": ("{" + " " * 99) * (N // 100),
    "digits": "7" * N,
    "digits in JSON": '{"solution": [' + "7" * (N - 20) + "]}",
    "decimals in JSON": '{"solution": [0.' + "7" * (N - 25) + ", 999]}",
    "digits in a text": '{"solution": ["' + "7" * (N - 20) + '"]}',
    "commas": "[" + "," * (N - 2) + "]",
    "names": '{"solution": "' + "w=" * (N // 2 - 10) + '"}',
    "backslashes": '{"' + "\\" * (N - 2),
    "fences": "```" * (N // 3),
    "newlines": "\n" * N,
    "single quotation marks": "{'" * (N // 2),
    "names without values": "{w: " * (N // 4),
    "texts that do not end": "{'a': 'b'c" * (N // 10),
    "comments": "{/*" * (N // 3),
    "tuples": "{'a': " + "(" * (N - 6),
    "tokens": "{'a': [" + "7 , " * (N // 4 - 2),
    "round brackets": "(" * N,
    "a value each line": "w = 7\n" * (N // 6),
    "names in turns": "w=b=" * (N // 4),
    "values out of range": "w=999, b=999\n" * (N // 13),
    "marks": "Answer: " * (N // 8),
    "marked lines": "Answer:\n" * (N // 8),
    "thoughts": "<think>" * (N // 7),
    "ends of thoughts": "</think>" * (N // 8),
    "tags": "<w>" * (N // 3),
    "texts in texts": '{"solution": "' + "{'solution': '" * (N // 15) + '"}',
}


class Counted:
    """A decoder that counts how often it is asked."""

    def __init__(self, decoder: json.JSONDecoder) -> None:
        self._decoder = decoder
        self.failed = 0
        self.read = 0

    def raw_decode(self, text: str, at: int):
        try:
            value, end = self._decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            self.failed += 1
            raise
        self.read += end - at
        return value, end


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", list(FORMS))
def test_a_hostile_reply_is_little_work(name, form, monkeypatch):
    text = HOSTILE[name]
    assert len(text) <= MAX_REPLY
    counted = Counted(parsing._DECODER)
    monkeypatch.setattr(parsing, "_DECODER", counted)
    found = read(text, form)
    assert all(isinstance(item, InvalidSolution) for item in found)
    assert counted.failed <= parsing.MAX_TRIES
    assert counted.read <= len(text)


@pytest.mark.parametrize("form", list(FORMS))
def test_a_reply_of_megabytes_is_not_looked_at(form):
    (found,) = read("7" * 10_000_000, form)
    assert isinstance(found, InvalidSolution)
    assert "longer than" in str(found)


NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["NaN", "1e999", "0x10", "１２", "--5", "", " 7 ", "w=3"]),
    st.text(max_size=5),
)
VALUES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["w", "b", "solution", "solutions", "reasoning", ""]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
PIECES = st.one_of(
    st.text(max_size=20),
    VALUES.map(json.dumps),
    st.sampled_from(
        ["```", "```json\n", "{", "}", "[", "]", '"', "\\", "w=", ", b=", "15", "Infinity", "\n"]
    ),
)


@EXAMPLES
def test_whatever_a_model_says_is_a_point_or_unusable(examples):
    def check(pieces):
        text = "".join(pieces)
        for form in FORMS:
            found = read(text, form)
            assert found
            for item in found:
                assert isinstance(item, InvalidSolution) or item == SPACE.from_values(item)

    for_all(examples, st.lists(PIECES, max_size=12), check)


@EXAMPLES
def test_a_solution_among_words_is_read(examples):
    words = st.text(st.characters(exclude_characters='{}"`'), max_size=40)
    coordinates = st.integers(-100, 100)

    def check(case):
        before, after, w, b, fence = case
        body = json.dumps({"reasoning": after, "solution": {"w": w, "b": b}})
        body = f"```json\n{body}\n```" if fence else body
        assert read(f"{before}\n{body}\n{after}") == [(w, b)]

    for_all(examples, st.tuples(words, words, coordinates, coordinates, st.booleans()), check)
