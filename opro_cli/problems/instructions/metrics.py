"""Metrics: from a reply to a grade. Pure and strict: the same reply always has the same grade.

``METRICS`` names the classes. The rules, and the answers that other metrics let through, are in
``reading``; the form of an answer ("####", ``\\boxed{}``) is that of GSM8K and of MATH
(https://github.com/hendrycks/math). A metric has a ``version``, which changes when a reply could
be graded differently; it is recorded with a run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal, Protocol

from opro_cli.core.errors import UsageError
from opro_cli.core.registry import Registry
from opro_cli.core.text import clean
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.reading import (
    MOST_CHARS,
    after_announcement,
    answer_text,
    joined,
    last_number,
    phrases_in,
    plain,
    region,
    same_form,
)

MOST_LABELS = 20


@dataclass(frozen=True)
class Grade:
    """What was read from a reply, and how good it is.

    Args:
        read: the answer that was read, in one form for equal answers; empty if unread.
        score: from 0 (wrong, or unread) to 1 (right).
        status: whether the reply has an answer that can be read.
        feedback: what is wrong, as a sentence for the optimizer; may be empty.
    """

    read: str
    score: float
    status: Literal["read", "unread"] = "read"
    feedback: str = ""


class Metric(Protocol):
    """What grades replies."""

    @property
    def name(self) -> str:
        """As in a preset."""
        ...

    @property
    def version(self) -> int:
        """Another one where a reply could be graded differently."""
        ...

    def grade(self, example: Example, reply: str) -> Grade:
        """Grade a reply to an example's question. Raises nothing for any text."""
        ...

    def __hash__(self) -> int: ...


def unread(why: str) -> Grade:
    """The grade of a reply without an answer."""
    return Grade("", 0.0, "unread", why)


def _graded(read: str, right: bool) -> Grade:
    return Grade(read, float(right))


