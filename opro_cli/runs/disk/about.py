"""What ``run.json`` may say. Nobody who reads a run needs to check it again."""

from __future__ import annotations

from typing import Any

from opro_cli.runs.disk.fields import (
    amount,
    count,
    either,
    fields,
    flag,
    mapping_of,
    number,
    optional,
    plain,
    several,
    text,
    time,
)

SHA = text(64)
PRICE = optional(fields({"input": amount, "output": amount}, {}))
TARGET = mapping_of(either(number, text()), 1000)
STAT = optional(fields({"mean": number}, {"std": optional(number)}))
PUBLISHED = fields(
    {"model": text(), "source": text(10_000)},
    {
        **dict.fromkeys(("steps", "recorded_pairs", "distinct_pairs", "gap"), STAT),
        "iterations": optional(count),
        "note": text(10_000),
    },
)
SPEC = fields(
    {
        "preset": text(),
        "optimizer": text(),
        "target": TARGET,
        "repetition": count,
        "seed": count,
        "problem": mapping_of(plain),
        "settings": mapping_of(plain),
        "max_steps": count,
        "patience": optional(count),
        "axes": mapping_of(plain, 100),
        "published": several(PUBLISHED, 100),
        "source": text(10_000),
    },
    dict.fromkeys(("max_evaluations", "per_step", "give_up"), optional(count)),
    plain,
)
PRESET = fields(
    {},
    {
        "path": text(10_000),
        "file": text(10_000),
        "sha256": SHA,
        "resolved": fields(
            {}, dict.fromkeys(("limits", "budget", "problem"), mapping_of(plain)), plain
        ),
        "sources": mapping_of(text(10_000)),
    },
    plain,
)
ABOUT = fields(
    {"schema": count, "id": text(300), "created": time, "spec": SPEC},
    {
        "spec_sha256": SHA,
        "seal": SHA,
        "preset": PRESET,
        "versions": mapping_of(text(), 1000),
        "git": optional(fields({}, {"commit": optional(text()), "dirty": flag}, plain)),
        "command": text(1_000_000),
        "host": text(),
        "pid": count,
        "batch": text(),
        "model": optional(text()),
        "price": PRICE,
        "models": mapping_of(fields({}, {"model": text(), "price": PRICE}, plain), 100),
        "digests": mapping_of(text(), 1000),
    },
    plain,
)


def check_about(about: Any) -> None:
    """Raises ValueError, naming the field, where ``run.json`` is not one of ours."""
    ABOUT(about)
