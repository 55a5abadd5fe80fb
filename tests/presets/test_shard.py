"""A sweep in shares: every run is in one of them, and caps and rates hold for all together."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.presets.environment import Environment
from opro_cli.presets.plan import make_plan
from opro_cli.presets.resolve import resolve_data
from opro_cli.presets.shard import Shard
from tests.loopback import gemini, solution

PRESET = {
    "problem": {
        "kind": "functions",
        "targets": [{"function": "sphere", "dim": 2}, {"function": "ackley", "dim": 2}],
    },
    "baselines": ["random", "nelder-mead"],
    "reps": 7,
    "budget": {"max_cost": 8, "max_calls": 11, "max_tokens": 4000, "max_time": 60},
    "limits": {"requests_per_minute": 60, "tokens_per_minute": 1000, "concurrency": 8},
}


def shards(count: int, text: dict = PRESET):
    resolved = resolve_data(text, "p")
    env = Environment()
    return make_plan(resolved, env, dry=True), [
        make_plan(resolved, env, dry=True, shard=Shard(number, count))
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_every_run_is_in_one_share_and_the_shares_are_even(count):
    whole, parts = shards(count)
    hashes = [[spec.sha256() for spec in part.specs] for part in parts]
    assert sorted(one for part in hashes for one in part) == sorted(
        spec.sha256() for spec in whole.specs
    )
    assert max(map(len, hashes)) - min(map(len, hashes)) <= 1
    for name in whole.optimizers:
        of = [sum(spec.optimizer.name == name for spec in part.specs) for part in parts]
        assert max(of) - min(of) <= 1


def test_caps_and_rates_are_for_all_shares_together():
    whole, parts = shards(4)
    assert whole.preset.sha256() == parts[0].preset.sha256()
    budgets = [part.preset.general.budget for part in parts]
    assert [b.max_calls for b in budgets] == [3, 3, 3, 2]
    assert sum(b.max_tokens for b in budgets) == 4000
    assert [b.max_cost for b in budgets] == [2.0] * 4
    assert {b.max_time for b in budgets} == {60}
    limits = parts[0].preset.general.limits
    assert (limits.requests_per_minute, limits.tokens_per_minute, limits.concurrency) == (
        15,
        250,
        8,
    )
    assert parts[2].resolved.sources["budget.max_calls"].endswith(", --shard 3/4")


def test_a_cap_too_small_for_all_is_an_error():
    with pytest.raises(UsageError, match="max_calls is 11, and 12 shards share it: shard 12/12"):
        shards(12)


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/4/2", "-1/4", "1/99999"])
def test_what_is_no_share_is_an_error(text, opro):
    done = opro("sweep", "exp1", "--shard", text, "--dry-run")
    assert done.exit_code == 2
    assert "is not a share such as 3/16" in done.stderr


SMALL = """
problem: {kind: linear, targets: [{w: 15, b: 14}, {w: 2, b: 30}]}
baselines: [sgd, random]
opro: {points_per_step: 2, model: gemini-3.5-flash-lite}
reps: 3
max_steps: 2
"""


def answer(request):
    """A pair that depends on the meta-prompt alone."""
    prompt = request.body["contents"][0]["parts"][0]["text"]
    number = zlib.crc32(prompt.encode())
    return gemini(solution(number % 30, number // 64 % 30))


def plain(value):
    """A report as JSON, without what differs from one command to the next."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in ("seconds", "runs")}
    return sorted(map(plain, value), key=json.dumps) if isinstance(value, list) else value


def test_a_sharded_sweep_merged_from_four_directories_reports_the_same_as_one(opro, serve):
    serve(answer)
    Path("p.yaml").write_text(SMALL)
    assert opro("sweep", "./p.yaml", "--runs-dir", "one", "--max-calls", "100").exit_code == 0
    for number in (1, 2, 3, 4):
        place = f"shard-{number}"
        done = opro("sweep", "./p.yaml", "--runs-dir", place, "--shard", f"{number}/4")
        assert done.exit_code == 0, done.output
        shutil.copytree(place, "merged", dirs_exist_ok=True)
    assert len(list(Path("merged").glob("2*"))) == len(list(Path("one").glob("2*"))) == 14
    whole, merged = (
        json.loads(opro("report", "--format", "json", "--runs-dir", place).stdout)
        for place in ("one", "merged")
    )
    assert plain(whole) == plain(merged)
    several = opro("report", "--format", "json", *(f"shard-{n}" for n in (1, 2, 3, 4)))
    assert several.exit_code == 0, several.output
    assert plain(json.loads(several.stdout)) == plain(merged)
    again = opro("sweep", "./p.yaml", "--runs-dir", "merged")
    assert "All runs already exist" in again.output
    checked = opro("replay", "shard-1", "shard-2", "shard-3", "shard-4")
    assert "14 of 14 runs recomputed identically" in checked.output
    listed = opro("runs", "list", "shard-1", "shard-2", "--json").stdout.splitlines()
    assert opro("report", ".").exit_code == 2
    assert len(listed) == len(list(Path().glob("shard-[12]/2*")))


def test_a_share_is_resumed_with_its_part_of_a_cap(opro, serve):
    serve(answer)
    Path("p.yaml").write_text(SMALL)
    done = opro("sweep", "./p.yaml", "--shard", "1/2", "--max-calls", "3")
    assert done.exit_code == 3
    assert "2 of 2 calls are made" in done.output
    again = opro("resume")
    assert "2 of 2 calls are made" in again.output
    assert opro("resume", "--max-calls", "50").exit_code == 0
