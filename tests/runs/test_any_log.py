"""Any bytes are a log or a sentence."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from opro_cli.core.errors import RunsError
from opro_cli.core.events import Evaluation, ParsedSolution, Started, Stepped, Stopped
from opro_cli.runs.disk.log import EventLog, read_events
from tests.conftest import EXAMPLES, for_all

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from([10**400, -1, 0, 1, 2.5]),
)
EVENTS = (
    Started((Evaluation((14, 14), 42747.8, "start"),)),
    Stepped(1, (Evaluation((15, 14), 64.3),), (ParsedSolution(0, "used", (15, 14)),), 1),
    Stopped(1, "converged"),
)


@EXAMPLES
def test_any_bytes_are_a_log_or_a_sentence(examples):
    log = EventLog(Path("good.jsonl"))
    for event in EVENTS:
        log.append(event)
    good = Path("good.jsonl").read_bytes()
    lines = [json.loads(line) for line in good.splitlines()]
    path = Path("log.jsonl")

    def check(raw):
        path.write_bytes(raw)
        for options in ({}, {"checked": False}, {"bare": True}):
            try:
                found = tuple(logged.event for logged in read_events(path, **options))
                assert options or found == EVENTS[: len(found)]  # any change has been noticed
            except RunsError as error:
                assert "log.jsonl, line " in error.message

    def mutated(case):
        at, length, piece = case
        at %= len(good)
        return good[:at] + piece + good[at + length :]

    def field(case):
        number, key, value = case
        line = dict(lines[number % len(lines)])
        line[key] = value
        return (json.dumps(line) + "\n").encode()

    fields = st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            ["type", "t", "step", "pairs", "readings", "reason", "reply", "n", "sum", "crc", "x"]
        ),
        st.recursive(
            PLAIN,
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["point", "value", "source", "sample", "fate", "why", "usage"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
    )
    cuts = st.tuples(st.integers(0, 10**6), st.integers(0, 80), st.binary(max_size=12))
    anything = st.binary(max_size=200) | cuts.map(mutated) | fields.map(field)
    for_all(examples, anything, check)
