"""``opro presets copy``: a preset of one's own, from one that is there."""

from __future__ import annotations

import json
import shlex

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.presets import copying, files


def copy(options: Options) -> int:
    """Copy the preset and its files, and say what was written and what to type next."""
    path = files.find(options["preset"])
    copied = copying.copy_preset(path, copying.target_of(path, options["to"]))
    if options["json"]:
        facts = {"path": str(copied.path), "files": [str(p) for p in copied.files]}
        print_out(json.dumps({**facts, "left": list(copied.left)}) + "\n")
        return 0
    for written in (copied.path, *copied.files):
        say(f"wrote {files.tidy(written)}")
    for name in copied.left:
        say(f"not copied: {name}, which is outside of the preset's folder")
    say(f"change it, and then: opro check {shlex.quote(str(copied.path))}")
    return 0
