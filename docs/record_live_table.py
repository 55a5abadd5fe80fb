"""Record the picture of the live table in the README, from a real run of the embedded model.

    python docs/record_live_table.py

Runs the quickstart preset and draws what the terminal shows while its third run is at work.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from opro_cli.display import Watched
from opro_cli.display.live import Live, ending
from opro_cli.environment import Environment
from opro_cli.events import Event, Failed, Stepped, Stopped
from opro_cli.jobs import of_plan
from opro_cli.launch import Launcher
from opro_cli.plan import Asked, make
from opro_cli.runs import Runs

PICTURE = Path(__file__).with_name("live-table.svg")
WIDTH = 100


class Recording(Live):
    """The live table, drawn once to a picture."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self._lines: list[Text] = []

    def event(self, run: Watched, event: Event) -> None:
        """As on screen; the picture is the last step before the third run ends."""
        super().event(run, event)
        if isinstance(event, Stopped | Failed):
            self._lines.append(ending(run, event))
        if isinstance(event, Stepped) and len(self._lines) == 2:
            console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
            prompt = Text("$ opro run-opro --preset quickstart --model local", style="bold")
            console.print(Group(prompt, *self._lines, self.table(), self.footer()))
            PICTURE.write_text(console.export_svg(title="opro"), encoding="utf-8")


def main() -> None:
    """Run and record."""
    env = Environment()
    asked = Asked("quickstart", flags={"model": "local", "seed": "4"})
    with tempfile.TemporaryDirectory() as folder:
        plan = make(asked, env, ["opro"])
        runs = Runs(Path(folder))
        Launcher(runs, [Recording()], env, print).launch(lambda: of_plan(plan, runs))


if __name__ == "__main__":
    main()
