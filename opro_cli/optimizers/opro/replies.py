"""The proposals in the replies of a step, and the status of each solution."""

from __future__ import annotations

from collections.abc import Sequence, Set

from opro_cli.core.events import ParsedSolution, Point, Reply, Status
from opro_cli.core.optimizer import Proposal
from opro_cli.core.problem import InvalidSolution, Space
from opro_cli.optimizers.opro.metaprompt import FORMS


class StepReplies:
    """Collects the replies of one step, and keeps each point once.

    Args:
        form: name of the meta-prompt's form.
        space: the space of the points.
        most: proposals that the step takes.
        tried: points that are refused because they are known; None to refuse none, and to take
            all the points in the replies.
    """

    def __init__(self, form: str, space: Space, most: int, tried: Set[Point] | None) -> None:
        self._form, self._space = form, space
        self._most, self._tried = most, tried
        self._points: dict[Point, None] = {}
        self._seen: dict[Point, None] = {}
        self.solutions: list[ParsedSolution] = []
        self.count = 0
        """Replies so far."""

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """The points to be evaluated, in the order they came."""
        return tuple(Proposal(point) for point in self._points)

    @property
    def seen(self) -> tuple[Point, ...]:
        """All points in the replies, each once, known ones among them."""
        return tuple(self._seen)

    @property
    def missing(self) -> int:
        """Proposals that are still missing."""
        if self._tried is None and self.count:
            return 0  # the replies are taken as they are
        return max(self._most - len(self._points), 0)

    def allow(self, more: int) -> None:
        """Take so many more proposals."""
        self._most += more

    def add(self, replies: Sequence[Reply], first: int = 0) -> None:
        """Read these replies.

        Args:
            replies: from the model.
            first: as in the :class:`PromptOptions` of their prompt.
        """
        for reply in replies:
            for found in read_reply(reply, self._form, self._space, first):
                self.solutions.append(self._parsed(found))
            self.count += 1

    def _parsed(self, found: Point | InvalidSolution) -> ParsedSolution:
        if isinstance(found, InvalidSolution):
            return ParsedSolution(self.count, found.status, why=str(found))
        status: Status = "used"
        self._seen[found] = None
        if found in self._points:
            status = "duplicate"
        elif self._tried is not None and found in self._tried:
            status = "known"
        elif self._tried is not None and not self.missing:
            status = "spare"
        else:
            self._points[found] = None
        return ParsedSolution(self.count, status, found)


def read_reply(
    reply: Reply, form: str, space: Space, first: int = 0
) -> list[Point | InvalidSolution]:
    """The solutions in one reply, valid or not; at least one."""
    if reply.finish == "blocked":
        return [InvalidSolution("blocked", reply.detail)]
    if not reply.text.strip():
        return [InvalidSolution("truncated" if reply.finish == "length" else "empty", reply.detail)]
    found = FORMS[form].read(reply.text, space, first)
    if reply.finish == "length":  # cut off: a solution that cannot be read is incomplete
        return [_truncated(item) for item in found]
    return found


def _truncated(item: Point | InvalidSolution) -> Point | InvalidSolution:
    if isinstance(item, InvalidSolution) and item.status == "unparsable":
        return InvalidSolution("truncated", "cut off before a solution")
    return item
