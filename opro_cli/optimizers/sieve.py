"""What the replies of a step propose, and what became of each reply."""

from __future__ import annotations

from collections.abc import Sequence, Set

from opro_cli.events import Fate, Point, Reading, Reply
from opro_cli.metaprompt import FORMS
from opro_cli.optimizers.base import Proposal
from opro_cli.problems.base import Space, Unusable


class Sieve:
    """Takes the replies of one step, and keeps each point once.

    Args:
        form: of the meta-prompt.
        space: what the points are of.
        wanted: proposals that the step takes.
        tried: points that are refused because they are known; None to refuse none, and to take
            whatever comes.
    """

    def __init__(self, form: str, space: Space, wanted: int, tried: Set[Point] | None) -> None:
        self._form, self._space = form, space
        self._wanted, self._tried = wanted, tried
        self._points: dict[Point, None] = {}
        self._seen: dict[Point, None] = {}
        self.readings: list[Reading] = []
        self.replies = 0
        """Replies taken so far."""

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
        """Proposals that are wanted still."""
        if self._tried is None and self.replies:
            return 0  # what was asked for came
        return max(self._wanted - len(self._points), 0)

    def take(self, replies: Sequence[Reply], turn: int = 0) -> None:
        """Read these replies; ``turn`` as it was asked, see :class:`opro_cli.metaprompt.Asking`."""
        for reply in replies:
            for found in read_reply(reply, self._form, self._space, turn):
                self.readings.append(self._reading(found))
            self.replies += 1

    def _reading(self, found: Point | Unusable) -> Reading:
        if isinstance(found, Unusable):
            return Reading(self.replies, found.fate, why=str(found))
        fate: Fate = "used"
        self._seen[found] = None
        if found in self._points:
            fate = "duplicate"
        elif self._tried is not None and found in self._tried:
            fate = "known"
        elif self._tried is not None and not self.missing:
            fate = "spare"
        else:
            self._points[found] = None
        return Reading(self.replies, fate, found)


def read_reply(reply: Reply, form: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
    """The solutions in one reply, usable or not; at least one."""
    if reply.finish == "blocked":
        return [Unusable("blocked", reply.detail)]
    if not reply.text.strip():
        return [Unusable("truncated" if reply.finish == "length" else "empty", reply.detail)]
    found = FORMS[form].read(reply.text, space, turn)
    if reply.finish == "length":  # cut off: what cannot be read was not finished
        return [_truncated(item) for item in found]
    return found


def _truncated(item: Point | Unusable) -> Point | Unusable:
    if isinstance(item, Unusable) and item.fate == "unparsable":
        return Unusable("truncated", "cut off before a solution")
    return item
