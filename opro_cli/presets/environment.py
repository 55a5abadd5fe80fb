"""The environment and ``.env``: one mapping, which knows where each variable was set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from opro_cli.core.errors import UsageError
from opro_cli.presets.reading import read_bytes, reason

MAX_BYTES = 1_000_000


class Environment(Mapping[str, str]):
    """Environment variables over those of ``./.env``. Nothing is exported to child processes.

    Args:
        path: the file; None for the environment alone.

    Raises:
        UsageError: there is a ``.env`` that cannot be read.
    """

    def __init__(self, path: Path | None = Path(".env")) -> None:
        self._file = {} if path is None else _read(path)
        self.named: set[str] = set()
        """Servers that the command line names: they get the user's keys."""

    def __getitem__(self, key: str) -> str:
        return os.environ[key] if key in os.environ else self._file[key]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._file, **os.environ})

    def __len__(self) -> int:
        return len({**self._file, **os.environ})

    def source(self, key: str) -> str:
        """Where a variable was set, for provenance."""
        return f"environment {key}" if key in os.environ else f".env {key}"


def _read(path: Path) -> dict[str, str]:
    if (path / "pyvenv.cfg").exists():  # a virtual environment of that name
        return {}
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {reason(error)}.", "a file of this name holds KEY=VALUE lines"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.", "save it as UTF-8") from None
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {key: value for key, value in values.items() if value is not None}
