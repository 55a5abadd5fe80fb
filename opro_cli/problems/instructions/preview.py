"""What a plan says of the data of instructions, before anything is asked of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opro_cli.core.text import clean
from opro_cli.problems.settings import AnswerSizes, Target, label

if TYPE_CHECKING:
    from opro_cli.problems.instructions.problem import InstructionsProblem
    from opro_cli.problems.instructions.settings import InstructionsSettings

MOST_TASKS = 6
"""Tasks that are described one by one."""

POWER = 2.8
"""Standard errors of a difference that is found with 80 % power at a level of 5 %: 1.96 + 0.84."""

DISCORDANT = 0.2
"""Share of test examples that two instructions are assumed to answer differently."""

REPLY_TOKENS = {
    "label": (1, 6),
    "choice": (2, 60),
    "exact": (4, 20),
    "number": (20, 150),
    "contains": (10, 100),
    "regex": (10, 60),
    "json": (15, 60),
}
"""Output tokens of an answer, low and middle, by metric; high is the limit of the scorer."""

USUAL_INSTRUCTION = 120
"""Characters of an instruction, as optimizers write them."""


def resolution(tests: int) -> float:
    """The smallest difference, from 0 to 1, that so many test examples tell from luck."""
    return POWER * math.sqrt(DISCORDANT / tests) if tests else math.inf


def answer_sizes(settings: InstructionsSettings) -> AnswerSizes:
    """Measured on the prompts of all examples; the tokens of a reply are assumed."""
    lengths: list[int] = []
    most = settings.scorer.max_output_tokens
    low, middle = most, 0
    for target in settings.targets:
        problem = settings.build(target, 0)
        for example in (*problem.train, *problem.dev, *problem.test):
            lengths.append(len("".join(problem.prompt("", example.question))))
        few, usual = REPLY_TOKENS.get(problem.metric_name, (10, 100))
        low, middle = min(low, few), max(middle, usual)
    mean = sum(lengths) / len(lengths)
    starts = min(len(start) for start in settings.starts) if settings.starts else 0
    return AnswerSizes(
        (mean + starts, mean + USUAL_INSTRUCTION, mean + settings.max_chars),
        (low, min(middle, most), most),
    )


def facts(settings: InstructionsSettings) -> list[tuple[str, str]]:
    """Sizes, metric, floor and resolution, of each task where there are several."""
    targets = settings.targets
    if len(targets) == 1:
        return list(_of_one(settings, targets[0]))
    found = [
        (str(target.get("task", "-")), _in_short(settings, target))
        for target in targets[:MOST_TASKS]
    ]
    if len(targets) > MOST_TASKS:
        found.append(("…", f"{len(targets) - MOST_TASKS} more tasks, all of them checked"))
    return found


def warnings(settings: InstructionsSettings) -> list[str]:
    """What the self-check and the reading of the data say."""
    found = []
    for target in settings.targets:
        problem = settings.build(target, 0)
        before = f"{label(target)}: " if target else ""
        found += [before + sentence for sentence in problem.left_out]
        check = problem.self_check()
        found += [before + sentence for sentence in (check.warnings if check else ())]
        if not problem.test:
            found.append(f"{before}There are no test examples: nothing tells a gain from luck.")
    return found


def _of_one(settings: InstructionsSettings, target: Target) -> Iterator[tuple[str, str]]:
    problem = settings.build(target, 0)
    origin = f"generated: {settings.generated}" if settings.generated else settings.data
    yield "data", f"{clean(origin, 100)}: {_sizes(problem)}"
    check = problem.self_check()
    if check is None:
        yield "metric", f"{clean(problem.metric_name, 100)}, code of yours: not run to plan"
    else:
        yield (
            "metric",
            f"{problem.metric_name}: right answers are right, no constant one beats them",
        )
        share, answer = check.majority_share, clean(check.majority_label, 60)
        yield "floor", f"{100 * share:.0f} %: always {answer!r}, the most frequent answer of train"
    if problem.test:
        yield (
            "resolution",
            f"{len(problem.test)} test examples can show a gain of "
            f"{100 * resolution(len(problem.test)):.1f} points or more (80 % power; "
            f"{100 * DISCORDANT:.0f} % of the answers differ)",
        )


def _in_short(settings: InstructionsSettings, target: Target) -> str:
    problem = settings.build(target, 0)
    check = problem.self_check()
    floor = f"; floor {100 * check.majority_share:.0f} %" if check else ""
    points = f"; shows {100 * resolution(len(problem.test)):.1f} points" if problem.test else ""
    return f"{problem.metric_name}; {_sizes(problem)}{floor}{points}"


def _sizes(problem: InstructionsProblem) -> str:
    return f"{len(problem.train)} train, {len(problem.dev)} dev, {len(problem.test)} test"
