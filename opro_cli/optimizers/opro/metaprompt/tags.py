"""Forms for problems whose points are instructions: the proposal stands between two tags.

Small models copy what surrounds a request, so these forms say little, and refuse replies that
repeat it. Measured with embedded models, tags brought more usable proposals than JSON or a list to
continue: see docs/optimizer.md.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.problem import GradedAnswer, InvalidSolution, Problem, Space, Textual
from opro_cli.optimizers.history import Pair
from opro_cli.optimizers.opro.metaprompt.base import (
    PLAIN,
    MetaPrompt,
    Prompt,
    PromptOptions,
    bounded,
    note_line,
    shown,
)
from opro_cli.optimizers.opro.metaprompt.echoes import check_echo

OPEN, CLOSE = "<INS>", "</INS>"

RIGHT = "its reply must be exactly the right answer"

REQUEST = (
    "It says what the reply must look like, and fits every question. "
    f"Write it as {OPEN}...{CLOSE} and nothing else."
)
"""Short, and with nothing beside it to be copied: of eight replies of Qwen2.5-Coder 1.5B to this
one, all could be used, and five to six to longer requests."""

LONGEST_EXAMPLE = 600
"""Characters of a question, or of a reply, that are shown."""

_TAGGED = re.compile(r"<INS>(.*?)</INS>", re.S | re.I)
_OPENED = re.compile(r"<INS>(.*)", re.S | re.I)
_NAMED = re.compile(
    r"^\W*(the |a |an )?(new |better |improved |revised )*(instruction|prompt|ins)s?( is)?\s*:\s*",
    re.I,
)


class Tagged(ABC):
    """A form whose replies hold one instruction between tags."""

    continues: ClassVar[bool] = False

    def check(self, space: Space) -> None:
        """Raises UsageError where the points are no texts."""
        if not isinstance(space, Textual):
            raise UsageError(
                "This form of meta-prompt asks for a text, and the points here are none.",
                "leave out opro.metaprompt, or set it to instruct",
            )

    @abstractmethod
    def lines(
        self, problem: Problem, pairs: Sequence[tuple[Point, str]], options: PromptOptions
    ) -> list[str]:
        """The paragraphs of the meta-prompt."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None = None,
        options: PromptOptions = PLAIN,
    ) -> Prompt:
        """The meta-prompt."""
        shown_pairs = shown(problem, pairs)
        return Prompt("\n\n".join(self.lines(problem, shown_pairs, options)), shown_pairs)

    def read(self, text: str, space: Space, first: int = 0) -> list[Point | InvalidSolution]:
        """The instruction between the last tags; without tags, a reply of one paragraph."""
        try:
            found = instruction_in(bounded(text))
            check_echo(found)
            if not isinstance(space, Textual):
                return [space.read(found)]
            return [space.from_text(found)]
        except InvalidSolution as invalid:
            return [invalid]


class Tags(Tagged):
    """Scored instructions and examples, as in OPRO's own meta-prompt (appendix C.2)."""

    @override
    def lines(
        self, problem: Problem, pairs: Sequence[tuple[Point, str]], options: PromptOptions
    ) -> list[str]:
        order = "The last ones are the best." if options.scores else "They are in no order."
        if not problem.text.percent:
            return _of_any_text(problem, pairs, order, options)
        found = [_scored(point, value, scores=options.scores) for point, value in pairs]
        score = " The score is the percentage of right replies; higher is better."
        return [
            f"A model gets an instruction and a question, and {RIGHT}.{_some(options.exemplars)}",
            *_examples(options.exemplars),
            *_task(problem),
            f"These instructions were tried.{score if options.scores else ''}",
            *found,
            f"Write one short instruction, one sentence, that gets a higher score. {REQUEST}",
        ]


