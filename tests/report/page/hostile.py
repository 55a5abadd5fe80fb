"""Runs whose every text is hostile: replies, meta-prompts, the model, errors, the id."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from opro_cli.core.events import (
    Evaluation,
    Failed,
    ParsedSolution,
    Prompted,
    Replied,
    Reply,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.runs.store import RunStore
from tests import recording

RUN = "window.ran = 1"

TEXTS = {
    "script": f"</script><script>{RUN}</script>",
    "style": f"</style><script>{RUN}</script><style>*{{display:none}}</style>",
    "image": f"<img src=x onerror='{RUN}'><img src=http://127.0.0.1:9/x.png>",
    "svg": f"<svg onload='{RUN}'><use href='http://127.0.0.1:9/x.svg#a'></svg>",
    "address": f'<a href="javascript:{RUN}" id=content>javascript:{RUN}</a>',
    "attribute": f"\" onfocus='{RUN}' autofocus tabindex=0 x=\"' `",
    "comment": f"<!-- <script>{RUN}<!--<script>",
    "frame": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe><base href=http://127.0.0.1:9>",
    "direction": "\u202eabc\u2066def\u200b\ufeff\u2028 \U000e0001",
    "control": "a\x00b\x08\x7f\x85\x9b31m\r\nover\x1b[2J",
    "prototype": "__proto__",
    "long": "x" * 1_000_000,
}
"""Texts that must reach the page as texts."""


def make_runs(folder: Path) -> RunStore:
    """A run that hears each of these texts in a step, and a failed one."""
    store = RunStore(folder)
    everything = "".join(text for name, text in TEXTS.items() if name != "long")
    events = [recording.STARTS]
    for step, text in enumerate(TEXTS.values(), 1):
        reply = Reply(
            text, text[:200], everything, Usage(100, 8), attempts=2, detail=text[:200],
            troubles=(text,), beside=text,
        )  # fmt: skip
        point = (step, 1)
        events += [
            Prompted(step, text, (((1, 1), "1"),), 1, everything[:40], 1.0),
            Replied(step, 0, reply),
            Stepped(
                step,
                (Evaluation(point, 500.0 - step, everything, why=text),),
                (ParsedSolution(0, "used", point), ParsedSolution(0, "unparsable", None, text)),
                1,
            ),
        ]
    spec = replace(recording.SPEC, preset=everything[:300])
    recording.add(store, spec, *events, Stopped(len(TEXTS), "max_steps"), model=everything)
    failed = Failed(0, "ModelError", everything, 1, everything)
    spec = replace(spec, repetition=1)
    path = recording.add(store, spec, recording.STARTS, failed, model=everything)
    # A directory may have any name.
    shutil.move(path, path.with_name(f"<img src=x onerror='{RUN}'>&run=&#x22;\"" + path.name))
    return store
