"""The file of a local model: the packaged one, made compact once, or the user's own."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TypeAlias

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Ability
from opro_cli.core.registry import did_you_mean
from opro_cli.llm.local import parts
from opro_cli.llm.local.cache import VARIABLE, alone, cache_folder, expanded
from opro_cli.llm.local.engine import missing_wheel
from opro_cli.llm.local.known import GEMMA, KNOWN, HubName, KnownModel, named, of_hash
from opro_cli.llm.local.parts import intact

TERMS = "https://ai.google.dev/gemma/terms"

INSTALL = GEMMA.install

DEFAULT_NAME = GEMMA.name

EXAMPLES = "as in local:model.gguf, or one that `opro models` lists"

Stamp: TypeAlias = tuple[int, int, int, int, int]


def installed(packaged: bool = True) -> bool:
    """Whether the engine is installed, and the packaged model too. Imports neither."""
    return find_spec("xllamacpp") is not None and (not packaged or parts.installed(GEMMA.parts))


def not_installed(model: KnownModel = GEMMA) -> ModelUnavailable:
    """The error for a missing extra, or for a system on which none helps."""
    if sentence := missing_wheel():
        return ModelUnavailable(
            sentence, "--model ollama:MODEL or llamacpp:MODEL asks a server on this machine instead"
        )
    return ModelUnavailable("The local model is not installed.", model.install)


def model_file(model: str) -> tuple[Path, str]:
    """The file, and the name for reports, of ``local`` or ``local:NAME``.

    The packaged model is made compact once (see :mod:`opro_cli.llm.local.compact`) and kept in the
    user's cache, as the known models are. The program knows their hashes, which every use checks.
    Any other file is checked by :mod:`opro_cli.llm.local.check`. Raises ModelUnavailable.
    """
    _, _, given = model.partition(":")
    if not given:
        return _packaged(), DEFAULT_NAME
    meant = named(given)
    if isinstance(meant, KnownModel):
        return _known(meant), meant.name
    path = _given(given, meant)
    known = of_hash(digest(path))
    return path, known.name if known else given if meant else path.stem


def model_digest(model: str) -> str:
    """The SHA-256 of the file of ``local`` or ``local:NAME``, known before it is read where that
    is possible. Raises ModelUnavailable."""
    _, _, given = model.partition(":")
    if not given:
        from opro_cli.llm.local.compact import SHA256

        return SHA256
    meant = named(given)
    if isinstance(meant, KnownModel):
        _present(meant)
        return meant.sha256
    return digest(_given(given, meant))


def model_ability(model: str) -> Ability:
    """What ``local`` or ``local:NAME`` can do. Loads no model. Raises ModelUnavailable."""
    _, _, given = model.partition(":")
    meant = named(given) if given else GEMMA
    if isinstance(meant, KnownModel):
        return meant.ability
    return _look(_given(given, meant))[1]


def digest(path: Path) -> str:
    """The SHA-256 of a GGUF file, which is checked first; both once for each content of the file.

    Raises ModelUnavailable.
    """
    return _look(path)[0]


def _look(path: Path) -> tuple[str, Ability]:
    """Hash and ability of a file. Raises ModelUnavailable."""
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
def _examined(path: Path, _: Stamp) -> tuple[str, Ability]:
    from opro_cli.llm.local.check import check_model

    ability = check_model(path)
    return sha256(path), ability


def sha256(path: Path) -> str:
    """The hash of a file in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _given(text: str, hub: HubName | None) -> Path:
    """The file that a path, or a name of the hub, means. Raises ModelUnavailable."""
    if hub is not None:
        path = hub_file(hub)
        if path.is_file():
            return path
        raise ModelUnavailable(f"{text} is not on this computer.", hub.fetch)
    path = expanded(text, f"local:{text[:200]} names no file", EXAMPLES)
    try:
        if path.is_file():
            return path
        why = "There is no model file"
    except OSError as error:
        why = f"{error.strerror}: the model file"
    hint = did_you_mean(text, KNOWN, "local:") if not text.endswith(".gguf") else ""
    raise ModelUnavailable(f"{why} {str(path)[:200]}.", hint or EXAMPLES)


def hub_file(hub: HubName) -> Path:
    """Where the file of a model from the hub is kept. Raises ModelUnavailable."""
    name = f"{hub.repo.replace('/', '--')}--{hub.kind}.gguf"
    return cache_folder() / "models" / f"hf.co--{name}"


def _present(model: KnownModel) -> None:
    """Raises ModelUnavailable where a known model has yet to be installed or fetched."""
    if find_spec("xllamacpp") is None:
        raise not_installed(model)
    if not parts.present(model):
        raise ModelUnavailable(
            f"{model.name} is not on this computer ({model.size / 1e6:,.0f} MB, {model.licence}).",
            f"{model.install}, or {model.fetch}",
        )


def _known(model: KnownModel) -> Path:
    """The file of a known model, with the known hash. Raises ModelUnavailable."""
    path = parts.cached(model)
    if intact(path, model.sha256):
        return path
    if path.exists() and not parts.installed(model.parts):
        raise ModelUnavailable(
            f"{path} is not the known file of {model.name}: its hash is another.", model.fetch
        )
    return parts.store(model)


def _packaged() -> Path:
    """The compact model, made if it is not there. Raises ModelUnavailable."""
    if not installed():
        raise not_installed()
    from opro_cli.llm.local import compact  # here, because it imports numpy

    path = cache_folder() / f"{DEFAULT_NAME}-compact-{compact.RECIPE}.gguf"
    if intact(path, compact.SHA256):
        return path
    _refuse_forged(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            if intact(path, compact.SHA256):  # another process has made it meanwhile
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
    """Write the packaged model as it is distributed. Raises as :func:`parts.join`."""
    parts.join(GEMMA, whole)


def first_use(model: str = "local") -> str:
    """The notice for the first use of a model that was installed; empty afterwards."""
    known = named(model.partition(":")[2])
    if isinstance(known, KnownModel):
        if parts.cached(known).exists():
            return ""
        return f"The local model is {known.title}; its licence is {known.licence}."
    if model != "local" or any(cache_folder().glob("*.gguf")):
        return ""
    return f"The local model is Gemma 3 270M by Google; the Gemma terms of use apply: {TERMS}"
