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
from opro_cli.problems.instructions.metrics import is_own, labels_of, metric_for
from opro_cli.problems.instructions.self_check import leave_out_unanswerable
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
    left_out: tuple[str, ...] = ()
    """A sentence for each row that is left out, because no reply can be right for its answer."""


def load_sets(settings: InstructionFields, task: str = "") -> Sets:
    """The examples of a task. Raises UsageError.

    Rows that the task's metric can never grade as right are left out.
    """
    metric = settings.metric_of(task)
    split = settings.split
    sizes = Sizes(split.train, split.dev, split.test)
    stratified = metric == "label"
    if settings.generated:
        return _generated(settings.generated, sizes, split.seed, stratified)
    if not settings.data:
        raise UsageError(
            "problem.data: there are no data.",
            "name your file with --data, as in --data reviews.jsonl --question text --answer label",
        )
    if "{split}" in settings.data:
        return _from_files(settings, task, metric, sizes)
    path = find_file(fill(settings.data, task), settings.folder, settings.published_at)
    found, left_out = _answerable(_read_for(settings, path), settings, metric)
    parts = _split(found, sizes, split.seed, stratified)
    return _sets(found.examples, parts, found.digest, left_out)


def _sets(
    examples: Sequence[Example],
    numbers: Sequence[tuple[int, ...]],
    digest: str,
    left_out: tuple[str, ...] = (),
) -> Sets:
    by_number = {example.number: example for example in examples}
    train, dev, test = (tuple(by_number[n] for n in part) for part in numbers)
    return Sets(train, dev, test, digest, left_out)


def _read_for(settings: InstructionFields, path: str) -> DataSet:
    return _read(path, stamp(path), settings.columns(), settings.after)


@lru_cache(maxsize=8)
def _read(path: str, stamped: tuple[int, int], columns: Columns, after: str) -> DataSet:
    return load(path, columns, after)


def _answerable(
    found: DataSet, settings: InstructionFields, metric: str
) -> tuple[DataSet, tuple[str, ...]]:
    """The data without the rows whose answer the metric can never grade as right."""
    if is_own(metric):  # it would run code of the user's
        return found, ()
    return _kept(found, metric, settings.labels, settings.tolerance, settings.pattern)


@lru_cache(maxsize=8)
def _kept(
    found: DataSet, name: str, labels: tuple[str, ...], tolerance: float, pattern: str
) -> tuple[DataSet, tuple[str, ...]]:
    if name == "label":
        labels = labels or labels_of(found.examples)
    metric = metric_for(name, labels, tolerance, pattern)
    examples, warnings = leave_out_unanswerable(metric, found.examples)
    return DataSet(examples, found.digest, found.size), warnings


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


def _from_files(settings: InstructionFields, task: str, metric: str, sizes: Sizes) -> Sets:
    """Three files, or two: without one for dev, dev is drawn from train's."""
    found: dict[str, DataSet] = {}
    left_out: list[str] = []
    for part in PARTS:
        try:
            name = fill(settings.data, task, part)
            path = find_file(name, settings.folder, settings.published_at)
        except UsageError:
            if part != "dev":
                raise
            continue
        found[part], sentences = _answerable(_read_for(settings, path), settings, metric)
        left_out += [f"{part}: {sentence}" for sentence in sentences]
    dev = found["dev"].examples if "dev" in found else None
    train, test = found["train"].examples, found["test"].examples
    seed, stratified = settings.split.seed, metric == "label"
    examples, split = split_files(train, dev, test, sizes, seed, stratified=stratified)
    digests = " ".join(data.digest for data in found.values())
    digest = hashlib.sha256(digests.encode()).hexdigest()
    return _sets(examples, (split.train, split.dev, split.test), digest, tuple(left_out))
