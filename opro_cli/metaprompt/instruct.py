"""The instruction for models that follow one: pairs in words, a request, JSON out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opro_cli.events import Point
from opro_cli.history import Pair
from opro_cli.metaprompt.base import PLAIN, Asking, Prompt, bounded, shown
from opro_cli.problems.base import Problem, Space, Unusable
from opro_cli.problems.words import listed
from opro_cli.reading import solutions


class Instruct:
    """An instruction with JSON out."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None = None,
        asking: Asking = PLAIN,
    ) -> Prompt:
        """The instruction."""
        w, space, proposals = problem.wording, problem.space, asking.proposals
        better = "lower" if w.direction == "minimize" else "higher"
        shown_pairs = shown(problem, pairs)
        lines = "\n\n".join(f"{space.render(p)}\n{w.value}: {value}" for p, value in shown_pairs)
        wanted = f"one {w.solution} that is"
        if proposals > 1:
            wanted = f"{proposals} of them, each different from the others and"
        found = f"the {w.value} found for each {w.solution} tried so far"
        told = f"Its formula is hidden; all there is to go by is {found}."
        if w.background:
            told = f"{w.background}\n\nThere is {found}."
        which = "Some of them, good and bad," if asking.selection else "They"
        text = (
            f"Help to {w.direction} {w.task}. {told} {which} are listed from the "
            f"worst {w.value} to the best, and {better} is better.\n\n"
            f"{lines}\n\n"
            + "".join(f"{sentence} " for sentence in _progress(problem, asking))
            + f"Propose {wanted} not in the list and should have a {better} {w.value} than all of "
            f"it. {_sentence(space.describe(), space.names)} Do not write code. "
            + "".join(f"{sentence} " for sentence in _wishes(problem, aim, asking))
            + 'Answer in JSON: first "reasoning", two or three sentences on what the list '
            f'suggests, then "{"solution" if proposals == 1 else "solutions"}".'
        )
        return Prompt(text, shown_pairs, schema=_schema(space, proposals))

    def read(self, text: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
        """The solutions, wherever in the reply they are (see :mod:`opro_cli.reading`)."""
        try:
            return solutions(bounded(text), space)
        except Unusable as unusable:
            return [unusable]


def _progress(problem: Problem, asking: Asking) -> Iterator[str]:
    """What the search has come to."""
    progress, w = asking.progress, problem.wording
    if progress is not None:
        spans = [f"{name} from {low} to {high}" for name, low, high in progress.spans]
        where = f", with {listed(spans)}" if spans else ""
        yield f"So far {progress.tried} were tried{where}."
    if asking.stuck:
        steps = "step" if asking.stuck == 1 else f"{asking.stuck} steps"
        how = "change several values at once" if len(problem.space.names) > 1 else "change more"
        yield (
            f"The last {steps} brought no better {w.value}: what was tried of late does not work, "
            f"so {how}, or look where nothing was tried yet."
        )


def _wishes(problem: Problem, aim: float | None, asking: Asking) -> Iterator[str]:
    """Which value to aim at, and which points not to propose again."""
    w = problem.wording
    if aim is not None:
        yield (
            f"Ask yourself which {w.solution} would have a {w.value} of about "
            f"{w.render_value(aim)}."
        )
    if asking.proposed:
        lines = "; ".join(problem.space.render(point) for point in asking.proposed)
        yield f"These were proposed already, so propose none of them: {lines}."


def _schema(space: Space, proposals: int) -> dict[str, Any]:
    """JSON schema of a reply: the reasoning, then one solution or exactly so many."""
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
