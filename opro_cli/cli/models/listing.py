"""``opro models``: what is known of each model, and the servers that there are names for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from opro_cli.cli.columns import table
from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.core.errors import ModelUnavailable, OproError
from opro_cli.core.text import clean
from opro_cli.llm import PROVIDERS
from opro_cli.llm.catalog import ModelFacts, catalog
from opro_cli.llm.local import model_file, parts
from opro_cli.llm.local.cache import cache_folder
from opro_cli.llm.local.known import GEMMA, INSTRUCTED, KnownModel
from opro_cli.llm.provider import Env
from opro_cli.presets.environment import Environment

WIDEST = 26
"""Characters of the first column; a longer name has a line of its own."""

ABILITIES = {"instruct": "follows instructions", "continue": "continues text", None: "?"}


def models(options: Options) -> int:
    """List the local models, the hosted ones that are known, and the servers for others."""
    env = Environment()
    local, hosted, servers = list(_local()), list(_hosted(env)), list(_servers(env))
    if options["json"]:
        for facts in (*local, *hosted, *servers):
            print_out(json.dumps(facts) + "\n")
        return 0
    print_out("Local models, free:\n" + _lines([_local_row(m) for m in local], ["licence", "MB"]))
    print_out("\nHosted models, $ per million tokens (others work as well):\n")
    print_out(_lines([_hosted_row(m) for m in hosted], ["key", "abilities"]))
    print_out("\nServers, as in --model groq:MODEL:\n")
    print_out(_lines([_server_row(m) for m in servers], ["server", "name"]))
    say(f"Prices as of {catalog().as_of}.")
    say("To get a local model: opro models fetch NAME")
    return 0


def _lines(rows: Sequence[dict[str, str]], dropped: Sequence[str]) -> str:
    """A table; a name that is too long for its column has a line of its own."""
    names = [row["model"] for row in rows]
    short = [{**row, "model": row["model"] * (len(row["model"]) <= WIDEST)} for row in rows]
    heading, *lines = table(short, width(), dropped, ("MB", "$ in", "$ out")).splitlines()
    found = [heading]
    for name, line in zip(names, lines, strict=True):
        found += [name] * (len(name) > WIDEST) + [line]
    return "\n".join(found) + "\n"


def _local() -> Iterator[dict[str, Any]]:
    yield _local_facts("local", model_file.installed(), GEMMA)
    for model in INSTRUCTED:
        yield _local_facts(f"local:{model.name}", parts.present(model), model)
    for path in sorted((cache_folder() / "models").glob("hf.co--*.gguf")):
        repo, _, kind = path.stem.removeprefix("hf.co--").rpartition("--")
        name = f"local:hf.co/{repo.replace('--', '/')}:{kind}"
        try:
            ability = model_file.model_ability(name)
        except ModelUnavailable:
            ability = None
        size = path.stat().st_size
        yield _facts("local", name, ability is not None, bytes=size, ability=ability)


def _local_facts(name: str, here: bool, model: KnownModel) -> dict[str, Any]:
    return _facts(
        "local", name, here, bytes=model.size, licence=model.licence, ability=model.ability
    )


def _facts(kind: str, name: str, here: bool, **more: Any) -> dict[str, Any]:
    """The JSON object of a model; every kind of model has the same keys."""
    price = 0.0 if kind == "local" else None
    return {
        "name": name,
        "kind": kind,
        "here": here,
        "bytes": None,
        "licence": None,
        "ability": "instruct",
        "temperature": True,
        "candidates": 1,
        "thinking": [],
        "price_input": price,
        "price_output": price,
        "ends": None,
        "successor": None,
        **more,
    }


def _hosted(env: Env) -> Iterator[dict[str, Any]]:
    """Those of the catalog. ``here`` says whether there is a key."""
    try:
        here = bool(PROVIDERS["gemini"].automatic(env))
    except OproError:
        here = False
    for name, known in catalog().models.items():
        yield _facts("hosted", name, here, **_known(known))


def _known(known: ModelFacts) -> dict[str, Any]:
    return {
        "temperature": known.temperature,
        "candidates": known.candidates,
        "thinking": list(known.thinking),
        "price_input": known.input,
        "price_output": known.output,
        "ends": known.ends.isoformat() if known.ends else None,
        "successor": known.successor or None,
    }


def _servers(env: Env) -> Iterator[dict[str, Any]]:
    """The beginnings of models' names, each with its server and key; ``here`` as above."""
    for name in PROVIDERS:
        try:
            listed = PROVIDERS[name].listed(env)
        except OproError:  # another package's, which cannot be loaded
            continue
        for one in listed:
            yield {
                "name": one.prefix,
                "kind": "server",
                "here": one.here or one.local,
                "key_set": one.here,
                "title": one.title,
                "server": one.server,
                "key": one.key,
            }


def _local_row(facts: dict[str, Any]) -> dict[str, str]:
    return {
        "model": clean(facts["name"], 200),
        "here": "yes" if facts["here"] else "no",
        "MB": f"{facts['bytes'] / 1e6:,.0f}",
        "licence": facts["licence"] or "-",
        "ability": ABILITIES[facts["ability"]],
    }


def _hosted_row(facts: dict[str, Any]) -> dict[str, str]:
    abilities = ["temperature"] * facts["temperature"]
    abilities += [f"{facts['candidates']} a call"] * (facts["candidates"] > 1)
    abilities += ["thinks"] * bool(facts["thinking"])
    ends = facts["ends"]
    return {
        "model": clean(facts["name"], 200),
        "key": "yes" if facts["here"] else "no",
        "$ in": _price(facts["price_input"]),
        "$ out": _price(facts["price_output"]),
        "abilities": ", ".join(abilities) or "-",
        "ends": f"ended {ends}" if ends and ends <= date.today().isoformat() else ends or "-",
    }


def _price(dollars: float | None) -> str:
    return "?" if dollars is None else f"{dollars:.2f}"


def _server_row(facts: dict[str, Any]) -> dict[str, str]:
    first, more, _ = (facts["key"] or "-").partition(" or ")
    key = first + ", …" * bool(more)  # all of them are in the JSON, and in the message without one
    return {
        "model": clean(f"{facts['name']}…", 60),
        "name": clean(facts["title"], 40) or "-",
        "key": clean(f"{key} (set)" if facts["key_set"] else key, 60),
        "server": clean(facts["server"], 60) or "-",
    }
