"""Every error a user can meet, each with a hint.

::

    OproError                   exit code 1
    ├── UsageError              exit code 2: what was asked for makes no sense
    │   ├── PresetError         a preset, or an override of one, is wrong (file, dotted key)
    │   ├── ModelUnavailable    no key, no extra, no such file, a retired model
    │   └── RunsError           the runs directory, or a log in it, cannot be read or written
    │       └── RunLocked       another process is writing this run
    ├── RunFailed               one run gave up; the others go on
    │   ├── LLMError            the provider answered with an error that retrying cannot mend
    │   │   └── TransientError  ... that retrying can mend, perhaps after a stated wait
    │   ├── NoValues            no starting point has a value
    │   ├── LogError            a run's log could not be written
    │   └── Disagreement        going on does not give what the log holds
    ├── OutputError             standard output takes nothing
    └── ReplayMismatch          a recording does not come out as recorded
"""

from __future__ import annotations

import traceback
from itertools import pairwise

HERE = __file__[: -len("core/errors.py")]
"""Our folder, as the frames of a traceback name it."""


class OproError(Exception):
    """Something a user can understand and act on.

    Args:
        message: one or two sentences, without a trailing hint.
        hint: what to type or change, as a phrase; empty if there is nothing to say.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """The caller's line, the message and its hint: what a notebook shows instead of a traceback
        (https://ipython.readthedocs.io/en/stable/config/integrating.html)."""
        lines = [f"{type(self).__name__}: {self.message}"]
        lines += [f"hint: {self.hint}"] if self.hint else []
        for before, frame in pairwise(traceback.extract_tb(self.__traceback__)):
            if frame.filename.startswith(HERE):
                return [f"line {before.lineno}: {before.line}", *lines]
        return lines


class UsageError(OproError):
    """The command line or the configuration is wrong. Nothing was started."""

    exit_code = 2


class PresetError(UsageError):
    """A preset cannot be found, read or validated."""


class ModelUnavailable(UsageError):
    """The chosen model cannot be used here: no key, no extra, no file, or retired."""


class RunsError(UsageError):
    """The runs directory cannot be used, or a log in it is damaged."""


class RunLocked(RunsError):
    """Another process is writing this run, or was, on a machine that cannot be looked into."""


class RunFailed(OproError):
    """One run ended with an error. What it recorded so far is kept."""


class LLMError(RunFailed):
    """The provider refused in a way that another attempt does not mend.

    Args:
        attempts: calls made for the reply that did not come.
        free: whether the server has refused the call, so that it took no tokens. A call that was
            late, cut off or unreadable may have taken all it could.
    """

    def __init__(
        self, message: str, hint: str = "", *, attempts: int = 1, free: bool = False
    ) -> None:
        super().__init__(message, hint)
        self.attempts = attempts
        self.free = free
        self.troubles: tuple[str, ...] = ()
        """What went wrong in the attempts before the last one, as far as they are counted."""


class TransientError(LLMError):
    """The provider failed in a way that another attempt may mend.

    Args:
        wait: seconds the server asked to wait, or None where it named none.
        too_many: the server has said that there are too many calls.
        late: no answer came in time, perhaps because there are too many calls.
        free: as of :class:`LLMError`.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        wait: float | None = None,
        too_many: bool = False,
        late: bool = False,
        free: bool = False,
    ) -> None:
        super().__init__(message, hint, free=free)
        self.wait = wait
        self.too_many = too_many
        self.late = late


class QuotaError(LLMError):
    """A quota that waiting minutes does not renew: no call of this process is of use any more."""


class NoValues(RunFailed):
    """No starting point of a run has a value."""


class LogError(RunFailed):
    """An event could not be written. The run stops: an unrecorded step is a lost step."""


class Disagreement(RunFailed):
    """A run that is gone on with does not come out as its log says it began."""


class OutputError(OproError):
    """Standard output cannot be written to."""


class ReplayMismatch(OproError):
    """Replaying a recording gave something else than what was recorded."""


class Paused(Exception):
    """A run is left where it is, to be gone on with later or not at all. No error.

    Args:
        reason: recorded as the reason of the stop; empty to record nothing.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class SearchEnded(Paused):
    """A cap leaves only enough to judge what was found: the search ends, the run does not."""
