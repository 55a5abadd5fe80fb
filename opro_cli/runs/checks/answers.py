"""Checks of a file of answers: costs follow from tokens, and sums in the log from answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from opro_cli.core.events import Answered
from opro_cli.core.model import Price
from opro_cli.core.totals import RoleTotals
from opro_cli.llm.provider import same_model
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.disk.answers import ANSWERS_FILE, sum_of
from opro_cli.runs.disk.log import read_events
from opro_cli.runs.store import StoredRun


def wrong_answers(run: StoredRun, spec: RunSpec, summed: RoleTotals) -> Iterator[str]:
    """What is wrong with the answers of a run. Raises RunsError where they cannot be read.

    Args:
        run: the run.
        spec: its settings.
        summed: the sums of answers in its log.
    """
    path = run.path / ANSWERS_FILE
    if not spec.problem.model_requests():
        return
    if not path.exists():
        if summed.answers:
            yield f"{ANSWERS_FILE} is missing, and the log has {summed.answers:,} answers"
        return
    (asked, price), totals = _scorer(run.about, spec), RoleTotals()
    for logged in read_events(path, checked=False):
        if isinstance(logged.event, Answered):
            totals.add(sum_of("", [logged.event]))
            if not _is_priced(logged.event, asked, price):
                cost = logged.event.reply.cost
                yield (
                    f"{ANSWERS_FILE}, line {logged.number}: a cost of {cost} does not follow from "
                    "the tokens and the price"
                )
    for name in ("answers", "cached", "calls"):
        ours, theirs = getattr(totals, name), getattr(summed, name)
        if ours < theirs:  # the last answers of a killed command are in no sum yet
            yield f"{name}: {ours:,} in {ANSWERS_FILE}, and {theirs:,} in the log"


def _scorer(about: dict[str, Any], spec: RunSpec) -> tuple[str, Price | None]:
    """The model asked for, and its price."""
    role = next(iter(spec.problem.model_requests()))
    described = about.get("models", {}).get(role, {})
    price = described.get("price")
    priced = None if price is None else Price(price["input"], price["output"])
    return str(described.get("model", "")), priced


def _is_priced(answered: Answered, asked: str, price: Price | None) -> bool:
    """Whether a cost follows from the tokens; True where another model answered, at its price."""
    reply = answered.reply
    if answered.cached or price is None or reply.usage is None or reply.cost is None:
        return True
    if not same_model(asked, reply.model):
        return True
    return math.isclose(
        reply.cost, price.of(reply.usage.input, reply.usage.output), rel_tol=1e-9, abs_tol=1e-12
    )
