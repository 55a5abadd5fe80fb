"""Gets model files from the hub, through the package ``huggingface_hub``.

``HF_ENDPOINT``, ``HF_TOKEN`` and the other variables of that package hold. An interrupted download
goes on where it ended.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.text import clean, listed
from opro_cli.llm.local import parts
from opro_cli.llm.local.cache import cache_folder, private_folder
from opro_cli.llm.local.known import HubName, KnownModel
from opro_cli.llm.local.model_file import hub_file

PACKAGE = "huggingface_hub"

INSTALL = "pip install 'opro-cli[hub]'"

SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.I)
"""The end of the name of a file that is one of several."""

HASH = re.compile(r"[0-9a-f]{64}")


def installed() -> bool:
    """Whether the package that talks to the hub is installed. Does not import it."""
    return find_spec(PACKAGE) is not None


def fetch(model: KnownModel | HubName, say: Callable[[str], None]) -> Path:
    """Download a model to the cache; its size and licence are said before.

    Args:
        model: a known one, or a name of the hub.
        say: shows the user one sentence.

    Raises:
        ModelUnavailable: the hub cannot be reached or has no such file, or what came has another
            hash than the known one, or than the one that the hub says.
    """
    if not installed():
        raise ModelUnavailable("The package that talks to the hub is not installed.", INSTALL)
    path = parts.cached(model) if isinstance(model, KnownModel) else hub_file(model)
    meant = model if isinstance(model, KnownModel) else _look_up(model)
    say(
        f"Downloading {meant.file} of {meant.repo}: {meant.size / 1e6:,.0f} MB, "
        f"licence {meant.licence}."
    )
    folder = private_folder(cache_folder() / "download")
    came = _download(meant, folder)
    made = parts.store(meant, came, path)
    shutil.rmtree(folder, ignore_errors=True)
    return made


def _download(model: KnownModel, folder: Path) -> Path:
    from huggingface_hub import hf_hub_download

    def call() -> str:
        endpoint = os.environ.get("HF_ENDPOINT") or None
        return hf_hub_download(model.repo, model.file, local_dir=folder, endpoint=endpoint)

    return Path(_asked(call, model.repo))


def _look_up(name: HubName) -> KnownModel:
    """The only file of a kind in a repository, as the hub describes it. Raises ModelUnavailable."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    info = _asked(lambda: api.model_info(name.repo, files_metadata=True), name.repo)
    files = [
        file
        for file in info.siblings or ()
        if file.rfilename.lower().endswith(".gguf") and not SPLIT.search(file.rfilename)
    ]
    fitting = [file for file in files if _is_kind(file.rfilename, name.kind)]
    if len(fitting) != 1:
        names = [clean(file.rfilename, 80) for file in files[:20]]
        raise ModelUnavailable(
            f"{name.repo} has {len(fitting) or 'no'} GGUF files of the kind {name.kind}.",
            f"its GGUF files are {listed(names)}" if names else "choose another repository",
        )
    (file,) = fitting
    sha256 = file.lfs.sha256 if file.lfs else ""
    if not HASH.fullmatch(sha256) or not isinstance(file.size, int):
        raise ModelUnavailable(
            f"The hub does not say the hash and size of {clean(file.rfilename, 80)}.",
            "download it by hand, and use local:PATH.gguf",
        )
    return KnownModel(
        name=f"hf.co/{name.repo}:{name.kind}",
        title=name.repo,
        sha256=sha256,
        size=file.size,
        licence=_licence(info),
        ability="continue",  # not used: the file says it
        repo=name.repo,
        file=file.rfilename,
        extra="hub",
        parts=(),
    )


def _is_kind(file: str, kind: str) -> bool:
    """Whether a file's name ends with a kind, as in ``model-Q4_K_M.gguf``."""
    stem = file.lower().removesuffix(".gguf")
    return stem.endswith(kind.lower()) and not stem.removesuffix(kind.lower())[-1:].isalnum()


def _licence(info: Any) -> str:
    tags = [tag for tag in info.tags or () if isinstance(tag, str) and tag.startswith("license:")]
    return clean(tags[0].removeprefix("license:"), 40) if tags else "not stated"


def _asked(call: Callable[[], Any], repo: str) -> Any:
    """What a call to the hub brings. Raises ModelUnavailable."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    # Those of the client for connections, whichever the package uses, are among its bases.
    failures = cast("tuple[type[Exception], ...]", (*HfHubHTTPError.__bases__, OSError, ValueError))
    try:
        return call()
    except RepositoryNotFoundError:
        raise ModelUnavailable(
            f"The hub has no public repository {repo}.", "or set HF_TOKEN, where it is not public"
        ) from None
    except failures as error:
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelUnavailable(
            f"The hub does not bring {repo}: {clean(words, 200)}",
            "try again; a download that was cut off goes on where it ended",
        ) from None
