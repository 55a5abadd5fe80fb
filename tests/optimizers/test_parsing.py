"""Replies are read wherever the solution is, and nothing in one is worse than unusable."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from opro_cli.core.problem import InvalidSolution
from opro_cli.optimizers.opro.metaprompt import FORMS, parsing
from opro_cli.optimizers.opro.metaprompt.base import MAX_REPLY
from opro_cli.problems.regression.linear import LinearSettings
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
