"""The instruction for models that follow one: pairs in words, a request, JSON out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Problem, Space
from opro_cli.core.text import listed
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
from opro_cli.optimizers.opro.metaprompt.parsing import parse_solutions


class Instruction:
    """An instruction with JSON out."""

    continues: ClassVar[bool] = False

    def check(self, space: Space) -> None:
        """Accept every space: an instruction needs only the words that all of them have."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None = None,
        options: PromptOptions = PLAIN,
    ) -> Prompt:
        """The instruction."""
        words, space, proposals = problem.text, problem.space, options.proposals
        better = "lower" if words.direction == "minimize" else "higher"
        shown_pairs = shown(problem, pairs)
        lines = "\n\n".join(
            f"{space.render(p)}\n{words.value}: {value}{note_line(options, p)}"
            for p, value in shown_pairs
        )
        request = f"one {words.solution} that is"
        if proposals > 1:
            request = f"{proposals} of them, each different from the others and"
        found = f"the {words.value} found for each {words.solution} tried so far"
        background = f"Its formula is hidden; all there is to go by is {found}."
        if words.background:
            background = f"{words.background}\n\nThere is {found}."
        which = "Some of them, good and bad," if options.selection else "They"
        text = (
            f"Help to {words.direction} {words.task}. {background} {which} are listed from the "
            f"worst {words.value} to the best, and {better} is better.\n\n"
            f"{lines}\n\n"
            + "".join(f"{sentence} " for sentence in _progress(problem, options))
            + f"Propose {request} not in the list and should have a {better} {words.value} than "
            f"all of it. {_sentence(space.describe(), space.names)} Do not write code. "
            + "".join(f"{sentence} " for sentence in _wishes(problem, aim, options))
            + 'Answer in JSON: first "reasoning", two or three sentences on what the list '
            f'suggests, then "{"solution" if proposals == 1 else "solutions"}".'
        )
        return Prompt(text, shown_pairs, schema=_schema(space, proposals))

    def read(self, text: str, space: Space, first: int = 0) -> list[Point | InvalidSolution]:
        """The solutions, anywhere in the reply: see :mod:`.parsing`."""
        try:
            return parse_solutions(bounded(text), space)
        except InvalidSolution as invalid:
            return [invalid]


INSTRUCT: MetaPrompt = Instruction()


def _progress(problem: Problem, options: PromptOptions) -> Iterator[str]:
    """Sentences on the progress of the search."""
    progress, words = options.progress, problem.text
    if progress is not None:
        spans = [f"{name} from {low} to {high}" for name, low, high in progress.spans]
        where = f", with {listed(spans)}" if spans else ""
        yield f"So far {progress.tried} were tried{where}."
    if options.steps_without_gain:
        count = options.steps_without_gain
        steps = "step" if count == 1 else f"{count} steps"
        how = "change several values at once" if len(problem.space.names) > 1 else "change more"
        yield (
            f"The last {steps} brought no better {words.value}: what was tried of late does not "
            f"work, so {how}, or look where nothing was tried yet."
        )


def _wishes(problem: Problem, aim: float | None, options: PromptOptions) -> Iterator[str]:
    """Sentences on the value to aim at, and on the points not to propose again."""
    words = problem.text
    if aim is not None:
        yield (
            f"Ask yourself which {words.solution} would have a {words.value} of about "
            f"{words.render_value(aim)}."
        )
    if options.proposed:
        lines = "; ".join(problem.space.render(point) for point in options.proposed)
        yield f"These were proposed already, so propose none of them: {lines}."


def _schema(space: Space, proposals: int) -> dict[str, Any]:
    """JSON schema of a reply: the reasoning, then exactly this number of solutions."""
    key, solution = "solution", space.schema()
    if proposals > 1:
        key = "solutions"
        solution = {
            "type": "array",
            "items": solution,
            "minItems": proposals,
            "maxItems": proposals,
        }
    return {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, key: solution},
        "required": ["reasoning", key],
        "propertyOrdering": ["reasoning", key],
    }


def _sentence(clause: str, names: Sequence[str]) -> str:
    """With a capital letter, unless it begins with a name, such as w."""
    named = clause.partition(" ")[0].rstrip(",") in names
    return (clause if named else clause[:1].upper() + clause[1:]) + "."
