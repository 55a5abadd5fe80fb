"""Gradient descent on the seven targets of exp1: `opro run-sgd` against the plain numpy loop.

    python benchmarks/sgd.py

Both are timed in the same run, on the same data, to the same iteration counts. Three figures are
printed: the loop's time over that of the whole command (start-up, log and report included), over
that of the optimizer alone, and the counts, which must agree.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time

import numpy as np

from opro_cli.core.optimizer import OptimizerContext
from opro_cli.core.seeds import Randomness
from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.presets.resolve import resolve
from opro_cli.problems.regression.linear import LinearProblem
from opro_cli.problems.settings import Target

SETTINGS = GradientDescentSettings()


def plain_loop(problem: LinearProblem, target: Target) -> int:
    """The textbook loop: every iteration computes predictions and loss from all data points."""
    x, y = problem.x, problem.y
    w, b = (float(v) for v in problem.starts(count=1)[0])
    goal = np.linalg.norm(y - (x * float(target["w"]) + float(target["b"]))) ** 2
    loss, iterations = np.linalg.norm(y - (x * w + b)) ** 2, 0
    while abs(loss - goal) > SETTINGS.tolerance:
        error = x * w + b - y
        w -= SETTINGS.learning_rate * np.sum(x * error)
        b -= SETTINGS.learning_rate * np.sum(error)
        iterations += 1
        loss = np.linalg.norm(y - (x * w + b)) ** 2
    return iterations


def ours(problem: LinearProblem) -> int:
    """The optimizer alone, without log and display."""

    async def run() -> int:
        sgd, iterations = SETTINGS.build(OptimizerContext(problem, Randomness(0, ""))), 0
        while True:
            asked = await sgd.ask(iterations + 1)
            iterations += asked.steps
            if asked.stop:
                return iterations

    return asyncio.run(run())


def main() -> int:
    """Time all three; exit code 1 where the counts differ or the ratio is below 20."""
    settings = resolve("exp1").base.problem
    problems = [(settings.build(target, 0), target) for target in settings.targets]
    linear = [(p, t) for p, t in problems if isinstance(p, LinearProblem)]

    began = time.perf_counter()
    expected = [plain_loop(problem, target) for problem, target in linear]
    loop = time.perf_counter() - began

    began = time.perf_counter()
    counted = [ours(problem) for problem, _ in linear]
    alone = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "opro_cli", "run-sgd", "--preset", "exp1"]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--runs-dir", folder, "--display", "none"], check=True, capture_output=True
        )
        whole = time.perf_counter() - began

    print(f"iterations          {counted}")
    print(f"plain numpy loop    {loop:8.2f} s")
    print(f"opro run-sgd        {whole:8.2f} s   {loop / whole:7.0f} times faster (whole command)")
    print(f"the optimizer alone {alone:8.3f} s   {loop / alone:7.0f} times faster")
    return 0 if counted == expected and loop / whole >= 20 else 1


if __name__ == "__main__":
    sys.exit(main())
