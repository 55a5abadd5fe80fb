"""Files of questions and answers: published formats, damaged ones, hostile ones."""

from __future__ import annotations

import gzip
import hashlib
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions import files, rows
from opro_cli.problems.instructions.data import Columns, Example, fill, load

QA = Columns("question", "answer")


@pytest.fixture
def put(tmp_path):
    def write(name, contents):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        return str(path)

    return write


def refused(path, columns=QA, after=""):
    with pytest.raises(UsageError) as caught:
        load(path, columns, after)
    assert caught.value.message.isprintable()
    assert caught.value.hint.isprintable()
    return caught.value


# Published formats


def test_big_bench_hard(put):
    contents = json.dumps({"canary": "x", "examples": [{"input": "not True", "target": "False"}]})
    found = load(put("boolean_expressions.json", contents), Columns("input", "target"))
    assert found.examples == (Example(0, "not True", "False"),)
    assert found.digest == hashlib.sha256(contents.encode()).hexdigest()
    assert found.size == len(contents)


def test_gsm8k(put):
    line = json.dumps({"question": "How many?", "answer": "9*2=18 #### no\n#### 1,018"})
    assert load(put("test.jsonl", line), QA, after="####").examples[0].target == "1,018"
    found = load(put("gsm_test.tsv", 'How many "eggs"?\t18\t"b\'x\'"\nTwo?\t2\tb\n'), Columns(0, 1))
    assert [(e.number, e.question, e.target) for e in found.examples] == [
        (0, 'How many "eggs"?', "18"),
        (1, "Two?", "2"),
    ]


def test_mmlu(put):
    columns = Columns("{0}\n(A) {1}\n(B) {2}\n(C) {3}\n(D) {4}", "5", (1, 2, 3, 4))
    found = load(put("law_test.csv", '"Who, or\n""what""?",a,b,"c, d",e,C\r\n'), columns)
    assert found.examples == (
        Example(
            0,
            'Who, or\n"what"?\n(A) a\n(B) b\n(C) c, d\n(D) e',
            "C",
            ("a", "b", "c, d", "e"),
        ),
    )


def test_aqua_has_lines_in_a_json_file(put):
    row = json.dumps({"question": "q", "options": ["A)1", "B)2"], "rationale": "", "correct": "B"})
    columns = Columns("{question}\n{options}", "correct", ("options",))
    for contents in (row, f"{row}\n{row}\n"):
        found = load(put("AQuA.json", contents), columns).examples
        assert found[-1].question == "q\nA)1\nB)2"
        assert found[-1].choices == ("A)1", "B)2")


def test_multi_arith(put):
    contents = '[{"iIndex": 0, "lSolutions": [39.0], "sQuestion": " How many? "}]'
    found = load(put("MultiArith.json", contents), Columns("sQuestion", "lSolutions"))
    assert found.examples == (Example(0, "How many?", "39.0"),)


# What is put up with


def test_values_become_their_text(put):
    contents = '{"question": 1.50, "answer": true}\n\n{"question": "x", "answer": 1e400}\n'
    found = load(put("a.jsonl", contents), QA).examples
    assert [(e.number, e.question, e.target) for e in found] == [
        (0, "1.50", "true"),
        (1, "x", "1e400"),
    ]


@pytest.mark.parametrize(
    "contents",
    [
        b"\xef\xbb\xbfquestion,answer\r\na,b\r\n\r\n,,\r\n"[:-4],
        "question,answer\na,b\n".encode("utf-16"),
        b"question,answer\ra,b\r",
        b'"question","answer"\n"a","b"',
        b" question , answer \n a , b \n , \n",
    ],
)
def test_marks_and_line_ends_of_other_programs(put, contents):
    assert load(put("a.csv", contents), QA).examples == (Example(0, "a", "b"),)


def test_a_tsv_without_quotes(put):
    contents = 'question\tanswer\n"it \'s a " charming journey\t1\n" good\t0\n'
    assert [e.target for e in load(put("sst2.tsv", contents), QA).examples] == ["1", "0"]


def test_gzip_with_several_members(put):
    contents = gzip.compress(b"question,answer\n", mtime=0) + gzip.compress(b"a,b\n") + b"\0\0"
    found = load(put("a.csv.gz", contents), QA)
    assert found.examples == (Example(0, "a", "b"),)
    assert found.digest == hashlib.sha256(contents).hexdigest()


def test_half_of_a_surrogate_pair_is_replaced(put):
    found = load(put("a.jsonl", '{"question": "a\\ud800", "answer": "b"}'), QA).examples[0]
    assert found.question == "a\ufffd"
    found.question.encode()


def test_braces_in_a_template(put):
    path = put("a.jsonl", '{"q": "a{b}", "answer": "b"}')
    assert load(path, Columns("{{x}} {q}", "answer")).examples[0].question == "{x} a{b}"


# What is refused

