"""Reads the bytes of one data file, also compressed, and fills names of files.

gzip: RFC 1952. It is unpacked piece by piece, so that a file that swells beyond the limit (a bomb)
takes no memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import stat
import zlib
from pathlib import Path

from opro_cli.core.errors import UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean

MAX_BYTES = 200_000_000
"""The most that is read of a file, and unpacked of it."""

PIECE = 1 << 20

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

_UNSAFE = re.compile(r"[/\\:\x00-\x1f\x7f]|\.\.|^[.~\s]|\s$")


def read_file(path: str) -> tuple[bytes, str, int]:
    """The contents of a file, unpacked if its name ends with ``.gz``.

    Returns:
        The contents, the SHA-256 of the file as it is on disk, and its size there in bytes.

    Raises:
        UsageError: there is no such file, or it cannot be read, is too large or is damaged.
    """
    raw = _bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    contents = _unpack(raw, path) if path.lower().endswith(".gz") else raw
    return contents, digest, len(raw)


def find_file(name: str, folder: str, published_at: str = "") -> str:
    """The path of a file, in a folder or else in the current one.

    Args:
        name: a path; one that is not absolute is looked for in both.
        folder: looked in first; empty for none.
        published_at: where the file can be had, for the message.

    Raises:
        UsageError: there is none.
    """
    places = [Path(folder, name), Path(name)] if folder else [Path(name)]
    for place in places:
        with contextlib.suppress(OSError, ValueError):  # too long, or a NUL
            if place.is_file():
                return str(place)
    origin = f"; it is published at {published_at}" if published_at else ""
    near = _nearest(str(places[0])) if not published_at else ""
    raise UsageError(
        f"problem.data: there is no file {clean(name, 200)}{origin}.",
        near or "name it with --data, from the current folder",
    )


def stamp(path: str) -> tuple[int, int]:
    """What is another one when the file was changed. Raises UsageError."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise UsageError(f"data: {clean(path, 200)} cannot be read: {error.strerror}.") from None
    return status.st_mtime_ns, status.st_size


def fill(path_template: str, task: str = "", split: str = "") -> str:
    """The name of a file with ``{task}`` and ``{split}`` filled in.

    Raises:
        UsageError: another placeholder, one without a value, or a value that leaves the folder.
    """
    values = {"task": task, "split": split}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise UsageError(
                f"data: {clean(path_template, 100)} has the placeholder {{{clean(name, 40)}}}.",
                did_you_mean(name, values) or "only {task} and {split} are filled in",
            )
        if not values[name]:
            raise UsageError(
                f"data: {clean(path_template, 100)} needs a {name}.",
                f"as in --target {name}=NAME" if name == "task" else "name the three splits",
            )
        if _UNSAFE.search(values[name]) or len(values[name]) > 200:
            raise UsageError(
                f"data: the {name} {clean(values[name], 60)!r} cannot be a part of a file's name.",
                "it must not have a path separator, a colon, two dots or a dot at its start",
            )
        return values[name]

    return _PLACEHOLDER.sub(value, path_template)


def _bytes(path: str) -> bytes:
    """What is in a regular file. Raises UsageError."""
    shown = clean(path, 200)
    try:
        file = Path(path)
        state = file.stat()
        if stat.S_ISDIR(state.st_mode):
            raise UsageError(f"data: {shown} is a directory.", "name a file in it")
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"data: {shown} is not a regular file.")
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = _nearest(path) or "a relative name is seen from the current folder"
        raise UsageError(f"data: there is no file {shown}.", hint) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"data: {shown} cannot be read: {why}.") from None
    if len(raw) > MAX_BYTES:
        raise UsageError(
            f"data: {shown} is larger than {MAX_BYTES / 1e6:,.0f} MB.", "take a part of it"
        )
    return raw


def _nearest(path: str) -> str:
    """A hint with files of about this name in the same folder."""
    try:
        names = [file.name for _, file in zip(range(1000), Path(path).parent.iterdir())]  # noqa: B905
    except OSError:
        return "check the folder's name; a relative name is seen from the current folder"
    return clean(did_you_mean(Path(path).name, names), 200)


def _unpack(raw: bytes, path: str) -> bytes:
    """The contents of a gzip file of one or more members. Raises UsageError."""
    shown = clean(path, 200)
    parts: list[bytes] = []
    size, rest = 0, raw
    try:
        while rest.strip(b"\0"):  # a file may be padded with zeros
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                part = member.decompress(rest, PIECE)
                rest = member.unconsumed_tail
                size += len(part)
                parts.append(part)
                if size > MAX_BYTES:
                    raise UsageError(
                        f"data: {shown} unpacks to more than {MAX_BYTES / 1e6:,.0f} MB.",
                        "take a part of it",
                    )
                if not part and not rest and not member.eof:
                    raise UsageError(f"data: {shown} ends in the middle: it is cut off.")
            rest = member.unused_data
    except zlib.error:
        raise UsageError(f"data: {shown} is not a gzip file, or damaged.") from None
    return b"".join(parts)
