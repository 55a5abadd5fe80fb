"""How fast a sweep runs on a hosted model, and how it grows.

    python benchmarks/hosted.py

Everything is measured in this one run, against a loopback server that answers like Gemini after
300 ms (see loopback.py):

1. `opro sweep exp1` (35 runs, 8 calls a step, 20 steps) against the larger of its two bounds:
   the longest run of steps × latency, and the number of calls ÷ the throughput of bare
   google-genai calls at the same concurrency.
2. The same calls one after another, as today's OPRO codes make them: timed on a sample of them.
3. CPU time and peak memory for 10, 100 and 1,000 runs of 10 steps, and whether every event is in
   the logs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from google import genai
from google.genai import types
from loopback import serving

from opro_cli.llm.limiter import LimitSettings
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.presets.resolve import resolve

MODEL, LATENCY, CALLS_A_STEP = "gemini-3.5-flash-lite", 0.3, 8
SWEEP_STEPS, STEPS = 20, 10
"""Steps of each run, of the sweep and of the runs that are counted."""
CONCURRENCY = LimitSettings().concurrency
BARE_CALLS, SLOW_CALLS = 1500, 60


def prompt() -> tuple[str, types.GenerateContentConfig]:
    """A meta-prompt of the middle of a run, and the request's configuration."""
    settings = resolve("exp1").base.problem
    problem = settings.build(settings.targets[3], 0)
    pairs = [((w, w // 2), problem.evaluate((w, w // 2))) for w in range(20)]
    written = FORMS["instruct"].write(problem, pairs, None)
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_schema=written.schema,
        max_output_tokens=4096,
    )
    return written.text, config


async def bare(url: str, calls: int, concurrency: int) -> float:
    """Calls a second of the SDK alone."""
    text, config = prompt()
    client = genai.Client(
        api_key="none", vertexai=False, http_options=types.HttpOptions(base_url=url)
    )
    slots = asyncio.Semaphore(concurrency)

    async def one() -> None:
        async with slots:
            await client.aio.models.generate_content(model=MODEL, contents=text, config=config)

    await asyncio.gather(*(one() for _ in range(concurrency)))  # connections are open
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(calls)))
    seconds = time.perf_counter() - began
    await client.aio.aclose()
    return calls / seconds


def sweep(url: str, folder: str, steps: int, *options: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB) of a whole `opro` process."""
    env = {**os.environ, "GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}
    command = [sys.executable, "-m", "opro_cli", *options, "--model", MODEL]
    command += ["--max-steps", str(steps), "--runs-dir", folder, "--display", "none", "--json"]
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(status) == 0, command
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def events(folder: str) -> dict[str, int]:
    """How many events of each type are in the logs."""
    counted: dict[str, int] = {}
    for path in Path(folder).glob("*opro*/events.jsonl"):
        for line in path.read_text().splitlines():
            kind = json.loads(line)["type"]
            counted[kind] = counted.get(kind, 0) + 1
    return counted


def complete(counted: dict[str, int], runs: int, steps: int) -> bool:
    """Whether nothing is missing and nothing is there twice."""
    return counted == {
        "resumed": runs,
        "started": runs,
        "prompted": runs * steps,
        "called": runs * steps * CALLS_A_STEP,
        "replied": runs * steps * CALLS_A_STEP,
        "stepped": runs * steps,
        "stopped": runs,
    }


def speed(url: str) -> bool:
    """Parts 1 and 2."""
    throughput = asyncio.run(bare(url, BARE_CALLS, CONCURRENCY))
    alone = 1 / asyncio.run(bare(url, SLOW_CALLS, 1))
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu, memory = sweep(
            url, folder, SWEEP_STEPS, "sweep", "exp1", "--set", "baselines=[]"
        )
        counted = events(folder)
    calls = counted["replied"]
    longest, rate = SWEEP_STEPS * LATENCY, calls / throughput
    bound = max(longest, rate)
    slow = calls * alone / wall
    whole = complete(counted, 35, SWEEP_STEPS)
    print(f"exp1 sweep: 35 runs, {SWEEP_STEPS} steps, {calls} calls, {CONCURRENCY} at once")
    print(f"  bare google-genai              {throughput:7.0f} calls/s at the same concurrency")
    print(f"  bound: longest run             {longest:7.2f} s")
    print(f"  bound: calls ÷ throughput      {rate:7.2f} s")
    print(f"  opro sweep, whole command      {wall:7.2f} s   {wall / bound:.2f} × the bound")
    print(f"  one call at a time             {calls * alone:7.0f} s   {slow:.0f} × slower")
    print(f"  CPU {cpu:.1f} s, peak memory {memory:.0f} MiB, log complete: {whole}")
    return wall / bound <= 1.2 and slow >= 30 and whole


def growth(runs: list[int]) -> bool:
    """Part 3: what a run costs must not depend on how many there are."""
    print(f"growth: {STEPS} steps a run, {CALLS_A_STEP} calls a step, 20 ms a call")
    measured = []
    with serving(0.02) as url:
        for count in runs:
            with tempfile.TemporaryDirectory() as folder:
                options = ["run-opro", "--preset", "exp1", "--target", "w=2,b=30"]
                wall, cpu, memory = sweep(url, folder, STEPS, *options, "--reps", str(count))
                whole = complete(events(folder), count, STEPS)
            measured.append((count, cpu, memory, whole))
            print(
                f"  {count:5} runs  CPU {cpu:7.1f} s ({1000 * cpu / count:6.1f} ms a run)  "
                f"peak {memory:6.0f} MiB  wall {wall:6.1f} s  log complete: {whole}"
            )
    (n0, cpu0, memory0, _), *_, (n1, cpu1, _, _) = measured
    n, cpu, memory, _ = measured[-2]
    cpu_ratio = (cpu1 - cpu0) / (n1 - n0) / ((cpu - cpu0) / (n - n0))
    per_run = [1024 * (m - memory0) / (c - n0) for c, _, m, _ in measured[1:]]
    print(f"  CPU a further run: {cpu_ratio:.2f} × as much at {n1} as at {n}")
    print(f"  memory a further run: {', '.join(f'{k:.0f} KiB' for k in per_run)}")
    return cpu_ratio <= 1.25 and per_run[-1] <= 1.25 * per_run[0] and all(m[3] for m in measured)


def main() -> int:
    """All parts; exit code 1 where a figure is not reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    runs = parser.parse_args().runs
    with serving(LATENCY) as url:
        fast = speed(url)
    return 0 if growth(runs) and fast else 1


if __name__ == "__main__":
    sys.exit(main())
