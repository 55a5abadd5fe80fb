"""How many proposals of a form of meta-prompt can be used, and how good they are.

    python benchmarks/proposals.py --task dates --forms tags,reflect --samples 8

The optimizer model is shown the two usual starting instructions (score 0), and asked once with each
form. Each instruction that can be read is scored on a few training examples by the scorer model.
Seeds are fixed, so a run repeats on the same machine. Needs the extras instruct and instruct-large.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections import Counter

from opro_cli.core.events import Reply
from opro_cli.core.model import Model, ModelRequest, Request
from opro_cli.core.problem import InvalidSolution
from opro_cli.llm import choose_model
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import PromptOptions
from opro_cli.problems.instructions.fields import SplitSettings
from opro_cli.problems.instructions.generated import GENERATORS
from opro_cli.problems.instructions.problem import InstructionsProblem
from opro_cli.problems.instructions.settings import InstructionsSettings


async def main() -> None:
    """Ask with each form, and print one line a proposal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", default="dates", choices=list(GENERATORS))
    parser.add_argument("--forms", default="tags,reflect,rephrase")
    parser.add_argument("--optimizer", default="local:qwen2.5-coder-1.5b")
    parser.add_argument("--scorer", default="local:qwen2.5-coder-0.5b")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    pool = ModelPool({}, Limiter(LimitSettings()), Budget(BudgetSettings()))
    optimizer, scorer = (
        pool.open(choose_model(ModelRequest(name), {})) for name in (args.optimizer, args.scorer)
    )
    problem = problem_of(args.task, args.examples)
    try:
        for form in args.forms.split(","):
            began = time.perf_counter()
            replies = await ask(optimizer, problem, form, args.samples, args.seed)
            seconds = time.perf_counter() - began
            print(f"{form}: {len(replies)} replies in {seconds:.1f} s")
            await show(scorer, problem, form, replies)
    finally:
        await pool.close()


def problem_of(task: str, examples: int) -> InstructionsProblem:
    """A generated task with so many training examples."""
    generator = GENERATORS[task]
    settings = InstructionsSettings(
        generated=task,
        metric=generator.metric,
        labels=generator.labels,
        split=SplitSettings(train=examples, dev=1, test=1),
    )
    return settings.build({}, 0)


async def ask(
    model: Model, problem: InstructionsProblem, form: str, samples: int, seed: int
) -> list[Reply]:
    """The replies to one meta-prompt."""
    pairs = [((text,), 0.0) for text in problem.settings.starts]
    shown = tuple(problem.graded()[:3])
    prompt = FORMS[form].write(problem, pairs, None, PromptOptions(exemplars=shown, mistakes=shown))
    request = Request(prompt.text, samples, 1, temperature=1.0, max_tokens=80, seed=seed)
    return await model.sample(request)


async def show(
    scorer: Model, problem: InstructionsProblem, form: str, replies: list[Reply]
) -> None:
    """Print the proposals with their accuracies, and the number of each kind."""
    kinds: Counter[str] = Counter()
    best = 0
    for reply in replies:
        (found,) = FORMS[form].read(reply.text, problem.space)
        if isinstance(found, InvalidSolution):
            kinds[found.status] += 1
            print(f"  {found.status:12} {reply.text[:80]!r}")
            continue
        right = await count_right(scorer, problem, found[0])
        kinds["used"] += 1
        best = max(best, right)
        print(f"  {right:2} of {len(problem.train)}     {found[0][:100]!r}")
    print(
        f"  best {best} of {len(problem.train)};", ", ".join(f"{n} {k}" for k, n in kinds.items())
    )


async def count_right(scorer: Model, problem: InstructionsProblem, instruction: str) -> int:
    """Training examples that the scorer answers right under an instruction."""
    limit = GENERATORS[problem.settings.generated].max_output_tokens
    right = 0.0
    for example in problem.train:
        system, prompt, shared = problem.prompt(instruction, example.question)
        request = Request(
            prompt, 1, 0, system=system, temperature=0.0, max_tokens=limit, shared=shared
        )
        (reply,) = await scorer.sample(request)
        right += problem.metric.grade(example, reply.text).score
    return math.floor(right)


if __name__ == "__main__":
    asyncio.run(main())
