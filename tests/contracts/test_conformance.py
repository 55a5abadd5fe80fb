"""Every optimizer and every model keeps its protocol."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import math
from functools import partial

import numpy as np
import pytest

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Reply
from opro_cli.core.model import ModelRequest, Request, Wrapper
from opro_cli.core.optimizer import OptimizerContext
from opro_cli.core.sampler import Sampler
from opro_cli.core.seeds import Randomness
from opro_cli.llm import choose_model, secret_names
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.openai.endpoints import endpoints
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.problems.regression.linear import LinearSettings
from tests.asking import BEDROCK_URL
from tests.doubles import Scripted
from tests.loopback import Loopback, chat, claude, converse, gemini, solution
from tests.tours import TourProblem

LINEAR = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEMS = {
    "linear": lambda: LINEAR.build(LINEAR.targets[0], 0),
    "tours": TourProblem,
}
TEXTS = {"fixed", "rephrase", "one-step", "no-scores", "halving"}
UNFIT = {
    "linear": {"nearest-neighbour", "farthest-insertion", "two-opt", *TEXTS},
    "tours": {"sgd", "nelder-mead", "cma-es", "tpe", "quadratic-fit", *TEXTS},
}
"""The optimizers that cannot work on a problem; all others can."""
PAIRS = [(n, p) for p in PROBLEMS for n in OPTIMIZERS if n not in UNFIT[p]]


def build(name: str, kind: str, seed: int = 0):
    problem = PROBLEMS[kind]()

    def answer(request: Request, sample: int) -> str:
        rng = np.random.default_rng([request.seed, sample])
        point = problem.space.sample(rng)
        return json.dumps({"reasoning": "none", "solution": problem.space.to_values(point)})

    settings = OPTIMIZERS[name]()
    models = {
        role: Sampler(Scripted(answer), lambda event: None) for role in settings.model_requests()
    }
    return problem, settings.build(OptimizerContext(problem, Randomness(seed, "run"), models))


def play(name: str, kind: str, steps: int = 6, seed: int = 0):
    """The batches of a few steps, and the pairs told after each, the starting points first."""
    problem, optimizer = build(name, kind, seed)

    async def run():
        told = [[Evaluation(p, problem.evaluate(p), "start") for p in optimizer.starts()]]
        optimizer.tell(told[0])
        batches = []
        for step in range(1, steps + 1):
            batches.append(await optimizer.ask(step))
            pairs = [
                Evaluation(p.point, problem.evaluate(p.point), p.source)
                for p in batches[-1].proposals
            ]
            before = copy.deepcopy(pairs)
            assert optimizer.tell(pairs) is None
            assert pairs == before, "tell must not change its argument"
            told.append(pairs)
            if batches[-1].stop:
                break
        return batches, told

    return asyncio.run(run())


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_has_a_section_with_its_name_and_a_summary(name):
    cls = OPTIMIZERS[name]
    assert cls.name == name
    assert cls.summary
    assert cls.step_name
    assert cls().model_dump(mode="json") is not None


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in UNFIT for n in sorted(UNFIT[k])])
def test_an_optimizer_that_cannot_work_on_a_problem_says_so_in_a_sentence(kind, name):
    with pytest.raises(UsageError) as caught:
        build(name, kind)
    assert name in caught.value.hint
    assert caught.value.message.endswith(".")
    with pytest.raises(UsageError) as checked:
        OPTIMIZERS[name]().check_space(PROBLEMS[kind]())
    assert str(checked.value) == str(caught.value)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
class TestEveryPair:
    def test_it_starts_with_at_least_one_point(self, name, kind):
        _, optimizer = build(name, kind)
        assert optimizer.starts()
        assert optimizer.starts() == optimizer.starts()

    def test_proposals_of_a_step_are_distinct_and_say_who_made_them(self, name, kind):
        batches, _ = play(name, kind)
        assert any(batch.proposals for batch in batches)
        for batch in batches:
            points = [p.point for p in batch.proposals]
            assert len(points) == len(set(points))
            assert all(p.source for p in batch.proposals)
            assert batch.steps >= 0
            assert batch.proposals or batch.stop or batch.solutions

    def test_every_proposal_is_near_a_point_of_the_space_and_has_a_value(self, name, kind):
        problem = PROBLEMS[kind]()
        for batch in play(name, kind)[0]:
            for proposal in batch.proposals:
                point = problem.space.nearest(proposal.point)
                assert problem.space.read(problem.space.render(point)) == point
                assert math.isfinite(problem.evaluate(proposal.point))

    def test_the_same_seed_proposes_the_same(self, name, kind):
        assert play(name, kind, seed=3) == play(name, kind, seed=3)

    def test_told_the_recorded_pairs_it_continues_as_the_run_that_was_killed(self, name, kind):
        if not OPTIMIZERS[name].reports_every_point:
            pytest.skip("it reports some of its iterates only, and is asked again from the start")
        batches, told = play(name, kind)
        _, again = build(name, kind)
        for pairs in told[: len(batches)]:  # without a single ask, up to the last step
            again.tell(pairs)
        assert asyncio.run(again.ask(len(batches))) == batches[-1]

    def test_it_fits_the_space_and_reports_points_as_its_settings_say(self, name, kind):
        problem, optimizer = build(name, kind)
        OPTIMIZERS[name]().check_space(problem)
        assert optimizer.reports_every_point == OPTIMIZERS[name].reports_every_point

    def test_ask_is_a_coroutine_and_tell_is_not(self, name, kind):
        _, optimizer = build(name, kind)
        assert inspect.iscoroutinefunction(optimizer.ask)
        assert not inspect.iscoroutinefunction(optimizer.tell)

    def test_it_survives_invalid_values(self, name, kind):
        _, optimizer = build(name, kind)

        async def run():
            optimizer.tell([Evaluation(p, float("nan"), "start") for p in optimizer.starts()])
            for step in range(1, 4):
                batch = await optimizer.ask(step)
                optimizer.tell([Evaluation(p.point, float("inf")) for p in batch.proposals])

        asyncio.run(run())


class Alone:
    """A model that needs no provider."""

    def __init__(self, model) -> None:
        self._model = model

    def open(self, url: str):
        return self._model

    async def close(self) -> None:
        await self._model.close()


class Provided:
    """A model as a command gets it: chosen by name, behind limiter, retries and budget."""

    def __init__(self, name: str, env: str = "", answer=None) -> None:
        self._name, self._env = name, env
        self.answers = [answer] if answer is not None else []

    def open(self, url: str):
        env = {**dict.fromkeys(secret_names(), "k"), "AWS_REGION": "us-east-1", self._env: url}
        del env["AWS_BEARER_TOKEN_BEDROCK"]  # a token is sent to servers with TLS only
        self._pool = ModelPool(env, Limiter(LimitSettings()), Budget(BudgetSettings()))
        return self._pool.open(choose_model(ModelRequest(self._name), env))

    async def close(self) -> None:
        await self._pool.close()


FORM_OF = {"instruct": "instruct", "continue": "list"}
MODELS = {
    "gemini": lambda: Provided(
        "gemini-3.5-flash-lite", "GOOGLE_GEMINI_BASE_URL", gemini(solution(1, 2))
    ),
    **{
        name: partial(Provided, f"{name}:gpt", row.variable, chat(solution(1, 2)))
        for name, row in endpoints().items()
    },
    "anthropic": lambda: Provided("anthropic:m", "ANTHROPIC_BASE_URL", claude(solution(1, 2))),
    "bedrock": lambda: Provided("bedrock:m", BEDROCK_URL, converse(solution(1, 2))),
    "local": lambda: Provided("local"),
    "scripted": lambda: Alone(Scripted(lambda request, sample: "[1, 2]")),
    "wrapped": lambda: Alone(Wrapper(Scripted(lambda request, sample: "[1, 2]"))),
}


def make_request(model, samples: int) -> tuple[Request, str]:
    """A request with a meta-prompt that the model can take, and the form of that meta-prompt."""
    form = FORM_OF[model.info.ability]
    problem = PROBLEMS["linear"]()
    prompt = FORMS[form].write(problem, [((14, 14), 42747.8)], 100.0)
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
    return request, form


def check_replies(replies, samples: int, form: str) -> None:
    assert len(replies) == samples
    for reply in replies:
        assert isinstance(reply, Reply)
        assert reply.text
        assert reply.model
        assert reply.finish == "stop"
        assert reply.usage.output > 0
        assert reply.attempts >= 1
        assert len(FORMS[form].read(reply.text, PROBLEMS["linear"]().space)) == 1
    assert replies[0].usage.input > 0
    assert sum(reply.calls for reply in replies) >= 1


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.model if n == "local" else ()) for n in MODELS]
)
def test_every_model(name):
    if name in ("anthropic", "bedrock"):
        pytest.importorskip("pydantic_ai", reason="the extra `providers` is not installed")

    async def run(provided, url: str):
        model = provided.open(url)
        assert model.info.name
        assert model.info.ability in ("instruct", "continue")
        assert model.info.samples_per_call >= 1
        samples = min(3, model.info.samples_per_call)
        request, form = make_request(model, samples)
        check_replies(await model.sample(request), samples, form)
        await provided.close()
        await provided.close()

    provided = MODELS[name]()
    with Loopback(getattr(provided, "answers", [])).serving() as url:
        asyncio.run(run(provided, url))


def test_a_sampler_gives_replies_as_a_model_and_more_than_one_call_brings():
    sampler = Sampler(Scripted(lambda request, sample: "[1, 2]"), lambda event: None)
    assert sampler.info.samples_per_call == 1
    request, form = make_request(sampler, 3)
    check_replies(asyncio.run(sampler.sample(request, form=form)), 3, form)
