"""``opro init``: a first preset for a function or a data file, and what to type next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import UsageError
from opro_cli.presets.drafts.instructions import draft_instructions
from opro_cli.presets.drafts.objective import draft_objective
from opro_cli.presets.files import save_new
from opro_cli.problems.instructions.rows import FORMATS

STDOUT = "-"

HINT = "as in `opro init my.py:loss`, or `opro init --prompt reviews.jsonl`"


def init(options: Options) -> int:
    """Write the preset and print the commands that use it."""
    source, data = options["source"], options["prompt"]
    if (source is None) == (data is None):
        both = "Either a function or a data file is wanted, not both."
        raise UsageError(both if source else "Nothing to begin with was named.", HINT)
    if source is not None and _is_data(source):
        raise UsageError(f"{source} is a data file.", f"opro init --prompt {shlex.quote(source)}")
    if data is None and (options["question"] or options["answer"]):
        raise UsageError("--question and --answer are for --prompt.", HINT)
    path = _target(options["output"], source or data, functions=data is None)
    if data is None:
        draft = draft_objective(source, path.parent)
    else:
        draft = draft_instructions(
            data, path.parent, options["question"] or "", options["answer"] or ""
        )
    if str(options["output"]) == STDOUT:
        print_out(draft.text)
        return 0
    save_new(path, draft.text, force=options["force"])
    shown = shlex.quote(str(path))
    commands = _commands(shown, prompts=data is not None)
    if options["json"]:
        facts = {"path": str(path), "summary": draft.summary, "notes": list(draft.notes)}
        print_out(json.dumps({**facts, "next": [command for command, _ in commands]}) + "\n")
        return 0
    say(f"{path}: {draft.summary}.")
    for note in draft.notes:
        say(note)
    say("Read it, change what is wrong, and then:")
    widest = max(len(command) for command, _ in commands)
    for command, what in commands:
        say(f"  {command:<{widest}}  # {what}")
    return 0


def _is_data(source: str) -> bool:
    return source.lower().removesuffix(".gz").endswith(FORMATS)


def _target(output: Path | None, named: str, *, functions: bool) -> Path:
    """The file to write: as it is named, else in the current folder, after the source."""
    if output is not None and str(output) != STDOUT:
        return output
    where = named.rpartition(":")[0] if functions and ":" in named else named
    name = Path(where).name
    if not functions or name.endswith(".py"):
        stem = name.partition(".")[0] or "preset"
    else:
        stem = name.rpartition(".")[2]
    return Path(f"{stem}.yaml")


def _commands(path: str, *, prompts: bool) -> list[tuple[str, str]]:
    check = (f"opro check {path}", "is all there, and what would it cost?")
    run = (f"opro run-opro {path}", "let a model optimize; --model chooses one")
    if prompts:
        first = (f"opro run-baseline {path} -O fixed", "how good are usual instructions?")
        return [check, first, run]
    call = (f"opro check {path} --run", "the same, and call the function once")
    return [check, call, run, (f"opro sweep {path}", "the same and the baselines, to compare")]
