"""A model that only repeats: recorded replies, and an end where the recording ends."""

from __future__ import annotations

from opro_cli.errors import Paused
from opro_cli.events import Reply
from opro_cli.llm.base import Form, Request


class RecordingEnded(Paused):
    """There is nothing recorded for this step. Not a failure: every recording ends somewhere."""


class Replay:
    """Stands behind a :class:`~opro_cli.recorder.Recorder` that holds the recorded replies.

    It is asked only for what was not recorded, and has nothing.
    """

    samples_per_call = 1_000_000

    def __init__(self, name: str, form: Form = "instruct") -> None:
        self.name = name
        self.form: Form = form

    async def sample(self, request: Request) -> list[Reply]:
        """Raises RecordingEnded."""
        raise RecordingEnded

    async def close(self) -> None:
        """Nothing to close."""
