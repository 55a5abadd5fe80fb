"""The result of a call, named as scipy names it."""

from __future__ import annotations

from typing import Any

from opro_cli.api.search import Folder
from opro_cli.api.space import size_of
from opro_cli.api.stored import Run
from opro_cli.core.events import GAVE_UP, PAUSES
from opro_cli.core.text import plural, reason_text
from opro_cli.report.formats.notebook import html_figures, html_table
from opro_cli.runs.launch import Outcome


class Result:
    """The best parameters that a call has found, and how it ended.

    Args:
        outcome: of the run.
        notices: sentences on the way.
        folder: where the run is.
    """

    def __init__(self, outcome: Outcome, notices: list[str], folder: Folder) -> None:
        (stored,), _ = folder.store.select([outcome.runs[0].id])
        self.run = Run(stored, folder)
        """The stored run, with all its trials. It is kept as long as this, at least."""
        self.notices = tuple(dict.fromkeys(notices))
        """What a command would have said on the way."""
        self._stopped = outcome.stopped

    @property
    def best(self) -> dict[str, Any] | None:
        """The best parameters by name; None where no point has a value."""
        return self.run.best

    @property
    def value(self) -> float | None:
        """Their value."""
        return self.run.value

    @property
    def x(self) -> list[Any] | None:
        """The best parameters in the order of the space."""
        return None if self.best is None else list(self.best.values())

    @property
    def fun(self) -> float | None:
        """As :attr:`value`."""
        return self.value

    @property
    def nfev(self) -> int:
        """Evaluations of the objective."""
        return self.run.nfev

    @property
    def nit(self) -> int:
        """Steps of the optimizer."""
        return self.run.nit

    @property
    def cost(self) -> float | None:
        """US dollars spent on models; None where a price is unknown."""
        return self.run.cost

    @property
    def success(self) -> bool:
        """Whether the goal is reached; without a goal, whether the run is finished with a value."""
        state, goal = self.run.state, self.run.spec["problem"].get("goal")
        if goal is not None or self.run.reason in GAVE_UP:
            return state == "converged"
        return state in ("converged", "stopped") and self.value is not None

    @property
    def message(self) -> str:
        """Why it ended, in a sentence."""
        reason, made = self.run.reason, plural(self.nfev, "evaluation")
        if self._stopped and (reason is None or reason in PAUSES):
            return f"Stopped: {self._stopped}. The same call with a larger budget continues it."
        if reason is None or reason in PAUSES:
            return f"Unfinished after {made}. The same call continues it."
        if reason in GAVE_UP:
            totals = self.run._totals
            why = totals.causes.most_common(1)[0][0] if totals.causes else reason_text(reason)
            last = self.run.spec["give_up"] * (self.run.spec["per_step"] or 1)
            many = f"no value in the last {last}" if reason == "no_value" else "no usable reply"
            return f"Gave up after {made}: {many} ({why})."
        if reason == "converged":
            return f"The goal is reached after {made}."
        if self.nfev == size_of(self.run.spec["problem"].get("parameters", {"": {}})):
            return f"Finished: all {plural(self.nfev, 'point')} are evaluated."
        return f"Finished after {made}: {reason_text(reason)}."

    def __repr__(self) -> str:
        lines = [f"{name:>8}: {value}" for name, value in self._facts().items()]
        return "\n".join(lines)

    def _facts(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "value": self.value,
            "success": self.success,
            "message": self.message,
            "nfev": self.nfev,
            "nit": self.nit,
            "cost": self.cost,
            "run": self.run.id,
        }

    def _repr_html_(self) -> str:
        """The figure of the run, and the facts as a table."""
        best = {f"best {name}": value for name, value in (self.best or {}).items()}
        facts = self._facts()
        facts.pop("best")
        return html_figures(self.run._stored) + html_table({**best, **facts})
