"""The environment and ``.env``: what the tool reads from them, and from which of the two."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values


class Environment(Mapping[str, str]):
    """Environment variables over those of ``./.env``. Nothing is exported to child processes."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or Path(".env")
        from_file = dotenv_values(path, interpolate=False) if path.is_file() else {}
        self._file = {key: value for key, value in from_file.items() if value is not None}

    def __getitem__(self, key: str) -> str:
        return os.environ[key] if key in os.environ else self._file[key]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._file, **os.environ})

    def __len__(self) -> int:
        return len({**self._file, **os.environ})

    def source(self, key: str) -> str:
        """Where a variable was set, for provenance."""
        return f"environment {key}" if key in os.environ else f".env {key}"
