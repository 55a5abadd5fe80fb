"""What every optimizer does, and what every model does."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import math

import numpy as np
import pytest

from opro_cli import optimizers
from opro_cli.errors import UsageError
from opro_cli.events import Reply, Scored
from opro_cli.llm.base import Request
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import LimitSettings
from opro_cli.llm.providers import Models, Wanted, choose
from opro_cli.metaprompt import FORMS
from opro_cli.optimizers.base import Task
from opro_cli.problems.linear import LinearSettings
from opro_cli.randomness import Randomness
from opro_cli.recorder import Recorder
from tests.doubles import Scripted
from tests.loopback import Loopback, chat, gemini, solution
from tests.tours import TourProblem

LINEAR = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEMS = {
    "linear": lambda: LINEAR.build(LINEAR.targets[0], 0),
    "tours": TourProblem,
}
APART = {
    "linear": {"nearest-neighbour", "farthest-insertion", "two-opt"},
    "tours": {"sgd", "nelder-mead", "cma-es", "tpe", "quadratic-fit"},
}
"""What does not go together; everything else does."""
PAIRS = [(n, p) for p in PROBLEMS for n in optimizers.NAMES if n not in APART[p]]


def build(name: str, kind: str, seed: int = 0):
    problem = PROBLEMS[kind]()

    def answer(request: Request, sample: int) -> str:
        rng = np.random.default_rng([request.seed, sample])
        point = problem.space.sample(rng)
        return json.dumps({"reasoning": "none", "solution": problem.space.to_values(point)})

    settings = optimizers.settings_of(name)()
    llm = Scripted(answer) if settings.needs_model else None
    return problem, settings.build(Task(problem, Randomness(seed, "run"), llm))


def play(name: str, kind: str, steps: int = 6, seed: int = 0):
    """What a few steps asked, and what was told after each, the starting points first."""
    problem, optimizer = build(name, kind, seed)

    async def run():
        told = [[Scored(p, problem.evaluate(p), "start") for p in optimizer.starts()]]
        optimizer.tell(told[0])
        asked = []
        for step in range(1, steps + 1):
            asked.append(await optimizer.ask(step))
            scored = [
                Scored(p.point, problem.evaluate(p.point), p.source) for p in asked[-1].proposals
            ]
            before = copy.deepcopy(scored)
            assert optimizer.tell(scored) is None
            assert scored == before, "tell must not change its argument"
            told.append(scored)
            if asked[-1].stop:
                break
        return asked, told

    return asyncio.run(run())


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_every_optimizer_has_a_section_with_its_name_and_a_summary(name):
    cls = optimizers.settings_of(name)
    assert cls.name == name
    assert cls.summary
    assert cls.step_name
    assert cls().model_dump(mode="json") is not None


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in APART for n in sorted(APART[k])])
def test_what_does_not_go_together_is_said_in_a_sentence(kind, name):
    with pytest.raises(UsageError) as caught:
        build(name, kind)
    assert name in caught.value.hint
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(("name", "kind"), PAIRS)
class TestEveryPair:
    def test_it_starts_with_at_least_one_point(self, name, kind):
        _, optimizer = build(name, kind)
        assert optimizer.starts()
        assert optimizer.starts() == optimizer.starts()

    def test_proposals_of_a_step_are_distinct_and_say_who_made_them(self, name, kind):
        asked, _ = play(name, kind)
        assert any(one.proposals for one in asked)
        for one in asked:
            points = [p.point for p in one.proposals]
            assert len(points) == len(set(points))
            assert all(p.source for p in one.proposals)
            assert one.steps >= 0
            assert one.proposals or one.stop or one.readings

    def test_every_proposal_is_near_a_point_of_the_space_and_has_a_value(self, name, kind):
        problem = PROBLEMS[kind]()
        for one in play(name, kind)[0]:
            for proposal in one.proposals:
                point = problem.space.nearest(proposal.point)
                assert problem.space.read(problem.space.render(point)) == point
                assert math.isfinite(problem.evaluate(proposal.point))

    def test_the_same_seed_proposes_the_same(self, name, kind):
        assert play(name, kind, seed=3) == play(name, kind, seed=3)

    def test_told_what_was_found_it_goes_on_as_the_run_that_was_killed(self, name, kind):
        if not optimizers.settings_of(name).proposes:
            pytest.skip("it reports some of its iterates only, and is asked again from the start")
        asked, told = play(name, kind)
        _, again = build(name, kind)
        for pairs in told[: len(asked)]:  # without a single ask, up to the last step
            again.tell(pairs)
        assert asyncio.run(again.ask(len(asked))) == asked[-1]

    def test_ask_is_a_coroutine_and_tell_is_not(self, name, kind):
        _, optimizer = build(name, kind)
        assert inspect.iscoroutinefunction(optimizer.ask)
        assert not inspect.iscoroutinefunction(optimizer.tell)

    def test_invalid_values_are_survived(self, name, kind):
        _, optimizer = build(name, kind)

        async def run():
            optimizer.tell([Scored(p, float("nan"), "start") for p in optimizer.starts()])
            for step in range(1, 4):
                asked = await optimizer.ask(step)
                optimizer.tell([Scored(p.point, float("inf")) for p in asked.proposals])

        asyncio.run(run())


class Alone:
    """A model that needs no provider."""

    def __init__(self, llm) -> None:
        self._llm = llm

    def open(self, url: str):
        return self._llm

    async def close(self) -> None:
        await self._llm.close()


class Provided:
    """A model as a command gets it: chosen by name, behind limiter, retries and budget."""

    def __init__(self, name: str, env: str = "", answer=None) -> None:
        self._name, self._env = name, env
        self.answers = [answer] if answer is not None else []

    def open(self, url: str):
        env = {"GEMINI_API_KEY": "k", "OPENAI_API_KEY": "k", self._env: url}
        self._models = Models(env, LimitSettings(), Budget(BudgetSettings()))
        return self._models.open(choose(Wanted(self._name), env))

    async def close(self) -> None:
        await self._models.close()


MODELS = {
    "gemini": lambda: Provided(
        "gemini-3.5-flash-lite", "GOOGLE_GEMINI_BASE_URL", gemini(solution(1, 2))
    ),
    "openai": lambda: Provided("openai:gpt", "OPENAI_BASE_URL", chat(solution(1, 2))),
    "local": lambda: Provided("local"),
    "scripted": lambda: Alone(Scripted(lambda request, sample: "[1, 2]")),
    "recorded": lambda: Alone(
        Recorder(Scripted(lambda request, sample: "[1, 2]"), lambda event: None)
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.model if n == "local" else ()) for n in MODELS]
)
def test_every_model(name):
    problem = LINEAR.build(LINEAR.targets[0], 0)

    async def run(provided, url: str):
        llm = provided.open(url)
        assert llm.name
        assert llm.form in ("instruct", "list")
        assert llm.samples_per_call >= 1
        prompt = FORMS[llm.form].write(problem, [((14, 14), 42747.8)], 100.0)
        samples = min(3, llm.samples_per_call)
        request = Request(
            prompt.text,
            samples,
            1,
            temperature=1.0,
            max_tokens=prompt.max_tokens or 4096,
            schema=prompt.schema,
            grammar=prompt.grammar,
            stop=prompt.stop,
            seed=1,
        )
        replies = await llm.sample(request)
        assert len(replies) == samples
        for reply in replies:
            assert isinstance(reply, Reply)
            assert reply.text
            assert reply.model
            assert reply.finish == "stop"
            assert reply.usage.output > 0
            assert reply.attempts >= 1
            assert len(FORMS[llm.form].read(reply.text, problem.space)) == 1
        assert replies[0].usage.input > 0
        assert sum(reply.calls for reply in replies) >= 1
        await provided.close()
        await provided.close()

    provided = MODELS[name]()
    with Loopback(getattr(provided, "answers", [])).serving() as url:
        asyncio.run(run(provided, url))
