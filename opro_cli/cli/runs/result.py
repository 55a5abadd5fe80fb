"""The result of a run: alone, for ``opro runs best``, and as the first lines of ``runs show``."""

from __future__ import annotations

import json
import shlex
import sys

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.cli.progress.lines import ended
from opro_cli.cli.progress.texts import price, rejected_text
from opro_cli.cli.runs.listing import one_run
from opro_cli.core.events import Point
from opro_cli.core.problem import Textual
from opro_cli.core.text import clean, plural, reason_text, status_text
from opro_cli.core.totals import RunTotals
from opro_cli.presets.spec import RunSpec
from opro_cli.report.groups import target_name
from opro_cli.report.judged import JudgedRow, JudgedRun, is_judged, scorer_name
from opro_cli.report.rows import make_rows
from opro_cli.report.summary import Summary
from opro_cli.report.verdicts import graded_of, quoted, share_of, verdict_of
from opro_cli.runs.progress import by_name, points_text, value_text
from opro_cli.runs.record import RunRecord, read_record
from opro_cli.runs.store import StoredRun


def best(options: Options) -> int:
    """Print the instruction that a run chose, or else its best point; exit code 1 for none.

    A text is printed as it is, any other point as JSON.
    """
    run = one_run(options["run"], options["runs_dir"])
    record = read_record(run, whole=False)
    point = best_point(record)
    if point is None:
        _say_why(run, record)
        return 1
    space = record.spec.build_problem().space
    if options["json"] or not isinstance(space, Textual):
        print_out(json.dumps(space.to_values(point), ensure_ascii=False) + "\n")
    else:
        print_out(_lines(str(point[0])) + "\n")
    return 0


def best_point(record: RunRecord) -> Point | None:
    """What dev chose, for instructions; the best so far, for any other problem."""
    if is_judged(record.spec):
        return JudgedRun(record.totals).chosen
    return record.totals.best[0] if record.totals.best else None


def _say_why(run: StoredRun, record: RunRecord) -> None:
    totals = record.totals
    if totals.error:
        say(f"error: {run.id} failed: {totals.error}")
    elif is_judged(record.spec):
        why = f" ({reason_text(totals.reason)})" if totals.reason else ""
        say(f"error: {run.id} has not chosen an instruction yet: it is not finished{why}.")
    else:
        say(f"error: {run.id} has no point with a value.")
    say(f"hint: opro resume {run.id}")


def result_lines(record: RunRecord) -> list[str]:
    """What a run found, how good it is, and what it took."""
    lines = _judged_lines(record) if is_judged(record.spec) else _plain_lines(record)
    return [f"{name:<9} {text}" for name, text in lines]


def _plain_lines(record: RunRecord) -> list[tuple[str, str]]:
    spec, totals = record.spec, record.totals
    best = totals.best
    lines = [
        ("found", by_name(spec.build_problem().space, best[0]) if best else "no point with a value")
    ]
    lines += [(_word(spec), value_text(spec, best[1]))] if best else []
    lines += [("state", _state(record))]
    points = points_text(record.view, totals.distinct_pairs)
    used = [plural(totals.evaluations, "evaluation"), points]
    if totals.calls:
        tokens = totals.usage.input + totals.usage.output
        used += [plural(totals.calls, "call"), plural(tokens, "token")]
    lines += [("used", ", ".join(used))]
    replies = ", ".join(f"{n} {status_text(s)}" for s, n in totals.statuses.most_common())
    lines += [("replies", replies)] if replies else []
    return [*lines, ("cost", price(totals.cost, totals.unpriced))] if totals.calls else lines


def _state(record: RunRecord) -> str:
    totals = record.totals
    if totals.error:
        return f"failed: {clean(totals.error)}"
    if totals.reason is None:
        return f"unfinished after {plural(totals.step, 'step')}"
    return ended(record.view)


def _word(spec: RunSpec) -> str:
    """The problem's word for its value, where it is short enough for the column."""
    word = clean(spec.build_problem().text.value, 20)
    return word if len(word) <= 9 else "value"


def _judged_lines(record: RunRecord) -> list[tuple[str, str]]:
    spec, totals = record.spec, record.totals
    judged = JudgedRow(make_rows([record.view])[0])
    run = JudgedRun(totals)
    point = run.chosen or (totals.best[0] if totals.best else None)
    lines = [("found" if run.chosen else "best so far", quoted(point))]
    for split in ("train", "dev", "test"):
        share = run.train(point) if split == "train" else run.on(split, point)
        if share is not None:
            lines.append((split, share_of(share, interval=True)))
    tests = [(v, "start") for v in [run.verdict("start")] if v]
    tests += [(v, "best by train" if v.part == "trained" else v.part) for v in run.controls]
    for verdict, word in tests:
        share = run.on("test", verdict.point)
        lines.append(("", f"{share_of(share)} {word}: {quoted(verdict.point, 200)}"))
    lines += [("verdict", verdict_of(judged))]
    lines += [("scorer", f"{clean(scorer_name(spec))}: {plural(_answers(totals), 'answer')}")]
    lines += [("answers", graded_of(run))] if run.grades else []
    rejected = rejected_text(totals.statuses)
    lines += [("rejected", rejected)] if rejected else []
    return [*lines, ("cost", _money(totals))]


def closing_lines(summary: Summary, where: str, *, whole: bool) -> list[str]:
    """What to do next, after a command whose runs are all finished.

    Args:
        summary: of the runs.
        where: the option that names the runs directory.
        whole: the verdicts and the instructions too, which no table has shown.
    """
    judged = [JudgedRow(row) for row in summary.rows if is_judged(row.spec)]
    lines = []
    for one in judged if whole else []:
        lines.append(f"{target_name(one.row)}: {verdict_of(one)}")
        lines += [f"found: {quoted(one.best.chosen)}"] if one.best else []
    views = [one.best_view for one in judged]
    if len(views) == 1 and views[0] is not None:
        return [*lines, f"next: opro runs best {views[0].id}{where} > instruction.txt"]
    if summary.side_by_side and summary.rows:
        preset = shlex.quote(summary.rows[0].preset)
        return [*lines, f"next: opro report --compare --preset {preset}{where}"]
    return [*lines, f"next: opro report --format markdown{where}"]


def _answers(totals: RunTotals) -> int:
    return sum(role.answers for role in totals.roles.values())


def _money(totals: RunTotals) -> str:
    parts = [f"optimizer {price(totals.cost, totals.unpriced)}"]
    parts += [
        f"{clean(name, 40)} {price(role.cost, role.unpriced)}"
        for name, role in totals.roles.items()
    ]
    return ", ".join(parts)


def _lines(text: str) -> str:
    """The text as it is; on a terminal nothing in it acts on the screen."""
    if not sys.stdout.isatty():
        return text
    return "\n".join(clean(line, len(line) + 1) for line in text.split("\n"))
