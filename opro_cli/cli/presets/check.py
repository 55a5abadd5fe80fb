"""``opro check``: what is known of a preset before it costs anything."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.cli.options.overrides import overrides_of
from opro_cli.core.text import clean, plural
from opro_cli.optimizers import DEFAULT
from opro_cli.presets import files
from opro_cli.presets.checks import Finding, check_preset
from opro_cli.presets.environment import Environment

MARKS = {"ok": "✓", "warning": "!", "skipped": "–", "failed": "✗"}

SUBJECT = 12
"""Characters of the second column."""


def check(options: Options) -> int:
    """Print each finding; exit code 2 where a check has failed."""
    env = Environment()
    if hidden := files.hidden(options["preset"]):
        say(f"note: {hidden}.")
    models = options.several("model")  # several are for the one that is compared
    overrides = overrides_of(options, env, [DEFAULT] if len(models) > 1 else None)
    found: list[Finding] = []
    for finding in check_preset(options["preset"], overrides, env, run_code=options["execute"]):
        found.append(finding)
        if not options["json"]:
            print_out(_lines(finding))
    failed = sum(finding.state == "failed" for finding in found)
    if options["json"]:
        checks = [asdict(finding) for finding in found]
        facts = {"preset": options["preset"], "ok": not failed, "checks": checks}
        print_out(json.dumps(facts) + "\n")
    elif failed:
        say(f"{plural(failed, 'check')} failed; nothing was started.")
    else:
        say("Nothing stands in the way; nothing was started.")
    return 2 if failed else 0


def _lines(finding: Finding) -> str:
    """The finding and its hint, as wide as the terminal."""
    columns = width() or 1_000_000
    before = f"{MARKS[finding.state]} {clean(finding.subject, SUBJECT):<{SUBJECT}}"
    indent = " " * len(before)
    lines = textwrap.wrap(before + clean(finding.text, 1000), columns, subsequent_indent=indent)
    if finding.hint:
        hint = f"{indent}hint: {clean(finding.hint, 1000)}"
        lines += textwrap.wrap(hint, columns, subsequent_indent=indent)
    return "\n".join(lines) + "\n"
