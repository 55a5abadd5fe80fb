"""The examples of a preset: read or generated, and split into train, dev and test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions.data import Columns, DataSet, Example, fill, load, made
from opro_cli.problems.instructions.fields import InstructionFields
from opro_cli.problems.instructions.files import find_file, stamp
from opro_cli.problems.instructions.generated import GENERATORS
from opro_cli.problems.instructions.split import PARTS, Sizes, split_examples, split_files

MOST = 200_000
"""Generated examples, at most."""


@dataclass(frozen=True)
class Sets:
    """The examples by use, and the digest of the data they are from."""

    train: tuple[Example, ...] = field(repr=False)
    dev: tuple[Example, ...] = field(repr=False)
    test: tuple[Example, ...] = field(repr=False)
    digest: str


def load_sets(settings: InstructionFields, task: str = "") -> Sets:
    """The examples of a preset for one task. Raises UsageError."""
    split = settings.split
    sizes = Sizes(split.train, split.dev, split.test)
    stratified = settings.metric == "label"
    if settings.generated:
        return _generated(settings.generated, sizes, split.seed, stratified)
    if "{split}" in settings.data:
        return _from_files(settings, task, sizes, stratified)
    path = find_file(fill(settings.data, task), settings.folder)
    found = _read(path, stamp(path), settings.columns(), settings.after)
    parts = _split(found, sizes, split.seed, stratified)
    return _sets(found.examples, parts, found.digest)


def _sets(examples: Sequence[Example], numbers: Sequence[tuple[int, ...]], digest: str) -> Sets:
    by_number = {example.number: example for example in examples}
    train, dev, test = (tuple(by_number[n] for n in part) for part in numbers)
    return Sets(train, dev, test, digest)


@lru_cache(maxsize=8)
def _read(path: str, changed: tuple[int, int], columns: Columns, after: str) -> DataSet:
    return load(path, columns, after)


@lru_cache(maxsize=8)
def _split(
    found: DataSet, sizes: Sizes, seed: int, stratified: bool
) -> tuple[tuple[int, ...], ...]:
    split = split_examples(found.examples, sizes, seed, stratified=stratified)
    return split.train, split.dev, split.test


@lru_cache(maxsize=8)
def _generated(name: str, sizes: Sizes, seed: int, stratified: bool) -> Sets:
    counts = [size for size in (sizes.train, sizes.dev, sizes.test) if isinstance(size, int)]
    if len(counts) < len(PARTS) or not 0 < sum(counts) <= MOST:
        raise UsageError(
            f"problem.split: generated examples need three numbers, at most {MOST:,} in all.",
            "as in `split: {train: 30, dev: 30, test: 100}`",
        )
    generator = GENERATORS[name]
    found = made(generator(np.random.default_rng(seed), sum(counts)))
    return _sets(found.examples, _split(found, sizes, seed, stratified), found.digest)


def _from_files(settings: InstructionFields, task: str, sizes: Sizes, stratified: bool) -> Sets:
    """Three files, or two: without one for dev, dev is drawn from train's."""
    found = {}
    for part in PARTS:
        try:
            path = find_file(fill(settings.data, task, part), settings.folder)
        except UsageError:
            if part != "dev":
                raise
            continue
        found[part] = _read(path, stamp(path), settings.columns(), settings.after)
    dev = found["dev"].examples if "dev" in found else None
    train, test = found["train"].examples, found["test"].examples
    seed = settings.split.seed
    examples, split = split_files(train, dev, test, sizes, seed, stratified=stratified)
    digests = " ".join(data.digest for data in found.values())
    digest = hashlib.sha256(digests.encode()).hexdigest()
    return _sets(examples, (split.train, split.dev, split.test), digest)
