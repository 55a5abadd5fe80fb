"""Recorded experiments come out again, number for number; a changed one does not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from opro_cli.core.errors import ReplayMismatch
from opro_cli.runs.checks.replay import replay
from opro_cli.runs.record import RunRecord, Unreadable
from opro_cli.runs.recordings import places, read_directory
from tests.loopback import Answer

RUN = "linear_regression-gemini-2.0-flash-exp-w_15-b_14-2024-12-25-20-22-09"


@pytest.fixture
def recorded(reference, tmp_path) -> Path:
    """A copy of one recorded experiment, free to be changed."""
    copy = tmp_path / RUN
    copy.mkdir()
    for name in ("configs.json", "results.json"):
        shutil.copyfile(reference / RUN / name, copy / name)
    return copy


def find(path: Path) -> Iterator[RunRecord | Unreadable]:
    """Every recording at or below a path."""
    for place in places(path):
        yield from read_directory(place)


def change(path: Path, name: str, edit) -> None:
    data = json.loads((path / name).read_text())
    edit(data)
    (path / name).write_text(json.dumps(data))


def test_every_recorded_run_passes(reference):
    replayed = {r.view.id: replay(r) for r in find(reference)}
    assert len(replayed) == 19
    counts = {
        name[-40:]: (r.totals.step, r.totals.recorded_pairs, r.totals.distinct_pairs)
        for name, r in replayed.items()
    }
    assert (24, 168, 98) in counts.values()
    assert sum(r.totals.reason == "converged" for r in replayed.values()) == 18


def test_their_report_shows_the_published_figures(reference, opro):
    done = opro("replay", reference, "--save")
    assert done.exit_code == 0, done.stderr
    rows = {
        (row["preset"], row["target"]["w"], row["target"]["b"]): row
        for row in json.loads(opro("report", "--format", "json").stdout)
    }
    published = {
        ("exp1 (replay)", 15, 14): ((1.6, 0.49), (10.8, 1.72)),
        ("exp1 (replay)", 17, 17): ((6.8, 0.75), (23.4, 4.22)),
        ("exp1 (replay)", 3, 5): ((14, 1.9), (37.4, 9.71)),
        ("exp3 (replay)", 2, 30): ((24, 0), (168, 0)),
        ("exp4 (replay)", 2, 30): ((19, 0), (107, 0)),
        ("exp4 (replay)", 36, -1): ((19, 0), (107, 0)),
    }
    assert set(rows) == set(published)
    for key, (steps, pairs) in published.items():
        row = rows[key]
        for stat, (mean, std) in ((row["steps"], steps), (row["recorded_pairs"], pairs)):
            assert (round(stat["mean"], 2), round(stat["std"], 2)) == (mean, std)
        assert row["distinct_pairs"]["mean"] <= row["recorded_pairs"]["mean"]
        assert row["published"][0]["steps"]["mean"] == steps[0]
        assert row["tokens"] == {"input": None, "output": None}
    assert rows["exp3 (replay)", 2, 30]["distinct_pairs"]["values"] == [98]
    assert rows["exp4 (replay)", 2, 30]["unfinished"] == 1
    markdown = opro("report", "--format", "markdown").stdout
    assert "| 15 | 14 | 1.6 | 0.49 | 5/5 | 10.6 | 1.5 | 10.8 | 1.72 |" in markdown


def pair(data, rep, i):
    return data[rep]["old_value_pairs_with_i_step"][i]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: pair(d, "0", 5).__setitem__(2, 176446.0), r"step 1: the value of \(13, 13\)"),
        (lambda d: pair(d, "0", 5).__setitem__(0, 12), r"step 1: evaluated \(13, 13\)"),
        (lambda d: pair(d, "0", 0).__setitem__(2, 1.0), "starting points: the value"),
        (lambda d: d["0"]["old_value_pairs_with_i_step"].pop(6), "step 1"),
        (lambda d: d["0"]["old_value_pairs_with_i_step"].append([1, 2, 3.0, 1]), "step 2"),
        (lambda d: d["0"]["raw_outputs"]["0"].pop(-1), "step 1"),
        (
            lambda d: d["0"]["raw_outputs"]["0"].__setitem__(0, '{"weight_bias_pair": [9, 9]}'),
            "step 1",
        ),
        (
            lambda d: d["0"]["meta_prompts"].__setitem__(
                "1", d["0"]["meta_prompts"]["1"].replace("w=15, b=13", "w=15, b=12")
            ),
            "step 2: the history shown",
        ),
        (
            lambda d: d["0"]["meta_prompts"].__setitem__(
                "1", d["0"]["meta_prompts"]["1"].replace("\n128\n", "\n129\n")
            ),
            "step 2: values shown",
        ),
        (
            lambda d: [
                d["2"][part].update({"1": d["2"][part]["0"]})
                for part in ("meta_prompts", "raw_outputs")
            ],
            "recorded: ",
        ),
        (
            lambda d: (
                [d["0"][part].pop("1") for part in ("meta_prompts", "raw_outputs")]
                and d["0"].update(
                    old_value_pairs_with_i_step=d["0"]["old_value_pairs_with_i_step"][:8]
                )
            ),
            None,  # a recording that ends early is just unfinished
        ),
    ],
)
def test_the_first_difference_is_found(recorded, edit, said):
    change(recorded, "results.json", edit)
    if said is None:
        assert next(replay(r).totals.reason for r in find(recorded)) is None
        return
    with pytest.raises(ReplayMismatch, match=said):
        for recording in find(recorded):
            replay(recording)


def test_a_difference_is_printed_and_the_exit_code_is_one(recorded, opro):
    change(recorded, "results.json", lambda d: pair(d, "1", 5).__setitem__(2, 1.0))
    done = opro("replay", recorded)
    assert done.exit_code == 1
    assert f"{RUN} [1], step 1: the value of" in done.stdout
    assert "4 of 5 runs recomputed identically." in done.stderr


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("results.json", lambda d: d["0"].pop("raw_outputs"), "'raw_outputs'"),
        ("configs.json", lambda d: d.pop("0"), "no such repetition"),
        ("configs.json", lambda d: d["0"]["data"].pop("w_true"), "'w_true'"),
        (
            "configs.json",
            lambda d: d["0"]["data"].update(X=[1.0]),
            "num_points is 50, and there are 1|x has 1 numbers",
        ),
        ("configs.json", lambda d: d["0"].update(max_num_pairs=-3), "max_num_pairs"),
        ("configs.json", lambda d: d["0"]["data"].update(loss_at_true_values=1.0), "true values"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_one_sentence(recorded, name, edit, said):
    change(recorded, name, edit)
    said_of = []
    for recording in find(recorded):
        try:
            replay(recording)
        except ReplayMismatch as mismatch:
            said_of.append(mismatch.message)
    assert said_of  # the repetitions that can be read are replayed all the same
    assert re.search(said, said_of[0])


def test_files_that_are_no_json_are_one_sentence(recorded, opro):
    (recorded / "results.json").write_text('{"0": ')
    done = opro("replay", recorded)
    assert done.exit_code == 1
    assert "not JSON" in done.stdout


def deepmind(tmp_path: Path, replies: list[str], pairs: list[list[float]], rep: str = "0") -> Path:
    """A recording as OPRO's own code writes it: other seeds, free text, unrounded starts."""
    import numpy as np

    r = int(rep)
    x = np.arange(50).astype(float) + 1
    y = x * 15 + 14 + np.random.RandomState(r + 1).randn(50)
    init_w = np.random.RandomState((r + 1) * 10).uniform(10, 20, 5)
    init_b = np.random.RandomState((r + 1) * 100).uniform(10, 20, 5)

    def loss(w, b):
        return float(np.linalg.norm(y - (x * w + b)) ** 2)

    starts = np.unique([(round(w), round(b)) for w, b in zip(init_w, init_b, strict=True)], axis=0)
    shown = sorted(starts, key=lambda p: -loss(*p))
    prompt = "Now find w, b.\n\n" + "\n\n".join(
        f"input:\nw={w}, b={b}\nvalue:\n{int(loss(w, b))}" for w, b in shown
    )
    folder = tmp_path / "linear_regression-o-gpt-4-2023-10-01-10-00-00"
    folder.mkdir()
    config = {
        "optimizer_llm_configs": {"max_decode_steps": 1024, "temperature": 1.0, "batch_size": 1},
        "data": {
            "num_points": 50,
            "w_true": 15,
            "b_true": 14,
            "loss_at_true_values": loss(15, 14),
            "X": list(x),
            "y": list(y),
        },
        "init_w": list(init_w),
        "init_b": list(init_b),
        "max_num_steps": 500,
        "max_num_pairs": 20,
        "num_input_decimals": 0,
        "num_output_decimals": 0,
        "num_generated_points_in_each_step": len(replies),
    }
    evaluated = [[float(w), float(b), loss(w, b), -1] for w, b in starts]
    evaluated += [[*p, loss(*p), 0] for p in pairs]
    result = {
        "meta_prompts": {"0": prompt + "\n\nGive me a new (w, b) pair."},
        "raw_outputs": {"0": replies},
        "old_value_pairs_with_i_step": evaluated,
    }
    (folder / "configs.json").write_text(json.dumps({rep: config}))
    (folder / "results.json").write_text(json.dumps({rep: result}))
    return folder


