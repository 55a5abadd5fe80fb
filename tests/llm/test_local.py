"""The embedded model itself: loaded, asked, and solving a problem."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opro_cli.core import engine
from opro_cli.core.errors import LLMError, ModelUnavailable
from opro_cli.core.events import Stepped, Stopped
from opro_cli.core.model import Request
from opro_cli.core.optimizer import Limits
from opro_cli.core.sampler import Sampler
from opro_cli.llm.local import model_file
from opro_cli.llm.local.model import LocalModel
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings

pytestmark = pytest.mark.model

SETTINGS = LinearSettings(targets=[{"w": 15, "b": 14}])
PROBLEM = SETTINGS.build(SETTINGS.targets[0], 0)
PAIRS = [((20, 14), 1074396.89), ((12, 10), 417121.01), ((14, 14), 42747.81)]


@pytest.fixture(scope="module")
def model():
    path, name = model_file.model_file("local")
    made = LocalModel(path, name, 4)
    yield made
    asyncio.run(made.close())


def ask(model, samples=4, form="list", **changes):
    prompt = FORMS[form].write(PROBLEM, PAIRS, 12824.0)
    fields = {
        "temperature": 1.0,
        "max_tokens": prompt.max_tokens or 4096,
        "grammar": prompt.grammar,
        "schema": prompt.schema,
        "stop": prompt.stop,
        "seed": 7,
    } | changes
    return asyncio.run(model.sample(Request(prompt.text, samples, 1, **fields)))


def test_replies_follow_the_grammar_and_count_their_tokens(model):
    replies = ask(model)
    assert len(replies) == 4
    for reply in replies:
        assert re.fullmatch(r"-?\d+, b=-?\d+", reply.text), reply.text
        assert (reply.finish, reply.model) == ("stop", "gemma-3-270m")
        assert 5 <= reply.usage.output <= 12
    prompt_tokens = [reply.usage.input for reply in replies]
    assert prompt_tokens[0] > 50
    assert prompt_tokens[1:] == [0, 0, 0]  # one evaluation of the prompt for all


def test_the_same_seed_gives_the_same_replies_whatever_came_between(model):
    first = [reply.text for reply in ask(model)]
    other = [reply.text for reply in ask(model, seed=8)]
    again = [reply.text for reply in ask(model)]
    assert first == again != other


def test_it_makes_room_for_more_samples_and_longer_prompts(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.model.CONTEXT", 256)
    made = LocalModel(*model_file.model_file("local"), 2)
    assert len(ask(made, samples=3)) == 3
    long = Request("value 5: w=1, b=2\n" * 40 + "value 1: w=", 2, 1, max_tokens=8, seed=1)
    replies = asyncio.run(made.sample(long))
    assert replies[0].usage.input > 256
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    asyncio.run(made.close())


@pytest.mark.parametrize("threads", ["1", "2"])
def test_it_can_be_unloaded_at_once(monkeypatch, threads):
    monkeypatch.setenv("OPRO_THREADS", threads)
    for _ in range(3):
        asyncio.run(LocalModel(*model_file.model_file("local"), 1).close())


def test_an_instruction_gets_json_by_the_schema(model):
    """The pretrained model does not follow it, but what comes out has the form asked for."""
    (reply,) = ask(model, samples=1, form="instruct", grammar=None, max_tokens=200)
    assert reply.text.startswith("{")


def test_what_the_engine_refuses_is_an_error(model):
    with pytest.raises(LLMError, match="gemma-3-270m failed"):
        ask(model, grammar="no grammar (((")


@pytest.mark.parametrize(("w", "b", "seed"), [(16, 10, 0)], ids=lambda value: str(value))
def test_it_solves_a_quickstart_target(model, w, b, seed):
    spec = RunSpec(
        preset="quickstart",
        problem=LinearSettings(targets=[{"w": w, "b": b}]),
        repetition=0,
        optimizer=OproSettings(),
        seed=seed,
        limits=Limits(40),
    )
    events = []

    class Sink:
        emit = staticmethod(events.append)

        async def flush(self):
            pass

    async def run():
        models = {"optimizer": Sampler(model, events.append)}
        problem, optimizer = spec.build(models)
        async with problem.evaluator({}) as evaluate:
            await engine.run(problem, optimizer, evaluate, spec.effective_limits, Sink())

    asyncio.run(run())
    assert isinstance(events[-1], Stopped)
    assert events[-1].reason == "converged"
    fates = {r.status for e in events if isinstance(e, Stepped) for r in e.solutions}
    assert fates <= {"used", "known", "duplicate", "spare", "out_of_range"}


@pytest.mark.parametrize("damage", ["truncated", "noise", "empty"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, damage: str):
    path = tmp_path / "model.gguf"
    whole = model_file.model_file("local")[0]
    with whole.open("rb") as file:
        head = file.read(1_000_000)
    path.write_bytes({"truncated": head, "noise": b"\x07" * 5000, "empty": b""}[damage])
    with pytest.raises(ModelUnavailable, match="damaged"):
        LocalModel(path, "model")


def test_first_use_names_the_model_and_its_terms(tmp_path, monkeypatch):
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path))
    assert "Gemma 3 270M" in model_file.first_use()
    assert model_file.TERMS in model_file.first_use()
    (tmp_path / "model.gguf").touch()
    assert model_file.first_use() == ""


def test_the_engine_writes_nothing_on_the_screen(model_cache):
    code = (
        "import asyncio; from opro_cli.core.model import Request;"
        "from opro_cli.llm.local.model import LocalModel;"
        "from opro_cli.llm.local.model_file import model_file;"
        "m = LocalModel(*model_file('local'), 1);"
        "r = asyncio.run(m.sample(Request('1, 2, 3,', 1, 1, max_tokens=2)));"
        "asyncio.run(m.close()); print(len(r))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("1\n", "")
