"""A recorded run in one form, whether we recorded it or OPRO's own code did.

The other format is that of ``optimize_linear_regression.py`` in google-deepmind/opro and of the
experiments derived from it: a directory with ``configs.json`` and ``results.json``, each an object
with one entry a repetition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from opro_cli import __version__, presets
from opro_cli.errors import OproError, RunsError, UsageError
from opro_cli.events import (
    PAUSES,
    Point,
    Prompted,
    Replied,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.optimizers import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import Given, LinearSettings, SeedRule, Seeds
from opro_cli.runs import RUN_FILE, Recorded, open_run
from opro_cli.spec import Preset, RunSpec

CONFIGS, RESULTS = "configs.json", "results.json"
ANYWHERE = (-1e12, 1e12)
"""The recorded experiments evaluated whatever was proposed."""


@dataclass
class Recording:
    """What a run recorded: what it was asked, and what happened, step by step (from 1)."""

    name: str
    spec: RunSpec
    model: str | None
    starts: tuple[Scored, ...]
    replies: dict[tuple[int, int], Reply] = field(default_factory=dict)
    shown: dict[int, list[tuple[Point, str]]] = field(default_factory=dict)
    steps: dict[int, Stepped] = field(default_factory=dict)
    prompts: dict[int, str] = field(default_factory=dict)
    """Texts of the meta-prompts, where this very version wrote them."""
    stop: Stopped | None = None
    ours: bool = True


def find(path: Path) -> Iterator[Recording]:
    """Every recording at or below a path, runs of ours and others. Raises UsageError for none."""
    found = list(_find(path))
    if not found:
        raise UsageError(
            f"There is no recorded run in {path}.",
            f"give a run's directory, or one with {CONFIGS} and {RESULTS}, or a directory of those",
        )
    yield from found


def _find(path: Path) -> Iterator[Recording]:
    if not path.exists():
        raise UsageError(
            f"There is no {path}.", "give a run's directory, or one with recorded experiments"
        )
    if (path / RUN_FILE).is_file():
        run = open_run(path)
        if run is not None:
            yield _ours(run)
    elif (path / RESULTS).is_file():
        yield from _theirs(path)
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if child.is_dir():
                yield from _find(child)


def _ours(run: Recorded) -> Recording:
    recording = Recording(run.id, run.spec(), run.about.get("model"), ())
    for _, event in run.events():
        match event:
            case Started(pairs):
                recording.starts = pairs
            case Prompted():
                if run.about.get("versions", {}).get("opro") == __version__:
                    recording.prompts[event.step] = event.prompt
                recording.shown[event.step] = list(event.shown)
            case Replied(step, sample, reply):
                recording.replies[step, sample] = reply
            case Stepped():
                recording.steps[event.step] = event
            case Stopped() if event.reason not in PAUSES:
                recording.stop = event
    return recording


def _theirs(path: Path) -> Iterator[Recording]:
    configs, results = (_object(path / name) for name in (CONFIGS, RESULTS))
    for repetition, result in results.items():
        where = f"{path / RESULTS}, repetition {repetition}"
        if repetition not in configs:
            raise RunsError(f"{where}: {path / CONFIGS} has no such repetition.")
        try:
            yield _repetition(path, repetition, configs[repetition], result)
        except KeyError as error:
            raise RunsError(f"{where}: there is no {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            raise RunsError(f"{where}: {name}: {first['msg']}.") from error
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise RunsError(f"{where}: not the format expected ({error}).") from error


def _object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunsError(f"{path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{path}: not JSON ({error}).") from error
    if not isinstance(data, dict):
        raise RunsError(f"{path}: not an object with an entry a repetition.")
    return data


def _repetition(
    path: Path, repetition: str, config: Mapping[str, Any], result: Mapping[str, Any]
) -> Recording:
    llm, data = config["optimizer_llm_configs"], config["data"]
    model = str(llm.get("model") or llm.get("model_type") or _model_in(path.name))
    optimizer = OproSettings(
        model=model,
        temperature=llm.get("temperature"),
        max_num_pairs=config["max_num_pairs"],
        points_per_step=config["num_generated_points_in_each_step"],
        metaprompt="recorded",
        show="best",
    )
    problem = _problem(config, data, int(repetition))
    preset = _like(problem, optimizer)
    spec = RunSpec(
        preset=f"{preset.name if preset else 'recorded'} (replay)",
        problem=problem,
        repetition=int(repetition),
        optimizer=optimizer,
        seed=0,
        limits=Limits(config["max_num_steps"]),
        published=_published(preset, problem),
        source=f"{path.name}, repetition {repetition}",
    )
    recording = Recording(f"{path.name} [{repetition}]", spec, model, (), ours=False)
    target = data["w_true"], data["b_true"]
    by_step: dict[int, list[Scored]] = {}
    for w, b, loss, step in result["old_value_pairs_with_i_step"]:
        by_step.setdefault(int(step) + 1, []).append(Scored((float(w), float(b)), float(loss)))
    recording.starts = tuple(by_step.pop(0, ()))
    for key, text in result["meta_prompts"].items():
        step = int(key) + 1
        recording.shown[step] = _shown(text)
        recording.steps[step] = Stepped(step, tuple(by_step.pop(step, ())))
        for sample, reply in enumerate(result["raw_outputs"][key]):
            recording.replies[step, sample] = Reply(str(reply or ""), "stop", model)
    if by_step:
        raise ValueError(f"pairs of step {min(by_step) - 1}, which has no meta-prompt")
    last = max(recording.steps, default=0)
    if last and any(pair.point == target for pair in recording.steps[last].pairs):
        recording.stop = Stopped(last, "converged")
    elif last >= config["max_num_steps"]:
        recording.stop = Stopped(last, "max_steps")
    _check_optimum(problem, int(repetition), data)
    return recording


def _check_optimum(problem: LinearSettings, repetition: int, data: Mapping[str, Any]) -> None:
    ours = problem.build(problem.targets[0], repetition).optimum
    theirs = float(data["loss_at_true_values"])
    if not np.isclose(ours, theirs, rtol=1e-9, atol=0):
        raise ValueError(f"loss at the true values is {ours}, recorded {theirs}")


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


def _shown(text: str) -> list[tuple[Point, str]]:
    """The pairs in a recorded meta-prompt."""
    found = re.findall(r"^w=(\S+), b=(\S+)\nvalue:\n(\S+)$", text, re.MULTILINE)
    return [((float(w), float(b)), value) for w, b, value in found]


def _model_in(folder: str) -> str:
    """The model in the name of a directory, where the file does not say."""
    match = re.match(r"linear_regression-o-(.+)-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d", folder)
    return match.group(1) if match else "unknown"


def _like(problem: LinearSettings, optimizer: OproSettings) -> Preset | None:
    """The shipped preset that repeats this experiment, if there is one."""
    for name in presets.available():
        try:
            preset = presets.resolve(name).base
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
