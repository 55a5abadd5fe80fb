"""What a target of an export is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opro_cli.core.errors import OproError, UsageError
from opro_cli.runs.store import StoredRun


class ExportFailed(OproError):
    """A server, or a place for a file, has not taken what was exported."""


@dataclass(frozen=True)
class Destination:
    """Where an export goes, and what goes there.

    Args:
        path: a file or a directory; None where a server is named.
        endpoint: the server that the user has named; empty where a path is named. Nothing is
            sent to any other.
        texts: whether prompts, replies and what was found go, too.
        env: environment variables, those of ``.env`` included: headers for the server.
        redact: removes every key of the environment from a text.
    """

    path: Path | None = None
    endpoint: str = ""
    texts: bool = True
    env: Mapping[str, str] | None = None
    redact: Callable[[str], str] = lambda text: text


@dataclass(frozen=True)
class Exported:
    """What became of an export.

    Args:
        place: where the runs are now.
        items: what is there by kind, such as spans.
        notes: further sentences for the user.
    """

    place: str
    items: Mapping[str, int]
    notes: tuple[str, ...] = ()


class Target(ABC):
    """One form in which runs are exported."""

    summary: str
    """One line for the help."""
    to_path: bool = False
    """Whether it can be written to a path."""
    to_server: bool = False
    """Whether it can be sent to a server."""

    def check(self, where: Destination) -> None:
        """Raises UsageError, before anything is read, for a place that cannot be."""
        if where.path is not None and where.endpoint:
            raise UsageError("--output and --endpoint exclude each other.", "leave one out")
        if where.endpoint and not self.to_server:
            raise UsageError("--endpoint: this target is no server's.", "give -o PATH instead")
        if where.path is not None and not self.to_path:
            raise UsageError("--output: this target is a server's.", "give --endpoint URL instead")
        if where.path is None and not where.endpoint:
            ways = ["-o PATH"] * self.to_path + ["--endpoint URL"] * self.to_server
            raise UsageError("The export has no place to go to.", f"give {' or '.join(ways)}")
        if where.endpoint:
            from opro_cli.llm.network import checked_address

            checked_address(where.endpoint, "--endpoint")

    @abstractmethod
    def export(self, runs: Sequence[StoredRun], where: Destination) -> Exported:
        """Export the runs.

        Raises:
            RunsError: a log is damaged.
            ExportFailed: the place does not take it.
            UsageError: a package is missing.
        """


def write_file(path: Path, text: str) -> None:
    """Write a file whole. Raises ExportFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportFailed(
            f"{path} cannot be written: {error.strerror}.", "choose another --output"
        ) from None
