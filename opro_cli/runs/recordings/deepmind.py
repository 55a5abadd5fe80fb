"""Recorded experiments of OPRO's own code, read as recordings.

The format is that of ``optimize_linear_regression.py`` in google-deepmind/opro and of the
experiments derived from it: a directory with ``configs.json`` and ``results.json``, each an object
with one entry a repetition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from opro_cli.core.errors import OproError, RunsError
from opro_cli.core.events import (
    Evaluation,
    Event,
    Point,
    Prompted,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.optimizer import Limits
from opro_cli.core.problem import InvalidSolution
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets import files, resolve
from opro_cli.presets.spec import Preset, RunSpec
from opro_cli.problems.regression.linear import Given, LinearSettings, Seeds
from opro_cli.problems.settings import SeedRule
from opro_cli.runs.disk.files import read_whole
from opro_cli.runs.disk.stored import UNREADABLE, brief
from opro_cli.runs.progress import RunView
from opro_cli.runs.record import RunRecord, Unreadable, empty_totals

CONFIGS, RESULTS = "configs.json", "results.json"

ANYWHERE = (-1e12, 1e12)
"""The recorded experiments evaluated whatever was proposed."""

PAIR = re.compile(r"^(?:input:\n)?w=(\S+), b=(\S+)\nvalue:\n(\S+)$", re.MULTILINE)


def read_directory(path: Path) -> Iterator[RunRecord | Unreadable]:
    """Every repetition recorded in a directory."""
    try:
        configs, results = (_object(path / name) for name in (CONFIGS, RESULTS))
    except RunsError as error:
        yield Unreadable(path.name, error.message)
        return
    for repetition, result in results.items():
        name = f"{path.name} [{repetition}]"
        try:
            if repetition not in configs:
                raise ValueError(f"{CONFIGS} has no such repetition")
            yield _repetition(path, repetition, configs[repetition], result)
        except KeyError as error:
            yield Unreadable(name, f"there is no {error}")
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            yield Unreadable(name, f"{where}: {first['msg']}")
        except OproError as error:
            yield Unreadable(name, error.message)
        except (*UNREADABLE, MemoryError, InvalidSolution) as error:
            yield Unreadable(name, f"not in the format ({brief(error)})")


def _object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_whole(path, links=True))
    except OSError as error:
        raise RunsError(f"{path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{path}: not JSON ({error}).") from error
    if not isinstance(data, dict):
        raise RunsError(f"{path}: not an object with an entry a repetition.")
    return data


def _repetition(
    path: Path, repetition: str, config: Mapping[str, Any], result: Mapping[str, Any]
) -> RunRecord:
    llm, data = config["optimizer_llm_configs"], config["data"]
    model = str(llm.get("model") or llm.get("model_type") or _model_in(path.name))
    optimizer = OproSettings(
        model=model,
        strategy="paper",
        temperature=llm.get("temperature"),
        max_num_pairs=config["max_num_pairs"],
        points_per_step=config["num_generated_points_in_each_step"],
        metaprompt="recorded",
    ).resolved("instruct")
    problem = _problem(config, data, int(repetition))
    preset = _like(problem, optimizer)
    spec = RunSpec(
        preset=f"{preset.name if preset else 'recorded'} (replay)",
        problem=problem,
        repetition=int(repetition),
        optimizer=optimizer,
        seed=0,
        limits=Limits(int(config["max_num_steps"])),
        published=_published(preset, problem),
        source=f"{path.name}, repetition {repetition}",
    )
    if len(data["X"]) != data["num_points"]:
        raise ValueError(f"num_points is {data['num_points']}, and there are {len(data['X'])}")
    view = RunView(f"{path.name} [{repetition}]", spec, empty_totals(spec), model)
    record = RunRecord(view, ours=False, optimum=float(data["loss_at_true_values"]))
    record.events = list(_events(config, data, result, problem, model))
    return record


def _events(
    config: Mapping[str, Any],
    data: Mapping[str, Any],
    result: Mapping[str, Any],
    problem: LinearSettings,
    model: str,
) -> Iterator[Event]:
    """The recorded repetition as events. Raises ValueError where its parts disagree."""
    target = data["w_true"], data["b_true"]
    by_step: dict[int, list[Evaluation]] = {}
    for w, b, loss, step in result["old_value_pairs_with_i_step"]:
        pair = Evaluation((float(w), float(b)), float(loss))
        by_step.setdefault(int(step) + 1, []).append(pair)
    yield Started(tuple(by_step.pop(0, ())))
    around: set[str] = set()
    last = 0
    pairs: tuple[Evaluation, ...] = ()
    for key, text in result["meta_prompts"].items():
        step = int(key) + 1
        around.add(" ".join(PAIR.sub("", text).split()))
        if len(around) > 1:
            raise ValueError(f"the instruction of step {key} is not that of the steps before")
        replies = result["raw_outputs"][key]
        shown = tuple(_shown(text, problem.num_input_decimals))
        yield Prompted(step, text, shown, len(replies), "recorded")
        for sample, reply in enumerate(replies):
            yield Replied(step, sample, Reply(str(reply or ""), "stop", model))
        pairs = tuple(by_step.pop(step, ()))
        yield Stepped(step, pairs)
        last = max(last, step)
    if by_step:
        raise ValueError(f"pairs of step {min(by_step) - 1}, which has no meta-prompt")
    if last and any(pair.point == target for pair in pairs):
        yield Stopped(last, "converged")
    elif last >= config["max_num_steps"]:
        yield Stopped(last, "max_steps")


def _problem(config: Mapping[str, Any], data: Mapping[str, Any], repetition: int) -> LinearSettings:
    """The recorded instance: from seeds where known ones give the recorded data, else as given."""
    common: dict[str, Any] = {
        "targets": ({"w": data["w_true"], "b": data["b_true"]},),
        "num_points": data["num_points"],
        "num_input_decimals": config["num_input_decimals"],
        "num_output_decimals": config["num_output_decimals"],
    }
    given = LinearSettings(
        **common,
        bounds=ANYWHERE,
        data=Given(
            x=data["X"],
            y=data["y"],
            starts=tuple(zip(config["init_w"], config["init_b"], strict=True)),
        ),
    )
    recorded = given.build(given.targets[0], repetition)
    for seeds in KNOWN_SEEDS:
        seeded = LinearSettings(**common, bounds=ANYWHERE, seeds=seeds)
        drawn = seeded.build(seeded.targets[0], repetition)
        same = drawn.x.shape == recorded.x.shape and np.array_equal(drawn.x, recorded.x)
        if (
            same
            and np.allclose(drawn.y, recorded.y, rtol=1e-12)
            and (drawn.starts() == recorded.starts())
        ):
            return seeded
    return given


KNOWN_SEEDS = (
    Seeds(),
    Seeds(  # google-deepmind/opro
        noise=SeedRule(first=1, step=1),
        w=SeedRule(first=10, step=10),
        b=SeedRule(first=100, step=100),
    ),
)


def _shown(text: str, decimals: int) -> list[tuple[Point, str]]:
    """The pairs in a recorded meta-prompt. Raises ValueError for numbers of other decimals."""
    found = []
    for w, b, value in PAIR.findall(text):
        if decimals == 0 and "." in w + b:
            raise ValueError(f"w={w}, b={b} is shown with decimals")
        found.append(((float(w), float(b)), value))
    return found


def _model_in(folder: str) -> str:
    """The model in the name of a directory, where the file does not say."""
    match = re.match(r"linear_regression-o-(.+)-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d", folder)
    return match.group(1) if match else "unknown"


def _like(problem: LinearSettings, optimizer: OproSettings) -> Preset | None:
    """The shipped preset that repeats this experiment, if there is one."""
    for name in files.available():
        try:
            preset = resolve.resolve(name).base
        except OproError:
            continue
        theirs = preset.problem
        if (
            isinstance(theirs, LinearSettings)
            and preset.general.published
            and theirs.num_points == problem.num_points
            and theirs.seeds == problem.seeds
            and problem.targets[0] in theirs.targets
            and preset.sections["opro"].experiment() == optimizer.experiment()
        ):
            return preset
    return None


def _published(preset: Preset | None, problem: LinearSettings) -> tuple[Mapping[str, Any], ...]:
    if preset is None:
        return ()
    return next(
        spec.published for spec in preset.runs(["opro"]) if spec.target == problem.targets[0]
    )
