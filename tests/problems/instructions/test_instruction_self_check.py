"""The self-check refuses metrics that can be gamed, and targets that cannot be met."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import Grade, metric_for
from opro_cli.problems.instructions.self_check import check_metric, leave_out_unanswerable


def rows(*targets):
    return [Example(i, f"question {i}", target) for i, target in enumerate(targets)]


@dataclass
class Substring:
    """The rule of the published metric: an answer that contains the target is right."""

    name: str = "substring"
    version: int = 1

    def grade(self, example, reply):
        return Grade(reply, float(example.target in reply))


@pytest.mark.parametrize(
    ("targets", "constant"),
    [
        (["valid"] * 5 + ["invalid"] * 5, "'invalid' scores 100%"),
        (["True", "False", "True"], "'True False' scores 100%"),
        (["no", "no", "yes", "yes", "yes"] * 2, "scores 100%"),
        (["]", "] )", "> ) ]", "> ) ]  }"], "scores"),
        (["a", "a b", "a b c"], "'a b c' scores 100%"),
    ],
)
def test_the_published_metric_is_refused(targets, constant):
    with pytest.raises(UsageError) as caught:
        check_metric(Substring(), rows(*targets))
    assert "can be gamed" in caught.value.message
    assert constant in caught.value.message


@pytest.mark.parametrize(
    ("metric", "targets", "share", "label"),
    [
        (metric_for("label", ["valid", "invalid"]), ["valid", "invalid", "valid"], 2 / 3, "valid"),
        (metric_for("exact"), ["a", "b", "b", "b."], 3 / 4, "b"),
        (metric_for("number"), ["18", "18.0", "$3"], 2 / 3, "18"),
        (metric_for("choice"), ["(A)", "B", "(B)"], 2 / 3, "B"),
        (
            metric_for("json"),
            ['{"a": 1, "b": 2}', '{"b": 2, "a": 1.0}', "[]"],
            2 / 3,
            '{"a": 1, "b": 2}',
        ),
    ],
)
def test_the_floor_is_the_most_frequent_answer(metric, targets, share, label):
    found = check_metric(metric, rows(*targets))
    assert found.majority_share == pytest.approx(share)
    assert found.majority_label == label
    assert found.constants[0][1] == pytest.approx(share)
    assert not found.warnings


def test_contains_is_refused_where_all_answers_in_a_row_are_right():
    with pytest.raises(UsageError, match="can be gamed: the constant answer 'cat dog' scores 100%"):
        check_metric(metric_for("contains"), rows("cat", "dog", "cat"))


def test_contains_warns_of_an_answer_inside_another():
    targets = [f"word{i}" for i in range(30)] + ["New York", "York"]
    with pytest.raises(UsageError, match="'New York' scores"):
        check_metric(metric_for("contains"), rows(*targets))
    found = check_metric(metric_for("contains"), rows(*targets, "word1", "a much longer city name"))
    assert "'York' is inside the answer 'New York'" in found.warnings[0]


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        (metric_for("number"), "seven"),
        (metric_for("number"), "1/2"),
        (metric_for("label", ["a", "b"]), "c"),
        (metric_for("choice"), "Monsters, Inc"),
        (metric_for("json"), "{a: 1}"),
        (metric_for("regex", pattern="<.*>"), "x"),
    ],
)
def test_a_target_that_is_wrong_against_itself_is_named(metric, target):
    with pytest.raises(UsageError) as caught:
        check_metric(metric, rows(target))
    assert "row 0" in caught.value.message
    assert target in caught.value.message


def test_a_row_that_nobody_can_answer_is_left_out_and_said():
    kept, warnings = leave_out_unanswerable(metric_for("number"), rows("1", "many", "3"))
    assert [e.number for e in kept] == [0, 2]
    assert warnings == ("Row 1 is left out: no reply can be right for its answer.",)
    with pytest.raises(UsageError, match="row 0"):
        leave_out_unanswerable(metric_for("number"), rows("few", "many", "3"))
    with pytest.raises(UsageError, match="row 0"):
        leave_out_unanswerable(metric_for("number"), rows("few"))


def test_no_room_is_a_warning():
    metric = metric_for("label", ["a", "b"])
    assert "All 3" in check_metric(metric, rows("a", "a", "a")).warnings[0]
    assert "95%" in check_metric(metric, rows(*["a"] * 19, "b")).warnings[0]


def test_no_examples():
    with pytest.raises(UsageError, match="no training examples"):
        check_metric(metric_for("exact"), [])


def test_hostile_targets_stay_out_of_messages():
    with pytest.raises(UsageError) as caught:
        check_metric(metric_for("number"), rows("\x1b[31mred\n"))
    assert caught.value.message.isprintable()