ROW = '{"question": "a", "answer": "b"}\n'


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [
        ("a.jsonl", ROW + '{"question": "a", "answer": NaN}', ["line 2", "NaN is not JSON"]),
        ("a.jsonl", ROW + '{"question": "a", "answer": "b"', ["line 2", "invalid JSON"]),
        (
            "a.jsonl",
            '{"question": "a", "question": "c", "answer": "b"}',
            ["'question' is given twice"],
        ),
        ("a.jsonl", ROW + '"text"', ["line 2", "a record"]),
        ("a.jsonl", "[" * 200_000, ["nested too deeply"]),
        ("a.json", "[" * 200_000, ["nested too deeply"]),
        ("a.jsonl", '{"question": "a", "answer": null}', ["line 1", "'answer' is null"]),
        ("a.jsonl", '{"question": {"x": 1}, "answer": "b"}', ["'question' is nested"]),
        ("a.jsonl", '{"question": "a", "answer": ["b", "c"]}', ["2 answers"]),
        ("a.jsonl", '{"question": " ", "answer": "b"}', ["question is empty"]),
        ("a.jsonl", '{"question": "a", "answer": ""}', ["answer is empty"]),
        (
            "a.jsonl",
            '{"question": "a", "answre": "b"}',
            ["no column 'answer'", "question, answre", "did you mean answre?"],
        ),
        ("a.jsonl", '["a", "b"]', ["no column 'question'", "columns by number"]),
        ("a.jsonl", "\n\n", ["no rows"]),
        ("a.jsonl", '{"question": "a", "\\u001b[31m": "b"}', ["\\x1b[31m"]),
        ("a.json", "{}", ["no lists of records"]),
        ("a.json", '{"x": [{"a": 1}], "y": [{"a": 1}]}', ["2 lists of records", "x, y"]),
        ("a.json", '[{"question": "a", "answer": "b"},]', ["line 1, column", "invalid JSON"]),
        ("a.json", "3", ["not a list"]),
        ("a.json", "[3]", ["row 0", "a record"]),
        ("a.json", "", ["invalid JSON"]),
        ("a.csv", "question,answer\na,b\nc\n", ["line 3", "1 cells", "has 2"]),
        ("a.csv", 'question,answer\na,"b\nc\n', ["line 2", "invalid CSV"]),
        ("a.csv", "question,question\na,b\n", ["two columns are named 'question'"]),
        ("a.csv", "question;answer\na;b\n", ["no column 'question'", "separated"]),
        ("a.csv", "question,answer\n", ["no rows"]),
        ("a.csv", "question,answer\n" + "x" * 200_000 + ",b\n", ["field larger than field limit"]),
        ("a.csv", b"question,answer\na,b\nc,\xe9\n", ["line 3", "not UTF-8"]),
        ("a.csv", b"\xff\xfea", ["not UTF-8"]),
        ("a.xlsx", "", ["no known format", ".jsonl"]),
        ("a.csv.gz", "question,answer", ["not a gzip file"]),
        ("a.csv.gz", gzip.compress(b"question,answer\na,b\n", mtime=0)[:-9], ["cut off"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(put, name, contents, said):
    error = refused(put(name, contents))
    for words in [name, *said]:
        assert words in f"{error.message} [{error.hint}]"


def test_an_answer_without_the_mark(put):
    assert (
        "line 2: the answer has no '####'"
        in refused(put("a.jsonl", ROW.replace('"b"', '"#### b"') + ROW), after="####").message
    )


def test_files_that_are_none(tmp_path, put):
    put("reviews.csv", "")
    assert "did you mean reviews.csv?" in refused(str(tmp_path / "review.csv")).hint
    assert "directory" in refused(str(tmp_path)).message
    assert "cannot be read" in refused(str(tmp_path / "a\0.csv")).message
    assert "no file" in refused(str(tmp_path / "none" / "a.csv")).message
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        assert "not a regular file" in refused(str(tmp_path / "pipe.csv")).message


def test_a_bomb_of_gzip_is_stopped_early(put, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 5_000_000)
    bomb = put("a.jsonl.gz", gzip.compress(b" " * 50_000_000, mtime=0))
    assert "unpacks to more than 5 MB" in refused(bomb).message
    assert "larger than 5 MB" in refused(put("a.jsonl", " " * 5_000_001)).message


def test_too_many_rows(put, monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROWS", 3)
    assert "more than 3 rows" in refused(put("a.jsonl", ROW * 4)).message
    assert len(load(put("b.jsonl", ROW * 3), QA).examples) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    contents=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
        st.lists(
            st.sampled_from([*'{}[]",:\n\r\t 01\\', "question", "answer", "NaN", "\ufeff"])
        ).map(lambda parts: "".join(parts).encode()),
    ),
    name=st.sampled_from(["a.json", "a.jsonl", "a.csv", "a.tsv", "a.csv.gz", "a.json.gz"]),
    columns=st.sampled_from([QA, Columns(0, 1), Columns("{0} {1}", 0, (1,))]),
)
def test_any_bytes_are_read_or_refused(put, contents, name, columns):
    if name.endswith(".gz") and len(contents) % 2:
        contents = gzip.compress(contents, mtime=0)
    try:
        found = load(put(name, contents), columns)
    except UsageError as error:
        assert error.message.isprintable()
        assert error.hint.isprintable()
        assert len(error.message) < 1500
    else:
        assert all(e.question and e.target for e in found.examples)


# Names of files


def test_names_are_filled():
    assert fill("bbh/{task}_{split}.json", "snarks", "test") == "bbh/snarks_test.json"
    assert fill("plain.json") == "plain.json"
    assert fill("{task}", "{split}", "x") == "{split}"


@pytest.mark.parametrize(
    "task", ["../x", "..", "a/b", "a\\b", "C:x", ".x", "~x", "a\0", "a\nb", "x" * 201, "", " x"]
)
def test_names_do_not_leave_the_folder(task):
    with pytest.raises(UsageError) as caught:
        fill("data/{task}.json", task)
    assert caught.value.message.isprintable()


def test_unknown_placeholders_are_refused():
    with pytest.raises(UsageError) as caught:
        fill("{tasks}.json", "x")
    assert caught.value.hint == "did you mean task?"