class Reflect(Tagged):
    """One instruction with the replies to it: what went wrong, then a better one."""

    @override
    def lines(
        self, problem: Problem, pairs: Sequence[tuple[Point, str]], options: PromptOptions
    ) -> list[str]:
        point, value = pairs[-1]
        if not problem.text.percent:  # there are no replies to it
            return _of_any_text(problem, pairs, "", options)
        text = point[0] or "(no instruction)"
        return [
            f"A model gets the instruction {OPEN}{text}{CLOSE} and a question, and {RIGHT}. It was "
            f"right in {value} per cent. Some of its replies:",
            *(_replied(answer) for answer in options.mistakes),
            *_task(problem),
            "Write one short instruction, one sentence, with which the wrong replies become right. "
            + REQUEST,
        ]


class Rephrase(Tagged):
    """Another wording of the best instruction, as APE asks for (arXiv 2211.01910, section 3.3)."""

    @override
    def lines(
        self, problem: Problem, pairs: Sequence[tuple[Point, str]], options: PromptOptions
    ) -> list[str]:
        text = pairs[-1][0][0] or "Answer the question."
        return [
            f"Say this in other words, with the same meaning:\n{OPEN}{text}{CLOSE}",
            f"Write the new wording between {OPEN} and {CLOSE}.",
        ]


TAGS: MetaPrompt = Tags()
REFLECT: MetaPrompt = Reflect()
REPHRASE: MetaPrompt = Rephrase()


def instruction_in(text: str) -> str:
    """The instruction in a reply. Raises InvalidSolution where none stands out."""
    tagged = [found.strip() for found in _TAGGED.findall(text) if found.strip()]
    if tagged:
        return _bare(tagged[-1])
    opened = _OPENED.search(text)
    if opened is not None and opened[1].strip():
        return _bare(opened[1].strip().split("\n\n")[0])
    if "\n\n" in text.strip() or not text.strip():
        raise InvalidSolution("unparsable", f"nothing between {OPEN} and {CLOSE}")
    return _bare(text.strip())


def _bare(text: str) -> str:
    """Without a heading, and without quotes round all of it."""
    text = _NAMED.sub("", text).strip()
    for quote in ('"', "'", "`", "**"):
        if len(text) > 2 * len(quote) and text.startswith(quote) and text.endswith(quote):
            text = text[len(quote) : -len(quote)].strip()
    return text


def _of_any_text(
    problem: Problem, pairs: Sequence[tuple[Point, str]], order: str, options: PromptOptions
) -> list[str]:
    """The paragraphs where a text is not an instruction, but what a function takes."""
    words = problem.text
    better = "lower" if words.direction == "minimize" else "higher"
    shown = f" Each has its {words.value}; {better} is better." if options.scores else ""
    found = [
        _scored(point, value, scores=options.scores, name=words.value) + note_line(options, point)
        for point, value in pairs
    ]
    return [
        f"Each of these texts is a {words.solution}, and was tried.{shown} {order}".strip(),
        *found,
        f"The aim: to {words.direction} {words.task}.",
        f"Write one new {words.solution} that is different from all of these and has a {better} "
        f"{words.value}. Write it between {OPEN} and {CLOSE}.",
    ]


def _scored(point: Point, value: str, *, scores: bool, name: str = "score") -> str:
    text = f"{OPEN}{point[0]}{CLOSE}"
    return f"{text}\n{name}: {value}" if scores else text


def _examples(exemplars: Sequence[GradedAnswer]) -> list[str]:
    if not exemplars:
        return []
    pairs = [f"Question: {_cut(e.question)}\nRight answer: {_cut(e.target)}" for e in exemplars]
    return pairs


def _some(exemplars: Sequence[GradedAnswer]) -> str:
    return " Some of the questions:" if exemplars else ""


def _replied(answer: GradedAnswer) -> str:
    verdict = "right" if answer.score >= 1 else "wrong"
    lines = [
        f"Question: {_cut(answer.question)}",
        f"Reply ({verdict}): {_cut(answer.reply) or '(nothing)'}",
        f"Right answer: {_cut(answer.target)}",
    ]
    return "\n".join([*lines, *([answer.feedback] if answer.feedback else [])])


def _task(problem: Problem) -> list[str]:
    settings = getattr(problem, "settings", None)
    description = getattr(settings, "description", "")
    return [f"The task: {description}"] if description else []


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST_EXAMPLE else text[:LONGEST_EXAMPLE] + " …"
