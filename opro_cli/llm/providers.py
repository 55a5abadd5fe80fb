"""Which model a name means, whether it can be had here, and opening it.

A provider is a prefix of model names, a cheap check that imports nothing heavy, and a function
that opens the model. Adding one is a file, and a line in ``PROVIDERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opro_cli.errors import ModelUnavailable, UsageError
from opro_cli.llm.base import LLM, Form
from opro_cli.llm.known import known, refuse_retired, table

Env: TypeAlias = Mapping[str, str]
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
ALL_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Choice:
    """A model that can be had here, not opened yet."""

    spec: str
    """Its name, as ``--model`` takes it; never ``auto``."""
    form: Form
    concurrency: int
    """Runs that may use it at once."""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provider:
    """Everything behind one prefix of model names (``gemini-``), or one name (``local``)."""

    prefix: str
    check: Callable[[str, Env], Choice]
    open: Callable[[Choice, Env, int], LLM]


def choose(spec: str, env: Env) -> Choice:
    """The model that ``spec`` means here. Contacts nobody and loads nothing.

    Raises:
        ModelUnavailable: with what would make it available.
        UsageError: no provider knows such a name.
    """
    if spec == "auto":
        return _auto(env)
    return _provider(spec).check(spec, env)


def open_model(choice: Choice, env: Env, samples: int) -> LLM:
    """Open a model; ``samples`` is the most that one step will ask for."""
    return _provider(choice.spec).open(choice, env, samples)


def _provider(spec: str) -> Provider:
    for provider in PROVIDERS:
        whole = provider.prefix[-1] not in ":-"
        if spec == provider.prefix if whole else spec.startswith(provider.prefix):
            return provider
    raise UsageError(
        f"There is no model {spec!r}.",
        f"models: auto, local, local:PATH.gguf, or a Gemini model such as {table().default}",
    )


def _auto(env: Env) -> Choice:
    """Gemini with a key, else the local model, else an error that names both ways out."""
    from opro_cli.llm import local

    if gemini_key(env):
        return _check_gemini(table().default, env)
    if local.installed():
        choice = _check_local("local", env)
        notice = "No API key found, so the model is the local one (Gemma 3 270M)."
        return Choice(choice.spec, choice.form, choice.concurrency, (notice, *choice.notices))
    raise ModelUnavailable(
        "There is no model to ask: no Gemini API key, and the local model is not installed.",
        f"put GEMINI_API_KEY=… into .env, or {local.INSTALL}",
    )


def gemini_key(env: Env) -> str:
    """The Gemini key, or an empty text."""
    return next((env[name].strip() for name in KEYS if env.get(name, "").strip()), "")


def _check_gemini(spec: str, env: Env) -> Choice:
    refuse_retired(spec)
    if not gemini_key(env):
        raise ModelUnavailable(
            f"{spec} needs an API key, and there is none.",
            "put GEMINI_API_KEY=… into .env (keys: https://aistudio.google.com/apikey), "
            "or use --model local",
        )
    notices = []
    facts = known(spec)
    if not facts.temperature:
        notices.append(
            f"{spec} ignores temperature; to explore more, raise --points-per-step "
            "or --max-num-pairs."
        )
    return Choice(spec, "instruct", ALL_AT_ONCE, tuple(notices))


def _open_gemini(choice: Choice, env: Env, samples: int) -> LLM:
    from opro_cli.llm.gemini import Gemini
    from opro_cli.llm.retry import Retry

    return Retry(Gemini(choice.spec, gemini_key(env), base_url=env.get("GOOGLE_GEMINI_BASE_URL")))


def _check_local(spec: str, env: Env) -> Choice:
    from opro_cli.llm import local

    if not local.installed(packaged=spec == "local"):
        raise local.not_installed()
    if spec != "local":
        local.model_file(spec)
    first = local.first_use() if spec == "local" else ""
    return Choice(spec, "list", concurrency=1, notices=(first,) if first else ())


def _open_local(choice: Choice, env: Env, samples: int) -> LLM:
    from opro_cli.llm import local

    path, name = local.model_file(choice.spec)
    return local.Local(path, name, max(samples, local.SLOTS))


PROVIDERS = (
    Provider("local:", _check_local, _open_local),
    Provider("local", _check_local, _open_local),
    Provider("gemini-", _check_gemini, _open_gemini),
)
