"""Train, dev and test examples: disjoint, drawn from a seed, stratified where targets are labels.

Of rows with the same question only the first is used: a question is on one side, and no two test
examples are the same observation. The order comes from SHA-256 of seed and question, not from a
random generator: NumPy may change the numbers of its generators (NEP 19,
https://numpy.org/neps/nep-0019-rng-policy.html), and a split must not change. So it does not
depend on the order of the rows either.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from opro_cli.core.errors import UsageError
from opro_cli.core.text import plural
from opro_cli.problems.instructions.data import Example

Size: TypeAlias = int | float | None
"""A count of examples, a share of all below 1 (a float), or None for all that is left."""

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Split:
    """The numbers of the examples of each part, in the order in which they are used.

    Args:
        repeated: rows that were left out, because their question was there already.
    """

    train: tuple[int, ...]
    dev: tuple[int, ...]
    test: tuple[int, ...]
    repeated: int = 0


@dataclass(frozen=True)
class Sizes:
    """How many examples each part has. Each is a count, a share, or None for the rest."""

    train: Size = 50
    dev: Size = 50
    test: Size = None


def split_examples(
    examples: Sequence[Example], sizes: Sizes, seed: int, *, stratified: bool
) -> Split:
    """Draw the three parts from one set of examples.

    Args:
        examples: all of them; their numbers differ.
        sizes: of the parts.
        seed: of the draw.
        stratified: whether each part should have about the same share of each target.

    Raises:
        UsageError: a size makes no sense, or there are too few examples.
    """
    unique = _unique(examples)
    counts = _counts(sizes, len(unique), len(examples) - len(unique))
    order = _ordered(unique, seed, stratified)
    first, second = counts["train"], counts["train"] + counts["dev"]
    return Split(
        tuple(e.number for e in order[:first]),
        tuple(e.number for e in order[first:second]),
        tuple(e.number for e in order[second : second + counts["test"]]),
        len(examples) - len(unique),
    )


def split_files(
    train: Sequence[Example],
    dev: Sequence[Example] | None,
    test: Sequence[Example],
    sizes: Sizes,
    seed: int,
    *,
    stratified: bool,
) -> tuple[tuple[Example, ...], Split]:
    """Draw each part from a file of its own.

    A question that is in several files stays in test, then in dev: what is read once at the end
    must be new.

    Args:
        train: examples of the file for training.
        dev: of the file for dev; None to draw dev from train's file.
        test: of the file for the test.
        sizes: of the parts; a share is one of the part's own file.
        seed: of the draw.
        stratified: as of :func:`split_examples`.

    Returns:
        All examples, numbered on from train over dev to test, and their split.

    Raises:
        UsageError: as of :func:`split_examples`.
    """
    given = [*train, *(dev or ()), *test]
    examples = tuple(replace(e, number=i) for i, e in enumerate(given))
    end = len(train) + len(dev or ())
    files = {
        "train": examples[: len(train)],
        "dev": examples[len(train) : end],
        "test": examples[end:],
    }
    seen: set[str] = set()
    parts: dict[str, list[Example]] = {}
    for part in reversed(PARTS):
        parts[part] = _unique(files[part], seen)
        seen |= {_key(e) for e in parts[part]}
    repeated = len(given) - sum(map(len, parts.values()))
    drawn: dict[str, list[Example]] = {}
    if dev is None:
        counts = _counts(
            replace(sizes, test=0), len(parts["train"]), len(train) - len(parts["train"])
        )
        order = _ordered(parts["train"], seed, stratified)
        drawn["train"] = order[: counts["train"]]
        drawn["dev"] = order[counts["train"] :][: counts["dev"]]
    for part in PARTS:
        if part not in drawn:
            size = getattr(sizes, part)
            count = _counts(
                Sizes(**{**dict.fromkeys(PARTS, 0), part: size}),
                len(parts[part]),
                len(files[part]) - len(parts[part]),
            )[part]
            drawn[part] = _ordered(parts[part], seed, stratified)[:count]
    numbers = {part: tuple(e.number for e in drawn[part]) for part in PARTS}
    return examples, Split(numbers["train"], numbers["dev"], numbers["test"], repeated)


def _key(example: Example) -> str:
    """The same for questions that differ in white space, or in upper and lower case, alone."""
    text = unicodedata.normalize("NFKC", example.question).casefold()
    return " ".join(text.split())


def _unique(examples: Iterable[Example], seen: Iterable[str] = ()) -> list[Example]:
    known = {*seen}
    found = []
    for example in examples:
        key = _key(example)
        if key not in known:
            known.add(key)
            found.append(example)
    return found


def _counts(sizes: Sizes, there: int, repeated: int) -> Mapping[str, int]:
    """Whole counts. Raises UsageError."""
    given: dict[str, Size] = {part: getattr(sizes, part) for part in PARTS}
    counts: dict[str, int] = {}
    for part, size in given.items():
        if size is None:
            continue
        whole = isinstance(size, int) and not isinstance(size, bool)
        if not (size >= 0 if whole else 0 < size < 1):
            raise UsageError(
                f"split.{part}: {size} is neither a count nor a share below 1.",
                "as in `split: {train: 50, dev: 50, test: 0.5}`",
            )
        counts[part] = int(size) if whole else int(Fraction(str(size)) * there)
    rest = [part for part, size in given.items() if size is None]
    if len(rest) > 1:
        raise UsageError(f"split: only one part can be the rest, not {' and '.join(rest)}.")
    left = there - sum(counts.values())
    counts |= dict.fromkeys(rest, left)
    empty = [p for p, count in counts.items() if not count and given[p] not in (0, None)]
    if left < 0 or (rest and left < 1) or empty:
        wanted = ", ".join(
            f"{part} {'at least 1' if part in rest or part in empty else f'{counts[part]:,}'}"
            for part in PARTS
        )
        again = f", and {plural(repeated, 'row')} with a repeated question" if repeated else ""
        verb = "is" if there == 1 else "are"
        raise UsageError(
            f"split: there {verb} {plural(there, 'example')}{again}; wanted: {wanted}.",
            "lower a size under `split:`, or give more data",
        )
    return counts


def _ordered(examples: Sequence[Example], seed: int, stratified: bool) -> list[Example]:
    """The examples in the order of the draw.

    Stratified: the examples of a label are spread evenly over the order, so that every stretch of
    it has about the share of each label that all have.
    """
    order = sorted(examples, key=lambda e: _hash(seed, "row", _key(e)))
    if not stratified:
        return order
    labels: dict[str, list[Example]] = {}
    for example in order:
        labels.setdefault(_form(example), []).append(example)
    places = [
        ((i + Fraction(_hash(seed, "label", label) % 997 + 1, 999)) / len(group), label, example)
        for label, group in labels.items()
        for i, example in enumerate(group)
    ]
    return [example for _, _, example in sorted(places, key=lambda place: place[:2])]


def _form(example: Example) -> str:
    return unicodedata.normalize("NFC", example.target).casefold().strip()


def _hash(seed: int, *words: str) -> int:
    text = "/".join((str(seed), *words))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
