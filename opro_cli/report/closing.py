"""The result of a command in plain sentences, for its last lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean, listed, plural, reason_text
from opro_cli.core.totals import MODEL
from opro_cli.report.cells import no_value_text
from opro_cli.report.groups import by_problem, merge, models_of, optimizer_name
from opro_cli.report.judged import is_judged
from opro_cli.report.rows import Row
from opro_cli.report.table import mean_and_std, short_number

FEW = 4
"""Runs whose steps are listed one by one."""

MOST = 6
"""Optimizers that are named in a sentence."""

SHARES = {1 / 4: "A quarter", 1 / 3: "A third", 1 / 2: "Half", 2 / 3: "Two thirds", 1.0: "All"}


def result_lines(rows: Sequence[Row], *, noted: bool = False) -> Iterator[str]:
    """For each problem how the runs of every optimizer ended, and what random search did.

    Args:
        rows: of the command.
        noted: whether the notes of their report are on the screen: they say which points failed.
    """
    groups = by_problem(rows)
    for group in groups:
        contenders = _by_optimizer(group)
        where = f"{clean(group[0].preset, 40)}: " if len(groups) > 1 else ""
        names = [_name(row, contenders) for row in contenders[:MOST]]
        parts = [_ended(row, name) for row, name in zip(contenders, names, strict=False)]
        more = len(contenders) - MOST
        parts += [f"{more} more: see `opro report`"] if more > 0 else []
        yield f"{where}{'; '.join(parts)}."
        yield from _random_search(group, where)
        if (
            not noted
            and not is_judged(group[0].spec)
            and (said := no_value_text(contenders, names))
        ):
            yield f"{where}{said}."


def _by_optimizer(rows: Sequence[Row]) -> list[Row]:
    """All runs of each optimizer with each model, those that ask a model first."""
    groups: dict[tuple[str, str | None], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.optimizer, row.model), []).append(row)
    return sorted((merge(group) for group in groups.values()), key=lambda row: not row.asks_model)


def _name(row: Row, among: Sequence[Row]) -> str:
    """Empty where there is one only."""
    if len(among) == 1:
        return ""
    same = [other for other in among if other.optimizer == row.optimizer]
    return optimizer_name(row, [row], model=len(models_of(same)) > 1)


def _ended(row: Row, name: str) -> str:
    """``opro solved 2 of 3, in 1 and 4 steps (1 out of steps)``."""
    goal = row.has_goal and not is_judged(row.spec)
    done, word = (row.solved, "solved") if goal else (row.finished, "finished")
    counted = f"{len(done)} of {len(row.runs)}"
    text = f"{name} {word} {counted}" if name else f"{counted} {word}"
    if goal and done:
        text += f", in {_steps([run.totals.step for run in done])}"
    elif not goal and not row.pooled:
        text += _found(row)
    return text + _others(row, [run.id for run in done])


def _steps(steps: Sequence[int]) -> str:
    if len(steps) <= FEW:
        return f"{listed([f'{n:,}' for n in steps])} step{'s' * (list(steps) != [1])}"
    middle = sorted(steps)[len(steps) // 2]
    return f"{min(steps):,} to {max(steps):,} steps (median {middle:,})"


def _found(row: Row) -> str:
    """The best values of runs without a goal."""
    if is_judged(row.spec) or row.best is None or row.best_values is None:
        return ""
    mean, std = mean_and_std(row.best_values)
    several = f" (mean {mean} ± {std})" if len(row.best_values.values) > 1 else ""
    return f", best {clean(row.value_name, 40)} {short_number(row.best[1])}{several}"


def _others(row: Row, done: Sequence[str]) -> str:
    """Why the other runs stopped: ``(2 out of steps, 1 failed)``."""
    reasons = Counter(
        "failed" if run.totals.error else reason_text(run.totals.reason or "unfinished")
        for run in row.runs
        if run.id not in done
    )
    return f" ({', '.join(f'{n} {why}' for why, n in reasons.most_common())})" if reasons else ""


def _random_search(rows: Sequence[Row], where: str) -> Iterator[str]:
    """How many of a model's points came from random search, and how to do without."""
    asking = [row for row in rows if row.random_search_points]
    total = sum(sum(row.sources.values()) for row in asking)
    if total:
        share = sum(row.random_search_points for row in asking) / total
        said = f"{where}{share_text(share)} of the proposed points came from random search"
        yield f"{said} (`--strategy paper` switches it off){_solutions(asking)}."


def _solutions(rows: Sequence[Row]) -> str:
    """How many solutions the model found, and how many random search; empty for none."""
    solvers = sum((row.solvers for row in rows), Counter())
    model, all_of_them = solvers[MODEL], solvers.total()
    if not all_of_them:
        return ""
    if model in (0, all_of_them):
        said = "the solution" if all_of_them == 1 else f"all {all_of_them} solutions"
        return f", {said} from {'the model' if model else 'random search'}"
    return f", {model} of {all_of_them} solutions from the model"


def share_by_code(sources: Counter[str], *, asks_model: bool) -> str:
    """Which part of a run's proposed points code drew beside a model; empty for none."""
    drawn, proposed = sources.total() - sources[MODEL], sources.total()
    return share_text(drawn / proposed) if asks_model and drawn else ""


def share_text(share: float) -> str:
    """``Half``, ``A third``, ``38 %``: within two per cent of a simple fraction, its name."""
    near = min(SHARES, key=lambda simple: abs(simple - share))
    return SHARES[near] if abs(near - share) <= 0.02 else f"{100 * share:.0f} %"


def already_done(number: int, of: int) -> str:
    """That runs of earlier commands were used; empty for none."""
    if not number:
        return ""
    if number == of:
        return "All runs already exist; --fresh runs them again."
    verb = "was" if number == 1 else "were"
    return f"{number} of {plural(of, 'run')} {verb} already done."