@dataclass(frozen=True)
class Exact:
    """The answer is the target, but for white space, quotes round it and a final stop."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1

    def grade(self, example: Example, reply: str) -> Grade:
        """A target of several lines is compared with all that follows an announcement."""
        several = "\n" in example.target.strip()
        read = same_form(after_announcement(reply) if several else region(reply))
        if not read:
            return unread("The reply is empty.")
        return _graded(read, read == same_form(example.target))


@dataclass(frozen=True)
class Label:
    """Exactly one label is in the answer, as a whole word, and it is the target.

    Args:
        labels: all labels; upper and lower case are the same.
    """

    labels: tuple[str, ...]
    name: ClassVar[str] = "label"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        forms = [plain(label) for label in self.labels]
        if len(forms) < 2 or len({*forms}) < len(forms) or "" in forms:
            raise UsageError(
                "labels: at least two different ones are wanted; upper and lower case are the same."
            )

    def grade(self, example: Example, reply: str) -> Grade:
        """No label, two different ones, or one after "not", are no answer."""
        found, negated = phrases_in(answer_text(reply), self.labels)
        if len(found) != 1 or negated:
            return unread(
                "A label is negated."
                if negated and len(found) == 1
                else f"The answer has {joined(sorted(found))}, not one label."
                if found
                else "The answer has no label."
            )
        read = found.pop()
        label = next((one for one in self.labels if plain(one) == read), read)
        return _graded(label, read == plain(example.target))


@dataclass(frozen=True)
class Number:
    """The last number of the answer is the target, exactly or within a tolerance.

    Args:
        tolerance: the largest difference, as a decimal number such as "0.01".
    """

    tolerance: str = "0"
    name: ClassVar[str] = "number"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        found = last_number(self.tolerance)
        if found is None or Fraction(found) < 0:
            raise UsageError(f"tolerance: {clean(self.tolerance, 40)!r} is no decimal number.")

    def grade(self, example: Example, reply: str) -> Grade:
        """Numbers are compared as decimals, without rounding; words such as "two" are none."""
        found, wanted = last_number(region(reply)), last_number(example.target)
        if found is None:
            return unread("The answer does not end with a number.")
        value = Fraction(found)
        right = wanted is not None and abs(value - Fraction(wanted)) <= Fraction(
            last_number(self.tolerance) or 0
        )
        return _graded(_decimal(found), right)


def _decimal(number: str) -> str:
    """One form for equal numbers: 18 for 18.0 and 018."""
    if "e" in number.lower():
        return number.lower()
    whole, _, part = number.partition(".")
    part = part.rstrip("0")
    whole = whole.lstrip("-+").lstrip("0") or "0"
    sign = "-" if number.startswith("-") and (whole != "0" or part) else ""
    return sign + whole + (f".{part}" if part else "")


@dataclass(frozen=True)
class Contains:
    """The target is somewhere in the reply, as whole words. Lenient: see the self-check."""

    name: ClassVar[str] = "contains"
    version: ClassVar[int] = 1

    def grade(self, example: Example, reply: str) -> Grade:
        """Upper and lower case, white space and emphasis do not matter."""
        text = reply[-MOST_CHARS:]
        if not text.strip():
            return unread("The reply is empty.")
        found, _ = phrases_in(text, (example.target,))
        return _graded(example.target if found else clean(region(reply), 200), bool(found))


@dataclass(frozen=True)
class Pattern:
    """What a regular expression matches last in the reply is the target, as ``exact`` compares.

    Args:
        pattern: of Python (https://docs.python.org/3/library/re.html); the group ``answer``, else
            the first group, else the whole match is the answer.
    """

    pattern: str
    name: ClassVar[str] = "regex"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        try:
            compiled = re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(
                f"pattern: not a regular expression: {clean(str(error), 100)}."
            ) from None
        if not self.pattern or compiled.fullmatch(""):
            raise UsageError("pattern: it must match something, and not the empty text.")

    def grade(self, example: Example, reply: str) -> Grade:
        """A reply without a match, or with an empty one, has no answer."""
        read = ""
        for match in re.finditer(self.pattern, reply[-MOST_CHARS:]):
            group: int | str = (
                "answer" if "answer" in match.re.groupindex else match.re.groups and 1
            )
            read = same_form(match[group] or "")
        if not read:
            return unread("The reply does not match the pattern.")
        return _graded(read, read == same_form(example.target))


METRICS: Registry[type[Metric]] = Registry(
    "metric",
    {
        "exact": Exact,
        "label": Label,
        "choice": "opro_cli.problems.instructions.choice_metric:Choice",
        "number": Number,
        "contains": Contains,
        "regex": Pattern,
        "json": "opro_cli.problems.instructions.json_metric:Json",
    },
)
"""Metrics by name. A name ``file.py:function`` is a user's own and is none of these."""

OWN_METRIC = re.compile(r".+:[A-Za-z_][A-Za-z0-9_.]*")


def is_own(name: str) -> bool:
    """Whether the name of a metric is that of a function of the user's."""
    return OWN_METRIC.fullmatch(name) is not None


_OPTIONS = {"label": "labels", "number": "tolerance", "regex": "pattern"}


def metric_for(
    name: str, labels: Sequence[str] = (), tolerance: str | float = 0, pattern: str = ""
) -> Metric:
    """The metric of this name.

    Args:
        name: of ``METRICS``.
        labels: for ``label``, all of them.
        tolerance: for ``number``, the largest difference.
        pattern: for ``regex``.

    Raises:
        UsageError: there is no such metric, its option is missing or wrong, or an option is
            another metric's.
    """
    METRICS.check(name, "metric")
    given = {"labels": bool(labels), "tolerance": bool(tolerance), "pattern": bool(pattern)}
    for option, set_ in given.items():
        if set_ and _OPTIONS.get(name) != option:
            owner = next(metric for metric, o in _OPTIONS.items() if o == option)
            raise UsageError(f"{option}: it is only for `metric: {owner}`, not for {name}.")
    if name == "label":
        return Label(tuple(labels))
    if name == "number":
        return Number(str(tolerance))
    if name == "regex":
        return Pattern(pattern)
    return METRICS[name]()


def labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The different targets, sorted, if there are few enough to be labels. Raises UsageError."""
    found: dict[str, str] = {}
    for example in examples:
        found.setdefault(plain(example.target), example.target)
        if len(found) > MOST_LABELS:
            raise UsageError(
                f"There are more than {MOST_LABELS} different answers: these are no labels.",
                "set `labels`, or another metric: exact, number or choice",
            )
    return tuple(sorted(found.values()))
