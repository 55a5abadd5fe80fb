"""A server that plays both models of an instruction problem, and knows how good each text is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from tests.loopback import Answer, Asked, chat

WORDS = ("calm", "brief", "plain", "exact", "clear", "short", "polite", "formal", "direct", "warm")


def chance(*words: str) -> float:
    """A number from 0 to 1 that depends on these words alone."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def write_data(path: Path, count: int) -> None:
    """Questions with one of two answers, drawn by hash."""
    rows = [{"question": f"Is item {n} in the list?", "answer": truth(n)} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def truth(number: int) -> str:
    """The right answer about one item."""
    return "yes" if chance("truth", str(number)) < 0.5 else "no"


class Models:
    """Answers as ``scorer`` and as ``optimizer``.

    Args:
        accuracy: the true accuracy of a text, from 0 to 1.
        propose: the text of the proposal with this number, counted over the whole run.
    """

    def __init__(
        self,
        accuracy: Callable[[str], float],
        propose: Callable[[int], str] = lambda n: f"Be {WORDS[n % 10]} and {WORDS[n // 10 % 10]}.",
    ) -> None:
        self._accuracy, self._propose = accuracy, propose
        self.questions: list[str] = []
        """The prompts that the scorer was asked, in order."""
        self.proposals = 0

    def __call__(self, asked: Asked) -> Answer:
        prompt = asked.body["messages"][-1]["content"]
        if asked.body["model"] == "optimizer":
            self.proposals += 1
            text = f"<INS>{self._propose(self.proposals - 1)}</INS>"
            return chat(text, model="optimizer")
        self.questions.append(prompt)
        instruction, _, question = prompt.rpartition("\n\n")
        number = int(question.split()[2])
        right = chance(instruction, question) < self._accuracy(instruction)
        answer = truth(number)
        return chat(answer if right else {"yes": "no", "no": "yes"}[answer], model="scorer")
