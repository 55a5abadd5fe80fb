"""What a run was made from: hashes of an objective and of a model's file, servers, threads.

A name says little: the file behind it can change. ``run.json`` records these facts as ``digests``;
a run continues only with the same ones, and a report has a row for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from opro_cli.core.errors import OproError
from opro_cli.core.model import Model, ModelRequest
from opro_cli.core.text import clean
from opro_cli.llm.provider import ModelChoice
from opro_cli.presets.spec import RunSpec

PROBLEM, MODEL = "problem.", "model."
DECISIVE = ("sha256", "server", "parallel")
"""Facts of a model that make its replies another model's. Others, such as the number of threads,
may change a reply in its last bits: a difference is said."""


class ProblemContents:
    """The facts of problems, such as the hash of an objective's file, each looked for once."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}

    def of(self, spec: RunSpec) -> dict[str, str]:
        """The facts of a run's problem."""
        key = spec.problem.model_dump_json()
        if key not in self._found:
            facts = spec.problem.digests()
            self._found[key] = {f"{PROBLEM}{name}": value for name, value in facts.items()}
        return self._found[key]


def is_current(
    spec: RunSpec, contents: Mapping[str, str], problems: ProblemContents
) -> bool | None:
    """Whether the files of a run's problem are today as they were for the run.

    Reads the files and runs nothing of them. None where there is nothing to be read.

    Args:
        spec: of the run.
        contents: its facts.
        problems: where each problem is looked for once.
    """
    before = {key: value for key, value in contents.items() if key.startswith(PROBLEM)}
    try:
        now = problems.of(spec)
    except (OproError, OSError, ValueError):
        return None
    return before == now if before and now else None


def model_contents(
    spec: RunSpec,
    opened: Mapping[ModelRequest, Model],
    choices: Mapping[ModelRequest, ModelChoice] | None = None,
) -> dict[str, str]:
    """The facts of the models of a run, as far as they are open; of others, those of its choice."""
    found: dict[str, str] = {}
    for role, request in spec.model_requests().items():
        model = opened.get(request) or (choices or {}).get(request)
        if model is None:
            continue
        prefix = MODEL if role == "optimizer" else f"{MODEL}{role}."
        about = model if isinstance(model, ModelChoice) else model.info
        details: Mapping[str, str] = getattr(about, "details", {})
        server = urlsplit(request.base_url or "").hostname
        facts = {**({"server": server} if server else {}), **details}
        found |= {f"{prefix}{name}": str(value) for name, value in facts.items()}
    return found


def model_identity(request: ModelRequest, contents: Mapping[str, str], role: str) -> str:
    """What the replies of a model depend on besides the prompt, as one text.

    Args:
        request: of the model.
        contents: the facts of the run.
        role: of the model in it.
    """
    facts = {key: contents.get(f"{MODEL}{role}.{key}", "") for key in DECISIVE}
    name = "" if facts["sha256"] else request.name
    body, headers = request.extra_body, request.headers
    return json.dumps([name, facts, request.reasoning_effort, body, headers], sort_keys=True)


def decisive(contents: Mapping[str, str]) -> dict[str, str]:
    """The facts that make two runs different ones."""
    return {key: value for key, value in sorted(contents.items()) if _decides(key)}


def problem_facts(contents: Mapping[str, str]) -> str:
    """The facts of the problem alone, as one text; empty for none."""
    facts = {key: value for key, value in sorted(contents.items()) if key.startswith(PROBLEM)}
    return json.dumps(facts) if facts else ""


def recorded(about: Mapping[str, Any]) -> dict[str, str]:
    """The facts in ``run.json``; none in that of an older version."""
    return dict(about.get("digests", {}))


def needs_opening(about: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Whether ``run.json`` holds a decisive fact of a model that only the opened model tells."""
    return any(key.startswith(MODEL) and key not in known for key in decisive(recorded(about)))


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Each decisive fact that is another now, as a sentence without its end."""
    yield from (_words(k, before[k], now[k]) for k in _differing(before, now) if _decides(k))


def other_circumstances(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Each other fact that differs, as a sentence without its end."""
    yield from (_words(k, before[k], now[k]) for k in _differing(before, now) if not _decides(k))


def _decides(key: str) -> bool:
    return key.startswith(PROBLEM) or key.rpartition(".")[2] in DECISIVE


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [key for key in before if key in now and before[key] != now[key]]


def _words(key: str, before: str, now: str) -> str:
    name = key.removeprefix(PROBLEM).removeprefix(MODEL)
    what = f"the {clean(name, 80)}" if key.startswith(PROBLEM) else f"the model's {clean(name, 80)}"
    if name.rpartition(".")[2] == "sha256":
        what = "the model's file"
    if _is_hash(before) and _is_hash(now):
        return f"{what} has changed"
    return f"{what} has changed from {clean(before, 80)} to {clean(now, 80)}"


def short(value: str) -> str:
    """A fact as a report shows it: of a hash, the beginning."""
    return value[:12] if _is_hash(value) else value[:80]


def _is_hash(text: str) -> bool:
    return len(text) >= 32 and set(text) <= set("0123456789abcdef")
