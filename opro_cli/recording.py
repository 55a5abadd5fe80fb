"""A recorded run in one form, whether we recorded it or OPRO's own code did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from opro_cli import __version__
from opro_cli.errors import RunsError, UsageError
from opro_cli.events import (
    PAUSES,
    Event,
    Failed,
    Point,
    Replied,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.runs import RUN_FILE, Recorded, open_run
from opro_cli.spec import RunSpec

DEPTH = 6
"""Directories below a given one that are looked into."""


@dataclass
class Recording:
    """What a run recorded: what it was asked, and what happened, step by step (from 1)."""

    name: str
    spec: RunSpec
    model: str | None
    starts: tuple[Scored, ...] = ()
    replies: dict[tuple[int, int], Reply] = field(default_factory=dict)
    shown: dict[int, list[tuple[Point, str]]] = field(default_factory=dict)
    steps: dict[int, Stepped] = field(default_factory=dict)
    stop: Stopped | None = None
    optimum: float | None = None
    """The value at the target, where it was recorded."""
    events: list[Event] | None = None
    """All of them in their order (replies of a step by number), if the log is ours."""
    changed: str = ""
    """What the checksums say was changed."""
    same_version: bool = False
    """Whether this very version recorded it, so that prompts must be equal to the letter."""


@dataclass(frozen=True)
class Unreadable:
    """A recording that cannot be read."""

    name: str
    why: str


def find(path: Path) -> Iterator[Recording | Unreadable]:
    """Every recording at or below a path, runs of ours and others. Raises UsageError for none."""
    for place in places(path):
        yield from read(place)


def places(path: Path) -> list[Path]:
    """The directories at or below a path that hold recordings. Raises UsageError for none."""
    if not path.exists():
        raise UsageError(
            f"There is no {path}.", "give a run's directory, or one with recorded experiments"
        )
    found = list(_places(path, DEPTH))
    if not found:
        raise UsageError(
            f"There is no recorded run in {path}.",
            "give a run's directory, one with configs.json and results.json, or a directory of "
            "those",
        )
    return found


def _places(path: Path, depth: int) -> Iterator[Path]:
    from opro_cli import reference

    if (path / RUN_FILE).is_file() or (path / reference.RESULTS).is_file():
        yield path
    elif path.is_dir() and depth:
        for child in sorted(path.iterdir()):
            if child.is_dir() and not child.is_symlink():
                yield from _places(child, depth - 1)


def read(place: Path) -> Iterator[Recording | Unreadable]:
    """The recordings in one directory; one, if it is a run of ours."""
    from opro_cli import reference

    if not (place / RUN_FILE).is_file():
        yield from reference.read(place)
        return
    try:
        run = open_run(place, checked=False)
        if run is not None:
            yield _ours(run)
    except RunsError as error:
        yield Unreadable(place.name, error.message)


def _ours(run: Recorded) -> Recording:
    versions = run.about.get("versions")
    version = versions.get("opro") if isinstance(versions, dict) else None
    model = run.about.get("model")
    recording = Recording(run.id, run.spec(), model if isinstance(model, str) else None)
    recording.same_version = version == __version__
    recording.events = list(_ordered(logged.event for logged in run.log(checked=False)))
    recording.changed = _changed(run)
    for event in recording.events:
        match event:
            case Started(pairs):
                recording.starts = pairs
            case Replied(step, sample, reply):
                recording.replies[step, sample] = reply
            case Stepped():
                recording.steps[event.step] = event
            case Stopped():
                recording.stop = event
    return recording


def _changed(run: Recorded) -> str:
    """The first thing that is not as it was written; empty if there is none."""
    try:
        open_run(run.path)
        for _ in run.log():
            pass
    except RunsError as error:
        return error.message
    return ""


def _ordered(events: Iterator[Event]) -> Iterator[Event]:
    """The events with the replies of a step by number, and without pauses and failures that the
    run has outlived: what one that was never interrupted would have recorded."""
    replies: list[Replied] = []
    for event in events:
        if isinstance(event, Replied):
            replies.append(event)
            continue
        if isinstance(event, Failed) or (isinstance(event, Stopped) and event.reason in PAUSES):
            continue
        yield from sorted(replies, key=lambda r: (r.step, r.sample))
        replies = []
        yield event
    yield from sorted(replies, key=lambda r: (r.step, r.sample))