@pytest.mark.parametrize("rep", ["0", "3"])
def test_recordings_of_opros_own_code_replay_too(tmp_path, rep):
    replies = [
        "The minimum must be near.\n\n[w, b] = [15, 14]",
        "I choose [15.4, 13.6]",
        "[w=16, b=11]",
        "No idea.",
        "[3, 4, 5]",
        "so [20, 20] it is; see [1]",
    ]
    folder = deepmind(tmp_path, replies, [[15.0, 14.0], [16.0, 11.0]], rep)
    (recording,) = find(folder)
    done = replay(recording)
    assert (done.totals.step, done.totals.reason) == (1, "converged")
    assert recording.view.model == "gpt-4"
    assert recording.spec.problem.seeds.noise.step == 1  # recognised, not embedded


def test_data_from_unknown_seeds_are_taken_as_they_are(tmp_path):
    folder = deepmind(tmp_path, ["[15, 14]"], [[15.0, 14.0]])

    def edit(data):
        data["0"]["init_w"][0] = 11.2
        data["0"]["init_b"][0] = 11.4

    change(folder, "configs.json", edit)
    (recording,) = find(folder)
    assert recording.spec.problem.data is not None
    with pytest.raises(ReplayMismatch, match="starting points"):
        replay(recording)


def test_a_run_that_failed_is_called_failed(opro, serve):
    serve([Answer(400, {"error": {"message": "no"}})])
    words = ("--target", "w=15,b=14", "--reps", "1", "--max-steps", "1", "--display", "none")
    assert opro("run-opro", "exp1", *words).exit_code == 1
    done = opro("replay", "runs")
    assert done.exit_code == 0, done.output
    assert "0 steps (failed)" in done.stdout
