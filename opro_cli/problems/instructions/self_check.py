"""Checks a metric on the training examples before anything is spent, without a model.

Every target must be right against itself, and no constant answer may beat the most frequent one.
The second finds the metrics that accept more than the answer: with the metric of
google-deepmind/opro, "invalid" is right for every example of formal_fallacies, and all brackets in
a row for every one of dyck_languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean, plural
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import MOST_LABELS, Metric
from opro_cli.problems.instructions.reading import phrases_in, plain

MOST_UNANSWERABLE = 0.01


@dataclass(frozen=True)
class SelfCheck:
    """What was found.

    Args:
        majority_share: the share of examples, from 0 to 1, whose answer is the most frequent one:
            the floor that an instruction must pass.
        majority_label: that answer.
        constants: constant answers with the mean score of each, the best first.
        warnings: sentences for the user.
    """

    majority_share: float
    majority_label: str
    constants: tuple[tuple[str, float], ...]
    warnings: tuple[str, ...] = ()


def check_metric(
    metric: Metric, examples: Sequence[Example], labels: Sequence[str] = ()
) -> SelfCheck:
    """Grade the targets, and constant answers.

    Args:
        metric: what grades.
        examples: those of the training part; at least one.
        labels: all labels; the different targets are taken where there are at most 20.

    Raises:
        UsageError: a target is not right against itself, or a constant answer beats the most
            frequent answer.
    """
    if not examples:
        raise UsageError("There are no training examples to check the metric with.")
    answers = [_own_answer(metric, example) for example in examples]
    counted = Counter(answers)
    most, times = min(counted.items(), key=lambda item: (-item[1], item[0]))
    share = Fraction(times, len(examples))
    scores = _scores(metric, examples, _constants(examples, labels))
    constants = sorted(scores.items(), key=lambda found: -found[1])
    constant, score = constants[0]
    if score > float(share) + 1e-9:
        raise UsageError(
            f"The metric {metric.name} can be gamed: the constant answer {clean(constant, 60)!r} "
            f"scores {score:.0%} of {plural(len(examples), 'training example')}, where the most "
            f"frequent answer is {clean(most, 60)!r} with {float(share):.0%}.",
            "take a stricter metric: label, choice, number or exact",
        )
    return SelfCheck(float(share), most, tuple(constants), tuple(_warnings(metric, counted)))


@lru_cache(maxsize=64)
def checked(metric: Metric, examples: tuple[Example, ...], labels: tuple[str, ...]) -> SelfCheck:
    """As :func:`check_metric`, done once."""
    return check_metric(metric, examples, labels)


def leave_out_unanswerable(
    metric: Metric, examples: Sequence[Example]
) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """Leave out the few rows whose target no reply can meet, as published files have them.

    In BIG-Bench Hard, row 163 of movie_recommendation has the target "Monsters, Inc" with the
    options "(A) Monsters (B) Inc …".

    Args:
        metric: what grades.
        examples: all of them, before the split.

    Returns:
        The examples that are left, and a warning for each row that is not.

    Raises:
        UsageError: more than one in a hundred (and more than one) are of this kind.
    """
    errors: dict[int, UsageError] = {}
    for example in examples:
        try:
            _own_answer(metric, example)
        except UsageError as error:
            errors[example.number] = error
    if len(errors) > max(1, len(examples) * MOST_UNANSWERABLE):
        raise next(iter(errors.values()))
    kept = tuple(e for e in examples if e.number not in errors)
    if not kept:
        raise next(iter(errors.values()))
    return kept, tuple(
        f"Row {number} is left out: no reply can be right for its answer." for number in errors
    )


def _own_answer(metric: Metric, example: Example) -> str:
    """What the metric reads from the target itself. Raises UsageError unless that is right."""
    grade = metric.grade(example, example.target)
    if grade.status == "read" and grade.score == 1:
        return grade.read
    read = f"reads {clean(grade.read, 60)!r}" if grade.status == "read" else "reads no answer"
    raise UsageError(
        f"The metric {metric.name} {read} in the answer {clean(example.target, 60)!r} of row "
        f"{example.number}, and says that it is wrong.",
        clean(grade.feedback, 200) or "take another metric, or `after:` where the answer has more",
    )


def _constants(examples: Sequence[Example], labels: Sequence[str]) -> list[str]:
    """Answers that are tried for every example, each once."""
    targets = {plain(e.target): e.target for e in examples}
    several = [*labels] or ([*targets.values()] if len(targets) <= MOST_LABELS else [])
    found = [
        *several,
        *(
            separator.join(order)
            for separator in (" ", ", ", "\n")
            for order in (several, several[::-1])
        ),
        max((e.target for e in examples), key=lambda target: (len(target), target)),
        "I do not know",
        "none of them",
        "not sure",
        "{}",
        "",
    ]
    return list(dict.fromkeys(found))


def _scores(
    metric: Metric, examples: Sequence[Example], constants: Sequence[str]
) -> dict[str, float]:
    """The mean score of each constant answer."""
    sums = dict.fromkeys(constants, Fraction(0))
    for example in examples:
        for constant in constants:
            sums[constant] += Fraction(metric.grade(example, constant).score)
    return {constant: float(total / len(examples)) for constant, total in sums.items()}


def _warnings(metric: Metric, answers: Counter[str]) -> list[str]:
    found = []
    top, times = answers.most_common(1)[0]
    total = answers.total()
    if len(answers) == 1 and total > 1:
        found.append(f"All {total:,} training examples have the answer {clean(top, 60)!r}.")
    elif times >= 0.9 * total and total > 1:
        found.append(f"{times / total:.0%} of the answers are {clean(top, 60)!r}: little room.")
    if metric.name == "contains":
        inside = _inside(sorted(answers, key=lambda a: (len(a), a))[:200])
        if inside:
            short, long = (clean(text, 60) for text in inside)
            found.append(
                f"The answer {short!r} is inside the answer {long!r}, so a reply with the second "
                "is right for both; metric label or exact is stricter."
            )
    return found


def _inside(answers: Sequence[str]) -> tuple[str, str] | None:
    """The first two answers of which one contains the other."""
    return next(
        (
            (short, long)
            for i, short in enumerate(answers)
            for long in answers[i + 1 :]
            if plain(short) in plain(long) and phrases_in(long, (short,))[0]
        ),
        None,
    )
