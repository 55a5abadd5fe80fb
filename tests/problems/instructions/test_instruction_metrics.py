"""Metrics are strict: what the published metric lets through is wrong or unread here."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import METRICS, labels_of, metric_for
from opro_cli.problems.instructions.reading import region

OPTIONS = "Who won?\nOptions:\n(A) Ann\n(B) Bob Lee\n(C) Bob"
MAKE = {"label": {"labels": ["valid", "invalid"]}, "regex": {"pattern": r"<a>([^<]*)</a>"}}
ALL = [metric_for(name, **MAKE.get(name, {})) for name in METRICS]


def graded(metric, target, reply, question="?", choices=(), **options):
    return metric_for(metric, **options).grade(Example(0, question, target, choices), reply)


# Every line of the table of gamed answers: the published metric is wrong on all of them.


def test_invalid_is_not_valid():
    assert graded("label", "valid", "invalid", labels=["valid", "invalid"]).score == 0
    assert graded("label", "invalid", "invalid", labels=["valid", "invalid"]).score == 1
    assert graded("exact", "valid", "invalid").score == 0
    assert graded("contains", "valid", "invalid").score == 0


def test_true_false_is_neither():
    for target in ("True", "False"):
        grade = graded("label", target, "true false", labels=["True", "False"])
        assert (grade.status, grade.score) == ("unread", 0)


def test_all_brackets_close_nothing():
    for target in ("]", "] ) }", "> ) } ]"):
        assert graded("exact", target, "( [ { < ) ] } >").score == 0


def test_i_do_not_know_is_not_no():
    assert graded("label", "no", "I do not know", labels=["no", "yes"]).status == "unread"


def test_not_sure_is_not_no():
    assert graded("label", "No", "not sure", labels=["No", "Yes"]).status == "unread"


def test_either_of_two_choices_is_none():
    for target in ("(A)", "(B)"):
        assert graded("choice", target, "Either (A) or (B)", OPTIONS).status == "unread"


def test_a_choice_that_is_ruled_out_is_not_taken():
    assert graded("choice", "(B)", "(B) is wrong, so (A)", OPTIONS).score == 0
    assert graded("choice", "(B)", "not (B)", OPTIONS).status == "unread"


def test_more_words_than_wanted_are_wrong():
    assert graded("exact", "a b", "a b c d").score == 0


@pytest.mark.parametrize(("target", "reply"), [("2", "2.5"), ("18", "18.50"), ("3", "2.5")])
def test_numbers_are_not_rounded(target, reply):
    grade = graded("number", target, reply)
    assert (grade.score, grade.status) == (0, "read")


def test_seventeen_is_not_seven():
    for target in ("17", "7"):
        assert graded("number", target, "seventeen").status == "unread"


def test_none_of_them_is_not_one():
    assert graded("number", "1", "none of them").status == "unread"


# The region of the answer


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("first\n\nlast", "last"),
        ("Answer: 3\nBecause 4 is too many.", "3"),
        ("**Answer:**\n\n 7 apples", "7 apples"),
        ("The answer is 3. No: the answer is 4.", "4."),
        ("so it is 2\n#### 18", "18"),
        (r"thus \boxed{\frac{1}{2}} holds.", r"\frac{1}{2}"),
        (r"thus \boxed{18 and so on", "18 and so on"),
        ("Answer: 1\n#### 2", "2"),
        ("```json\n{}\n```", "{}"),
        ("the answer is:", ""),
        ("", ""),
        (" \n\r\n ", ""),
    ],
)
def test_the_region_of_an_answer(reply, wanted):
    assert region(reply) == wanted


# Each metric


@pytest.mark.parametrize(
    ("target", "reply", "score"),
    [
        ("2021-03-25", "2021-03-25", 1),
        ("2021-03-25", ' "2021-03-25." ', 1),
        ("2021-03-25", "`2021-03-25`.", 1),
        ("2021-03-25", "The answer is 2021-03-25.", 1),
        ("2021-03-25", "The date is 2021-03-25", 0),
        ("2021-03-25", "2021-03-25 2021-03-26", 0),
        ("2021-03-25", "2021-03-25..", 0),
        ("caf\u00e9", "cafe\u0301", 1),
        ("a  b", "a b", 1),
        ("A b", "a b", 0),
        ("a.", "a", 1),
        ("a\nb", "Answer:\na\nb", 1),
        ("a\nb", "b", 0),
        (".", ".", 1),
    ],
)
def test_exact(target, reply, score):
    assert graded("exact", target, reply).score == score


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("positive", "positive"),
        ("POSITIVE.", "positive"),
        ("**Positive**", "positive"),
        ("_positive_", "positive"),
        ("The review is positive.", "positive"),
        ("It says positive things, but\nAnswer: negative", "negative"),
        ("very positive", "very positive"),
        ("very\npositive", "very positive"),
        ("positive positive", "positive"),
        ("positive, not negative", ""),
        ("positive\nnegative", ""),
        ("not positive", ""),
        ("It isn't a positive one", ""),
        ("positively", ""),
        ("non-positive", ""),
        ("positive-negative", ""),
        ("valid,positive", "positive"),
        ("neutral", ""),
        ("", ""),
        ("positive is what I would say if I had not read on\nto the end of it", ""),
    ],
)
def test_label(reply, read):
    grade = graded("label", "positive", reply, labels=["positive", "negative", "very positive"])
    assert (grade.read, grade.status) == (read, "read" if read else "unread")
    assert grade.score == (read == "positive")


@pytest.mark.parametrize(
    ("reply", "read"),
    [("1", "1"), ("1.", "1"), ("10", ""), ("1.5", ""), ("-1", "-1"), ("0,1", ""), ("label 0", "0")],
)
def test_labels_that_are_numbers(reply, read):
    assert graded("label", "1", reply, labels=["0", "1", "-1"]).read == read


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("(B)", "B"),
        ("B", "B"),
        ("b", "B"),
        ("b)", "B"),
        ("[B]", "B"),
        ("B. Bob Lee", "B"),
        ("(B) Bob Lee", "B"),
        ("**B**", "B"),
        ("The answer is B.", "B"),
        ("The answer is (B), because (A) is wrong.\nAnswer: (B)", "B"),
        ("Bob Lee", "B"),
        ("It was Bob.", "C"),
        ("bob lee", "B"),
        ("(A) Bob Lee", ""),
        ("A man won", ""),
        ("I think it is B", "B"),
        ("(D)", ""),
        ("Ann or Bob", ""),
        ("A or B", ""),
        ("not Ann", ""),
        ("A, B, C", ""),
        ("nobody", ""),
        ("", ""),
    ],
)
def test_choice(reply, read):
    grade = graded("choice", "(B)", reply, OPTIONS)
    assert (grade.read, grade.status) == (read, "read" if read else "unread")
    assert grade.score == (read == "B")


def test_choice_from_columns_with_letters_of_their_own():
    choices = ("A)21", "B)21.5", "C)22")
    assert graded("choice", "B", "21.5", choices=choices).score == 1
    assert graded("choice", "B", "(B) 21.5", choices=choices).score == 1
    assert graded("choice", "B", "(A) 21.5", choices=choices).status == "unread"


def test_options_that_look_like_letters():
    choices = ("A", "~A", "B", "~B")
    assert graded("choice", "B", "B", choices=choices).score == 1
    assert graded("choice", "C", "(C) B", choices=choices).score == 1
    assert graded("choice", "B", "(C) B", choices=choices).score == 0


def test_a_letter_inside_an_option_is_not_its_letter():
    choices = ("Vitamin B", "Vitamin C", "Vitamin D")
    assert graded("choice", "B", "Vitamin C", choices=choices).score == 1
    assert graded("choice", "C", "Vitamin C", choices=choices).score == 0


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("18", "18"),
        ("18.", "18"),
        ("18.0", "18"),
        ("$1,234.50", "1234.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("−5 °C", "-5"),
        ("50%", "50"),
        ("€ 7", "7"),
        ("3 + 4 = 7", "7"),
        ("x=7", "7"),
        ("1\u202f234", "1234"),
        ("12,345,678", "12345678"),
        (r"\boxed{\$18}", "18"),
        (r"\boxed{18\text{ kg}}", "18"),
        ("**18**", "18"),
        ("He has 3 cats and 18 dogs.", "18"),
        ("1e3", "1e3"),
        ("٣", "3"),
        ("007", "7"),
        ("-0", "0"),
        ("1/2", ""),
        ("2021-03-25", ""),
        ("5-10", ""),
        ("3,4", ""),
        ("1,00", ""),
        ("1.000,50", ""),
        ("1 500", ""),
        ("18kg", ""),
        ("B2", ""),
        ("1e999", ""),
        ("9" * 61, ""),
        ("no digits", ""),
        ("", ""),
    ],
)
def test_number(reply, read):
    assert graded("number", "18", reply).read == read


def test_tolerance_is_exact():
    assert graded("number", "0.1", "0.3", tolerance="0.2").score == 1
    assert graded("number", "0.1", "0.30000000000000001", tolerance="0.2").score == 0
    assert graded("number", "18.0", "18").score == 1


def test_contains_is_of_whole_words():
    assert graded("contains", "Paris", "It is **paris**, I think").score == 1
    assert graded("contains", "Paris", "It is Parisian").score == 0
    assert graded("contains", "Paris", " ").status == "unread"


def test_regex_reads_the_last_match():
    pattern = r"<a>(.*?)</a>"
    assert graded("regex", "y", "<a>x</a> <a>y</a>", pattern=pattern).score == 1
    assert graded("regex", "x", "<a>x</a> <a>y</a>", pattern=pattern).score == 0
    assert graded("regex", "y", "y", pattern=pattern).status == "unread"
    assert graded("regex", "y", "k=1 v=y", pattern=r"k=(\d) v=(?P<answer>\w)").score == 1


@pytest.mark.parametrize(
    ("reply", "score", "status"),
    [
        ('{"n": 3, "a": "x"}', 1, "read"),
        ('{"a": "x", "n": 3.0}', 1, "read"),
        ('```json\n{"a": "x", "n": 3}\n```', 1, "read"),
        ('{"a": "x", "n": "3"}', 0, "read"),
        ('{"a": "x", "n": true}', 0, "read"),
        ('{"a": "x"}', 0, "read"),
        ('{"a": "x", "n": 3, "b": null}', 0, "read"),
        ("[]", 0, "read"),
        ('Here: {"a": "x", "n": 3}', 0, "unread"),
        ('{"a": "x", "a": "x", "n": 3}', 0, "unread"),
        ('{"a": "x", "n": NaN}', 0, "unread"),
        ('{"a": "x", "n": 1e999999999}', 0, "unread"),
        ("[" * 10_000, 0, "unread"),
        ("[" * 101 + "]" * 101, 0, "unread"),
        ("", 0, "unread"),
    ],
)
def test_json(reply, score, status):
    grade = graded("json", '{"a": "x", "n": 3}', reply)
    assert (grade.score, grade.status) == (score, status)


def test_json_says_which_keys_differ():
    grade = graded("json", '{"a": 1, "b": 2}', '{"a": 2, "c": 3}')
    assert grade.feedback == "Keys missing: b; not wanted: c; wrong: a."


# Making one


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("lable", {}, "there is no metric"),
        ("label", {}, "at least two"),
        ("label", {"labels": ["a"]}, "at least two"),
        ("label", {"labels": ["a", "A"]}, "different"),
        ("label", {"labels": ["a", "*"]}, "different"),
        ("exact", {"labels": ["a", "b"]}, "only for `metric: label`"),
        ("exact", {"tolerance": 1}, "only for `metric: number`"),
        ("number", {"tolerance": -1}, "tolerance"),
        ("number", {"tolerance": "nan"}, "tolerance"),
        ("regex", {}, "pattern"),
        ("regex", {"pattern": "("}, "not a regular expression"),
        ("regex", {"pattern": "a*"}, "not the empty text"),
    ],
)
def test_what_makes_no_metric(name, options, why):
    with pytest.raises(UsageError) as caught:
        metric_for(name, **options)
    assert why in caught.value.message


def test_names_and_versions_are_recorded():
    assert {m.name for m in ALL} == {*METRICS}
    assert all(m.version >= 1 for m in ALL)


def test_labels_of_few_targets():
    rows = [Example(i, str(i), t) for i, t in enumerate(["no", "yes", "No"])]
    assert labels_of(rows) == ("no", "yes")
    with pytest.raises(UsageError, match="more than 20"):
        labels_of([Example(i, str(i), f"t{i}") for i in range(21)])


# Hostile replies


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
@given(target=st.text(min_size=1), reply=st.text(), question=st.text())
def test_any_text_has_a_grade(metric, target, reply, question):
    grade = metric.grade(Example(0, question, target), reply)
    assert grade.score in (0.0, 1.0)
    assert grade.status == "read" or (grade.score == 0 and not grade.read)
    assert grade == metric.grade(Example(0, question, target), reply)


PIECES = [*"()`*_\n.,$-B1", "valid", "invalid", "not", "answer:", "answer", "is", "####"]
PIECES += ["\\boxed{", "}", "(A)", "1,000", "```"]


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
@given(reply=st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_texts_of_telling_pieces_have_a_grade(metric, reply):
    assert metric.grade(Example(0, OPTIONS, "valid"), reply).score in (0.0, 1.0)


@pytest.mark.parametrize(
    "piece",
    [
        "answer is ",
        "not ",
        "(A) ",
        "####",
        "\\boxed{",
        "1,000",
        "1 ",
        "_*`",
        "\n",
        " ",
        "<a>",
        "answer",
        "'",
        "[",
        "\u202f123",
        "not the ",
    ],
)
@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
def test_long_replies_take_no_time(metric, piece):
    start = time.process_time()
    metric.grade(Example(0, OPTIONS, "valid"), piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 2
