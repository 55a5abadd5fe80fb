"""A report of several strategies names the strategy, and no setting that follows from it."""

from __future__ import annotations

from opro_cli.core.events import Evaluation, Stepped, Stopped
from opro_cli.report.groups import optimizer_name
from opro_cli.report.summary import summarize
from opro_cli.report.tables import tables
from opro_cli.runs.store import RunStore
from tests.planning import planned
from tests.recording import STARTS, add

LINE = "problem: {kind: linear, targets: [{w: 15, b: 14}]}\n"
FOUND = Stepped(1, (Evaluation((15, 14), 64.3),), (), 1)


def names(runs: RunStore) -> list[str]:
    rows = summarize(*runs.all()).rows
    return [optimizer_name(row, rows, model=False) for row in rows]


def make(runs: RunStore, text: str, *names: str) -> None:
    for spec in planned(LINE + text, *names, flags={"--model": "local"}).specs:
        add(runs, spec, STARTS, FOUND, Stopped(1, "converged"))


def test_two_commands_differ_in_the_strategy(tmp_path):
    runs = RunStore(tmp_path / "runs")
    make(runs, "opro: {strategy: paper}\n", "opro")
    make(runs, "opro: {strategy: adaptive}\n", "opro")
    assert names(runs) == ["opro strategy=paper", "opro strategy=adaptive"]


def test_a_setting_that_a_strategy_did_not_give_is_named(tmp_path):
    runs = RunStore(tmp_path / "runs")
    make(runs, "opro: {strategy: adaptive}\n", "opro")
    make(runs, "opro: {strategy: adaptive, aim: 0.5}\n", "opro")
    assert names(runs) == ["opro", "opro aim=0.5"]


def test_swept_strategies_are_rows_of_one_table(tmp_path):
    runs = RunStore(tmp_path / "runs")
    make(runs, "sweep: {opro.strategy: [paper, adaptive]}\n")
    table, *_ = tables(summarize(*runs.all()), "full")
    headings, body = table.joined()
    assert [row[headings.index("strategy")] for row in body] == ["paper", "adaptive"]
