"""Seconds a step of the embedded model, against what prompt evaluation and decoding allow.

    python benchmarks/engine.py            # about three minutes on two idle cores
    python benchmarks/engine.py --answers qwen2.5-coder-0.5b    # of an instructed model, alone

Everything is measured in one run, in turn, and the median of the rounds is shown: how fast tokens
of a prompt are evaluated and tokens of replies decoded; what a step takes, before (the whole
vocabulary, lines with names) and now; on one thread and on two; in one process and in two at once;
and how much of the prompts of a real run is shared with the prompt before.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from opro_cli.core.events import Reply
from opro_cli.core.model import Request
from opro_cli.llm.local.model import LocalModel
from opro_cli.llm.local.model_file import join, model_file
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import Prompt
from opro_cli.problems.regression.linear import LinearSettings

SETTINGS = LinearSettings(targets=({"w": 2, "b": 30},))
PROBLEM = SETTINGS.build(SETTINGS.targets[0], 0)
ROUNDS = 7
CASES = {
    "before: whole vocabulary, `list`, 20 pairs, 8 samples": ("whole", "list", 20, 8),
    "`list`, 20 pairs, 8 samples": ("compact", "list", 20, 8),
    "`rows`, 20 pairs, 8 samples": ("compact", "rows", 20, 8),
    "`rows`, 20 pairs, 15 samples": ("compact", "rows", 20, 15),
    "`rows`, 12 pairs, 15 samples": ("compact", "rows", 12, 15),
}
"""What is measured: model file, form, pairs shown, samples."""


def prompt(form: str, pairs: int, step: int = 0) -> Prompt:
    """A meta-prompt as of a run that has come near the target."""
    points = [((7 * i + 3 * step) % 23 - 6, (11 * i + step) % 41 - 5) for i in range(pairs)]
    scored = sorted(((p, PROBLEM.evaluate(p)) for p in points), key=lambda pair: -pair[1])
    return FORMS[form].write(PROBLEM, scored, 0.3 * scored[-1][1])


def ask(llm: LocalModel, made: Prompt, samples: int, seed: int = 0) -> tuple[float, list[Reply]]:
    """Seconds, and the replies."""
    request = Request(
        made.text,
        samples,
        1,
        temperature=1.0,
        max_tokens=made.max_tokens or 1,
        grammar=made.grammar,
        stop=made.stop,
        seed=seed,
    )
    began = time.perf_counter()
    replies = asyncio.run(llm.sample(request))
    return time.perf_counter() - began, replies


def rates(llm: LocalModel, samples: int) -> tuple[float, float]:
    """Tokens a second: of a prompt evaluated, and of replies decoded together."""
    long = Prompt(
        "\n".join(prompt("rows", 60).text.split("\n")[:-1]), (), 1, grammar="root ::= [0-9]"
    )
    lines = Prompt("1 2 3 4 5 6 7 8 9 ", (), 120, grammar='root ::= ([0-9] " "){60}')
    evaluated, decoded = [], []
    for seed in range(3):
        seconds, replies = ask(llm, long, 1, seed)
        evaluated.append(sum(r.usage.input for r in replies if r.usage) / seconds)
        seconds, replies = ask(llm, lines, samples, seed)
        decoded.append(sum(r.usage.output for r in replies if r.usage) / seconds)
    return statistics.median(evaluated), statistics.median(decoded)


def steps(files: dict[str, Path]) -> None:
    """The table of steps, each beside its bound."""
    engines = {name: LocalModel(path, name, 16) for name, path in files.items()}
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    sizes: dict[str, tuple[int, float]] = {}
    for seed in range(ROUNDS):
        for case, (file, form, pairs, samples) in CASES.items():
            took, replies = ask(engines[file], prompt(form, pairs, seed), samples, seed)
            seconds[case].append(took)
            usage = [r.usage for r in replies if r.usage]
            sizes[case] = sum(u.input for u in usage), sum(u.output for u in usage)
    print("| a step | prompt tokens | reply tokens | seconds | bound | ratio | times as fast |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    first = statistics.median(next(iter(seconds.values())))
    for case, (file, _, _, samples) in CASES.items():
        evaluated, decoded = rates(engines[file], samples)
        took, (read, written) = statistics.median(seconds[case]), sizes[case]
        bound = read / evaluated + written / decoded
        cells = [case, str(read), str(written), f"{took:.2f}", f"{bound:.2f}"]
        print("| " + " | ".join([*cells, f"{took / bound:.2f}", f"{first / took:.2f}"]) + " |")
        print(f"{case}: {evaluated:.0f} tokens/s read, {decoded:.0f} written", file=sys.stderr)
    for engine in engines.values():
        asyncio.run(engine.close())


def runs(path: Path) -> None:
    """Steps a minute of one process with two threads, and of two with one each."""
    made = {}
    for name, processes, threads in (
        ("one process, one thread", 1, 1),
        ("one process, two threads", 1, 2),
        ("two processes, one thread each", 2, 1),
    ):
        command = [sys.executable, __file__, "--run", str(path)]
        env = {**os.environ, "OPRO_THREADS": str(threads)}
        running = [
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        made[name] = sum(float(p.communicate()[0]) for p in running)
    print("\n| runs at once | steps a minute |\n| --- | --- |")
    for name, rate in made.items():
        print(f"| {name} | {rate:.0f} |")


def one_run(path: Path) -> None:
    """Steps a minute of one run."""
    llm = LocalModel(path, "compact", 16)
    ask(llm, prompt("rows", 12), 15)
    took = [ask(llm, prompt("rows", 12, seed), 15, seed)[0] for seed in range(12)]
    print(60 / statistics.median(took))
    asyncio.run(llm.close())


QUESTIONS = [f"{day} {month} {year}" for day, month, year in zip(
    range(3, 27, 2),
    ("January", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov."),
    range(1950, 2100, 9),
    strict=False,
)]  # fmt: skip
RULES = {
    "short instruction": "Write the date as YYYY-MM-DD and nothing else.",
    "long instruction": "You are given a date that a person has written in any way. Read it with "
    "care. The day may stand before or after the month, the month may be a name or a number, and "
    "the year has four digits. Write the date as YYYY-MM-DD and nothing else.",
}


def answers(name: str) -> None:
    """Seconds of an answer of a scorer, beside the bound of reading and writing its tokens.

    The rates of the bound are measured in turn with the answers, with requests that share nothing:
    a long prompt and one token of reply, and a short prompt and many.
    """
    path, _ = model_file(f"local:{name}")
    llm = LocalModel(path, name, 1, ability="instruct")
    text = " ".join(f"The {i}th of {q} was a day." for i, q in enumerate(QUESTIONS * 2))
    long, write = (text, 1, None), ("Count.", 64, 'root ::= ([0-9] " "){64}')

    def timed(system: str, user: str, limit: int, grammar: str | None) -> tuple[float, int, int]:
        request = Request(
            user, 1, 1, system=system, temperature=0.0, max_tokens=limit, grammar=grammar
        )
        began = time.perf_counter()
        (reply,) = asyncio.run(llm.sample(request))
        usage = reply.usage
        assert usage
        return time.perf_counter() - began, usage.input, usage.output

    print("| an answer | prompt tokens | reply tokens | seconds | bound | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case, rule in RULES.items():
        took, bounds, sizes = [], [], []
        timed(rule, "x", 1, None)
        for i, question in enumerate(QUESTIONS):
            seconds, read, written = timed(rule, question, 16, None)
            took.append(seconds)
            sizes.append((read, written))
            if i % 3 == 0:  # each with a system message of its own: nothing is kept
                evaluating = timed(f"{case} {i} a", *long)
                decoding = timed(f"{case} {i} b", *write)
                by_read = evaluating[0] / evaluating[1]
                by_written = (decoding[0] - by_read * decoding[1]) / decoding[2]
                bounds.append(by_read * read + by_written * written)
                timed(rule, "x", 1, None)
        second, bound = statistics.median(took), statistics.median(bounds)
        tokens = [f"{statistics.mean(column):.0f}" for column in zip(*sizes, strict=True)]
        cells = [case, *tokens, f"{second:.3f}", f"{bound:.3f}", f"{second / bound:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"{name}: {llm.info.details['threads']} threads", file=sys.stderr)
    asyncio.run(llm.close())


def prefix(folder: str) -> None:
    """How much of each prompt of a real run is the beginning of the one before."""
    command = ["opro", "runs", "show", "latest", "--runs-dir", folder, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    last = json.loads(done.stdout)["steps"][-1]["step"]
    texts = []
    for step in range(1, last + 1):
        again = [*command[:-1], "--step", str(step), "--json"]
        lines = subprocess.run(again, check=True, capture_output=True, text=True).stdout
        events = map(json.loads, lines.splitlines())
        texts.append(next(e["prompt"] for e in events if e["type"] == "prompted"))
    shared = [common(a, b) / len(b) for a, b in itertools.pairwise(texts)]
    print(f"\nshared with the prompt before: {100 * statistics.mean(shared):.1f} % of the text")


def common(a: str, b: str) -> int:
    """Length of the beginning that two texts share."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prefix", metavar="RUNS", help="of the latest run in this directory, too")
    parser.add_argument("--answers", metavar="NAME", help="of a known model that is instructed")
    given = parser.parse_args(arguments)
    if given.answers:
        answers(given.answers)
        return
    if given.run:
        one_run(given.run)
        return
    path, _ = model_file("local")
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.gguf"
        with whole.open("w+b") as file:
            join(file)
        steps({"whole": whole, "compact": path})
    runs(path)
    if given.prefix:
        prefix(given.prefix)


if __name__ == "__main__":
    main()
