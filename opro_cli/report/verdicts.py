"""Sentences about instructions: the verdict, what it rests on, and whether there is room at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opro_cli.core.events import GRADES, Point
from opro_cli.core.text import clean, plural
from opro_cli.report.judged import FEW_UNREAD, JudgedRow, JudgedRun, Share
from opro_cli.report.paired import Paired, luck, scores
from opro_cli.report.statistics import Interval

LONGEST = 100_000
"""Characters of an instruction: all that the settings allow."""

WORDS = {
    "better": "better than the start",
    "worse": "worse than the start",
    "no evidence": "no evidence of a gain",
}


def quoted(point: Point | None, limit: int = LONGEST) -> str:
    """An instruction in quotes, on one line."""
    if not point or not point[0]:
        return "(empty)"
    return f'"{clean(str(point[0]), limit)}"'


def points(difference: float, interval: Interval) -> str:
    """A difference with its interval, in percentage points: ``+4.0 (-8.1 to +16.0)``."""
    low, high = interval
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def percent_range(interval: Interval) -> str:
    """``41–61%``."""
    low, high = interval
    return f"{100 * low:.0f}–{100 * high:.0f}%"


def verdict_of(judged: JudgedRow) -> str:
    """Better, no evidence of a gain, or worse: one sentence, and what limits it."""
    best = judged.best
    if best is None:
        return "no verdict: no run is finished."
    gain = judged.gain
    if gain is None:
        return "no verdict: there is no test, and the accuracy on train is too high by selection."
    return " ".join([f"{_found(gain, best)}.", *_limits(gain, best), *_floor(judged, best)])


def _found(gain: Paired, best: JudgedRun) -> str:
    """The verdict itself."""
    runs = len(gain.pairs)
    words = WORDS[gain.verdict]
    if not gain.better + gain.worse:
        if runs == 1 and best.chosen == best.start:
            return f"{words}: the start itself was chosen"
        most = 100 * gain.resolution
        return (
            f"{words}: every test answer is as good as under the start, which can hide at most "
            f"{most:.1f} points (3/n)"
        )
    text = f"{points(gain.difference, gain.interval)} points on {plural(gain.examples, 'example')}"
    if runs == 1:
        return f"{words}: {text}, p {p_value(gain)}"
    beat = f"{gain.repetitions_better} of {runs} runs beat it"
    return f"{words}: {text}, mean of {runs} runs; {beat}"


def p_value(pair: Paired) -> str:
    """Of the exact test; empty where there are several repetitions."""
    if pair.p is None:
        return ""
    return "<0.001" if pair.p < 0.001 else f"{pair.p:.3f}"


def _limits(gain: Paired, best: JudgedRun) -> Iterator[str]:
    gap = best.gap
    if gap is not None and abs(gap) >= 0.005:
        side = "above" if gap > 0 else "below"
        yield f"Train is {abs(100 * gap):.1f} points {side} test."
    yield (
        f"{plural(gain.examples, 'test example')} can show differences from about "
        f"{100 * gain.resolution:.0f} points on."
    )


def _floor(judged: JudgedRow, best: JudgedRun) -> Iterator[str]:
    """How many examples the most frequent answer alone gets right, where that is more than one."""
    floor, test = judged.floor, best.on("test", best.chosen)
    if floor is None or test is None or floor[0] * test.examples < 2:
        return
    share, answer = floor
    text = f"The most frequent answer ({quoted((answer,), 40)}) alone is right for {share:.0%}"
    yield text + (", which is no less." if test.value <= share else ".")


def headroom_of(run: JudgedRun) -> str:
    """Whether fixed instructions differ by more than luck: is it worth it to look for others?

    Empty where fewer than two instructions were scored on the same examples.
    """
    pairs = [pair for pair in run.totals.scored.values() if "." not in pair.detail]
    if len(pairs) < 2 or len({len(pair.detail) for pair in pairs}) > 1:
        return ""
    values = np.array([scores(pair.detail) for pair in pairs])
    means = values.mean(axis=1)
    spread, noise = float(means.max() - means.min()), luck(values)
    answers = "".join(pair.detail for pair in pairs)
    unread = sum(map(answers.count, "?xbe")) / len(answers)
    could_not = f"{unread:.0%} of the replies could not be read"
    text = (
        f"{len(pairs)} fixed instructions differ by {100 * spread:.0f} points on "
        f"{plural(values.shape[1], 'training example')}"
    )
    if spread > noise:
        also = f", and {could_not}" if unread >= FEW_UNREAD else ""
        return f"{text} (luck alone: up to {100 * noise:.0f}){also}: there is room."
    if unread >= FEW_UNREAD:
        return (
            f"{text}, which luck alone explains (up to {100 * noise:.0f}), but {could_not}: "
            "an instruction about the form of the answer may help."
        )
    return (
        f"{text}, less than the noise (luck alone: up to {100 * noise:.0f}): they show no room "
        "for a better one."
    )


def graded_of(run: JudgedRun) -> str:
    """All answers by grade: ``812 right, 340 wrong, 12 cut off``."""
    between = sum(n for grade, n in run.grades.items() if grade not in GRADES)
    parts = [f"{run.grades[g]:,} {word}" for g, word in GRADES.items() if run.grades[g]]
    parts += [f"{between:,} in part right"] if between else []
    return ", ".join(parts)


def share_of(share: Share | None, *, interval: bool = False) -> str:
    """``27/30``, with its interval where that is wanted; empty for none."""
    if share is None:
        return ""
    return f"{share} ({percent_range(share.interval)})" if interval else str(share)
