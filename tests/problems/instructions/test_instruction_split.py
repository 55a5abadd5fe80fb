"""Train, dev and test: disjoint, the same for ever, stratified, and honest about repetitions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.split import Sizes, split_examples, split_files


def rows(count, labels=("no", "no", "yes")):
    return [Example(i, f"question {i}", labels[i % len(labels)]) for i in range(count)]


def test_a_split_is_the_same_for_ever():
    found = split_examples(rows(20), Sizes(4, 3, 5), seed=7, stratified=True)
    assert (found.train, found.dev, found.test) == FOR_EVER[True]
    found = split_examples(rows(20), Sizes(4, 3, 5), seed=7, stratified=False)
    assert (found.train, found.dev, found.test) == FOR_EVER[False]


FOR_EVER = {
    True: ((6, 2, 18, 0), (14, 4, 13), (19, 17, 16, 1, 11)),
    False: ((2, 6, 18, 0), (4, 13, 19), (14, 16, 1, 17, 10)),
}
"""Never to be changed: runs on disk have drawn theirs like this."""


def test_the_order_of_the_rows_does_not_matter():
    forward = split_examples(rows(30), Sizes(5, 5, 5), 0, stratified=True)
    assert split_examples(rows(30)[::-1], Sizes(5, 5, 5), 0, stratified=True) == forward
    assert split_examples(rows(30), Sizes(5, 5, 5), 1, stratified=True) != forward


@given(st.integers(3, 200), st.integers(0, 99), st.booleans(), st.data())
def test_parts_are_disjoint_and_as_large_as_wanted(count, seed, stratified, data):
    train = data.draw(st.integers(0, count - 1))
    dev = data.draw(st.integers(0, count - 1 - train))
    found = split_examples(rows(count), Sizes(train, dev, None), seed, stratified=stratified)
    assert (len(found.train), len(found.dev)) == (train, dev)
    assert sorted(found.train + found.dev + found.test) == list(range(count))


@given(st.integers(0, 99))
def test_every_part_has_the_share_of_each_label(seed):
    examples = rows(300, ["a"] * 6 + ["b"] * 3 + ["c"])
    found = split_examples(examples, Sizes(100, 50, 30), seed, stratified=True)
    for part in (found.train, found.dev, found.test):
        counts = Counter(examples[i].target for i in part)
        for label, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
            assert abs(counts[label] - share * len(part)) <= 2


def test_shares_are_of_all_rows():
    found = split_examples(rows(50), Sizes(0.2, 0.1, 0.7), 0, stratified=False)
    assert [len(found.train), len(found.dev), len(found.test)] == [10, 5, 35]


def test_a_repeated_question_is_used_once():
    twice = [*rows(10), *(Example(10 + i, f" Question  {i}", "no") for i in range(10))]
    found = split_examples(twice, Sizes(4, 3, None), 0, stratified=True)
    assert sorted(found.train + found.dev + found.test) == list(range(10))
    assert found.repeated == 10


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (Sizes(8, 3, 0), "there are 10 examples; wanted: train 8, dev 3, test 0"),
        (Sizes(8, 2, None), "test at least 1"),
        (Sizes(0.01, 0, None), "train at least 1"),
        (Sizes(-1, 0, None), "split.train: -1"),
        (Sizes(1.5, 0, None), "split.train: 1.5"),
        (Sizes(True, 0, None), "split.train: True"),
        (Sizes(float("nan"), 0, None), "split.train: nan"),
        (Sizes(1, None, None), "dev and test"),
        (Sizes(0.5, 0.5, 0.5), "wanted: train 5, dev 5, test 5"),
    ],
)
def test_sizes_that_cannot_be(sizes, said):
    with pytest.raises(UsageError) as caught:
        split_examples(rows(10), sizes, 0, stratified=False)
    assert said in caught.value.message


def test_too_little_data_names_the_repeated_rows():
    with pytest.raises(UsageError, match="there is 1 example, and 2 rows with a repeated question"):
        split_examples(
            [Example(i, "same", "x") for i in range(3)], Sizes(1, 1, 1), 0, stratified=False
        )


def test_three_files_keep_their_sides():
    examples, found = split_files(
        rows(10), rows(12)[10:], rows(17)[12:], Sizes(4, None, None), 0, stratified=True
    )
    assert [e.number for e in examples] == list(range(17))
    assert len(found.train) == 4 and set(found.train) <= set(range(10))
    assert sorted(found.dev) == [10, 11]
    assert sorted(found.test) == [12, 13, 14, 15, 16]


def test_a_question_of_the_test_is_in_no_other_part():
    examples, found = split_files(rows(10), None, rows(6), Sizes(2, 2, None), 0, stratified=False)
    asked = [examples[i].question for i in found.train + found.dev + found.test]
    assert len(asked) == len(set(asked)) == 10
    assert found.repeated == 6
    with pytest.raises(UsageError, match="there are 4 examples, and 6 rows"):
        split_files(rows(10), None, rows(6), Sizes(3, 2, None), 0, stratified=False)
