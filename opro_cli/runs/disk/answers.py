"""The file of answers of one run: the replies of the problem's own model, by key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opro_cli.core.events import Answered, Answers, Called, Usage
from opro_cli.core.events.spending import Spending
from opro_cli.core.model import Request
from opro_cli.core.totals import RoleTotals
from opro_cli.runs.disk.log import read_events

ANSWERS_FILE = "answers.jsonl"


def answer_key(model: str, request: Request) -> str:
    """The identity of an answer.

    Args:
        model: what the replies depend on besides the request: see :func:`model_identity`.
        request: for one reply.
    """
    asked = [
        model,
        request.system,
        request.prompt,
        request.first,
        request.temperature,
        request.max_tokens,
        request.schema,
        request.grammar,
        request.stop,
        request.seed if request.temperature else None,
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class RecordedAnswers:
    """The file of answers of one run."""

    by_key: Mapping[str, Answered] = field(default_factory=dict)
    totals: RoleTotals = field(default_factory=RoleTotals)
    spending: Spending = field(default_factory=Spending)
    next_number: int = 0


def read_answers(folder: Path) -> RecordedAnswers:
    """The answers of a run; none where it has no such file. Raises RunsError where it is damaged.

    Args:
        folder: of the run.
    """
    path = folder / ANSWERS_FILE
    by_key: dict[str, Answered] = {}
    totals, spending, last = RoleTotals(), Spending(), -1
    for logged in read_events(path) if path.exists() else ():
        spending.add(logged.event)
        match logged.event:
            case Called(_, sample):
                last = max(last, sample)
            case Answered(number, key):
                last = max(last, number)
                by_key.setdefault(key, logged.event)
                totals.add(sum_of("", [logged.event]))
    return RecordedAnswers(by_key, totals, spending, last + 1)


def sum_of(role: str, answers: Iterable[Answered]) -> Answers:
    """These answers summed up."""
    count = cached = calls = unpriced = 0
    usage, cost = Usage(), 0.0
    for answered in answers:
        count += 1
        if answered.cached:
            cached += 1
            continue
        reply = answered.reply
        calls += max(reply.calls, reply.attempts)
        usage += reply.usage or Usage()
        cost += reply.cost or 0.0
        unpriced += reply.cost is None
    return Answers(role, count, cached, calls, usage, cost, unpriced)


def add_sums(a: Answers, b: Answers) -> Answers:
    """Both sums together."""
    return Answers(
        a.role,
        a.answers + b.answers,
        a.cached + b.cached,
        a.calls + b.calls,
        a.usage + b.usage,
        a.cost + b.cost,
        a.unpriced + b.unpriced,
    )


def missing_sum(role: str, all_of: RoleTotals, summed: RoleTotals) -> Answers:
    """The sum of the answers that no event has yet: a command was killed after they came."""
    used, known = all_of.usage, summed.usage
    return Answers(
        role,
        max(all_of.answers - summed.answers, 0),
        max(all_of.cached - summed.cached, 0),
        max(all_of.calls - summed.calls, 0),
        Usage(
            max(used.input - known.input, 0),
            max(used.output - known.output, 0),
            max(used.thinking - known.thinking, 0),
            max(used.cached - known.cached, 0),
        ),
        max(all_of.cost - summed.cost, 0.0),
        max(all_of.unpriced - summed.unpriced, 0),
    )
