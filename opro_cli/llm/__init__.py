"""The providers of models, and which model a name means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.core.model import ModelRequest
from opro_cli.core.registry import Registry, did_you_mean
from opro_cli.llm.provider import Env, ModelChoice, Provider

PROVIDERS: Registry[Provider] = Registry(
    "provider",
    {
        "local": "opro_cli.llm.local.provider:PROVIDER",
        "gemini": "opro_cli.llm.gemini.provider:PROVIDER",
        "openai": "opro_cli.llm.openai.provider:PROVIDER",
        "anthropic": "opro_cli.llm.protocols.anthropic:PROVIDER",
        "bedrock": "opro_cli.llm.protocols.bedrock:PROVIDER",
    },
    group="opro.providers",
)

AUTO = "auto"

AUTO_FIRST = ("gemini", "local")
"""The providers that ``auto`` tries before all others."""


def choose_model(request: ModelRequest, env: Env) -> ModelChoice:
    """The model that a request means here. Contacts no server and loads no model.

    Raises:
        ModelUnavailable: the hint says what makes the model available.
        UsageError: no provider knows the name.
    """
    _refuse_keys(request, env)
    if request.name == AUTO:
        return _choose_automatically(request, env)
    return provider_of(request.name).check(request, env)


def _refuse_keys(request: ModelRequest, env: Env) -> None:
    """Raises UsageError for a key of the environment in what is sent, and logged, besides."""
    if not (request.headers or request.extra_body):
        return
    from opro_cli.llm.redaction import key_forms

    sent = {"headers": " ".join(value for _, value in request.headers)}
    sent["extra_body"] = request.extra_body
    for key in key_forms(env, secret_names()):
        for name, text in sent.items():
            if key in text:
                raise UsageError(
                    f"{name} holds a key of the environment, which would be in every log.",
                    "leave it out: the key is sent to its own server anyway",
                )


def provider_of(name: str) -> Provider:
    """The provider of a model. Raises UsageError where no provider knows the name."""
    for provider in _providers():
        if provider.knows(name):
            return provider
    own_file = f"did you mean local:{name}?" if name.endswith(".gguf") else ""
    meant = next((m for provider in _providers() if (m := provider.meant(name))), "")
    near = own_file or (f"did you mean {meant}?" if meant else _near(name))
    raise UsageError(f"There is no model {name!r}.", f"{near} models: {model_help()}".strip())


def _near(name: str) -> str:
    """A hint with the names, or the beginnings of names, most like this one; empty for none."""
    names = [known for provider in _providers() for known in provider.names]
    begin, colon, model = name.partition(":")
    if colon:
        near = did_you_mean(begin + colon, [known for known in names if known[-1] == ":"])
        return near.replace(":", f":{model[:60]}")
    return did_you_mean(name, [AUTO, *(known for known in names if known[-1] not in ":-")])


def model_help() -> str:
    """The names that ``--model`` takes, as in "auto, local, gemini-…"."""
    return ", ".join([AUTO, *(provider.help for provider in _providers())])


def secret_names() -> tuple[str, ...]:
    """The environment variables that hold secrets of any provider."""
    return tuple(dict.fromkeys(key for provider in _providers() for key in provider.keys))


def package_names() -> tuple[str, ...]:
    """The distributions whose versions are recorded with every run."""
    return tuple(dict.fromkeys(name for provider in _providers() for name in provider.packages))


def extra_versions() -> dict[str, str]:
    """Versions recorded with every run, besides those of distributions."""
    return {
        name: version
        for provider in _providers()
        for name, version in provider.extra_versions().items()
    }


def _providers() -> Iterator[Provider]:
    return (PROVIDERS[name] for name in PROVIDERS)


def _choose_automatically(request: ModelRequest, env: Env) -> ModelChoice:
    """The model of the first provider that has one to offer. Raises ModelUnavailable."""
    order = dict.fromkeys([*AUTO_FIRST, *PROVIDERS])
    providers = [PROVIDERS[name] for name in order]
    for provider in providers:
        if model := provider.automatic(env):
            choice = provider.check(replace(request, name=model), env)
            notices = [provider.automatic_notice] if provider.automatic_notice else []
            if not choice.hosted and (others := _others(env)):
                notices.append(f"A hosted model has to be named: {others}.")
            return replace(choice, notices=(*notices, *choice.notices))
    raise ModelUnavailable(
        "There is no model to ask: no Gemini API key, and the local model is not installed.",
        ", or ".join(filter(None, (_others(env), *(provider.setup for provider in providers)))),
    )


def _others(env: Env) -> str:
    """What to type for the models for which there is a key, but which ``auto`` does not choose."""
    listed = [one for provider in _providers() for one in provider.listed(env)]
    return ", or ".join(
        f"--model {one.prefix}MODEL ({one.key} is set)" for one in listed if one.here
    )
