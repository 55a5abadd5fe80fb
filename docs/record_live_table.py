"""Record the picture of the live table in docs/commands.md, from a real run of the embedded model.

    python docs/record_live_table.py

Runs the quickstart preset and draws what the terminal shows while its third run is at work.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from opro_cli.cli.progress.live import LiveTable, ending
from opro_cli.core.events import Event, Failed, Stepped, Stopped
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override
from opro_cli.presets.plan import make_plan
from opro_cli.presets.resolve import resolve
from opro_cli.runs.jobs import jobs_for_plan
from opro_cli.runs.launch import Launcher
from opro_cli.runs.progress import RunView
from opro_cli.runs.store import RunStore

PICTURE = Path(__file__).with_name("live-table.svg")
WIDTH = 100


class Recording(LiveTable):
    """The live table, drawn once to a picture."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self._console.width = WIDTH
        self._lines: list[Text] = []

    def event(self, run: RunView, event: Event) -> None:
        """As on screen; the picture is the last step before the third run ends."""
        super().event(run, event)
        if isinstance(event, Stopped | Failed):
            self._lines.append(ending(run, event, self._value))
        if isinstance(event, Stepped) and len(self._lines) == 2:
            console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
            prompt = Text("$ opro run-opro --preset quickstart --model local", style="bold")
            console.print(Group(prompt, *self._lines, self.table(), self.footer()))
            PICTURE.write_text(console.export_svg(title="opro"), encoding="utf-8")


def main() -> None:
    """Run and record."""
    env = Environment()
    overrides = [Override("opro.model", "local", "--model"), Override("seed", 4, "--seed")]
    plan = make_plan(resolve("quickstart", overrides), env, ["opro"])
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        launcher = Launcher(store, [Recording()], env, print)
        launcher.launch(lambda: jobs_for_plan(plan, store))


if __name__ == "__main__":
    main()
