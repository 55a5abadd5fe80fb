"""Where an objective lives, what it may return, and the digests of its files."""

from __future__ import annotations

import asyncio
import hashlib
import math
from pathlib import Path

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.custom.sources import digests
from opro_cli.problems.custom.workers import Workers, check_objective

FILES = {
    "pack/__init__.py": "SCALE = 10",
    "pack/parts.py": "def twice(x): return 2 * x",
    "pack/deep/__init__.py": "",
    "pack/deep/inner.py": "from ..parts import twice\nfrom pack import SCALE\n"
    "def loss(x): return SCALE * twice(x)",
    "loose/part.py": "def half(x): return x / 2",
    "loose/main.py": "from .part import half\nloss = half",
    "json/main.py": "from .part import half\nloss = half",
    "json/part.py": "def half(x): return x / 2",
    "plain/helper.py": "def same(x): return x",
    "plain/main.py": "import helper\nloss = helper.same",
    "odd name/fit-it v1.2.py": "def loss(x): return x",
    "random.py": "def loss(x): return x",
    "with-dash.py": "def loss(x): return x",
    "__main__.py": "def loss(x): return x",
    "object.py": "class Model:\n    def loss(self, x): return x\n    __call__ = loss\n"
    "class Box: pass\nmodel = Model()\nbox = Box()\nbox.model = model",
}


def evaluate(objective: str, x=1.0):
    async def run():
        async with Workers(ObjectiveCall(objective, str(Path.cwd()))) as workers:
            return (await workers.evaluate([{"x": x}]))[0]

    return asyncio.run(run())


@pytest.fixture
def files(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("objective", "value"),
    [
        ("pack.deep.inner:loss", 20),
        ("pack/deep/inner.py:loss", 20),
        ("pack/parts.py:twice", 2),
        ("loose/main.py:loss", 0.5),
        ("loose.main:loss", 0.5),
        ("json/main.py:loss", 0.5),
        ("plain/main.py:loss", 1),
        ("odd name/fit-it v1.2.py:loss", 1),
        ("random.py:loss", 1),
        ("with-dash:loss", 1),
        ("__main__.py:loss", 1),
        ("object.py:model.loss", 1),
        ("object.py:model", 1),
        ("object:box.model.loss", 1),
    ],
)
def test_an_objective_may_live_in(objective, value):
    CustomSettings(objective=objective, parameters={"x": {"low": 0, "high": 1}})
    check_objective(objective, str(Path.cwd()), ("x",))
    found = evaluate(objective)
    assert (found.value, found.why) == (value, "")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("study.ipynb:loss", "is a notebook; export it as a Python file"),
        ("plain/main:loss", "the name of a file ends with .py"),
        ("~nobody-of-this-name/f.py:loss", "there is no file ~nobody-of-this-name/f.py"),
        ("random:loss", "a file is named as random.py:loss"),
        ("object.py:Model.loss", "name a method of an object, not of its class"),
        ("object.py:model.cost", "object.py has no function model.cost"),
        ("object.py:box", "object.py has no function box"),
        ("helpless.py:loss", "name it as a module of its package, as in package.module:loss"),
    ],
)
def test_else_a_sentence_names_the_way_out(objective, said):
    Path("helpless.py").write_text("exec('from . import part')")
    with pytest.raises(UsageError) as caught:
        check_objective(objective, str(Path.cwd()), ("x",))
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["f.py::loss", "f.py:model.", "f.py:1x", "f.py:a-b", ":loss", "f"])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match="not of the form"):
        CustomSettings(objective=text, parameters={"x": {"low": 0, "high": 1}})


@pytest.mark.parametrize(
    ("returns", "value", "why"),
    [
        ("numpy.float32(1.5)", 1.5, ""),
        ("numpy.int64(3)", 3, ""),
        ("numpy.array(2.5)", 2.5, ""),
        ("decimal.Decimal('0.25')", 0.25, ""),
        ("later(4)", 4, ""),
        ("asyncio.sleep(0, 6)", 6, ""),
        ("numpy.bool_(True)", math.nan, "returned bool, not a number"),
        ("True", math.nan, "returned bool, not a number"),
        ("(1.0, 'why')", math.nan, "returned tuple, not a number"),
        ("[1.0]", math.nan, "returned list, not a number"),
        ("b'1'", math.nan, "returned bytes, not a number"),
        ("1j", math.nan, "returned complex, not a number"),
        ("10**999", math.nan, "returned int beyond the largest float"),
        ("later(None)", math.nan, "returned NoneType, not a number"),
        ("later(1 / 0)", math.nan, "ZeroDivisionError: division by zero"),
        ("fail(Mute())", math.nan, "Mute"),
        ("fail(ValueError('\\udcff'))", math.nan, "ValueError: \\udcff"),
    ],
)
def test_what_it_returns_is_a_number_or_a_reason(returns, value, why):
    Path("mine.py").write_text(f"""
import asyncio, decimal, numpy
class Mute(Exception):
    def __str__(self): raise TypeError
async def later(x):
    await asyncio.sleep(0)
    return x
def fail(error): raise error
def loss(x): return {returns}
""")
    found = evaluate("mine.py:loss")
    assert found.why == why
    assert found.value == value or math.isnan(value)


def test_coroutines_share_one_event_loop():
    Path("mine.py").write_text("""
import asyncio
loops = []
async def loss(x):
    loops.append(asyncio.get_running_loop())
    return len(set(loops))
""")

    async def run():
        async with Workers(ObjectiveCall("mine.py:loss", str(Path.cwd()))) as workers:
            return await workers.evaluate([{"x": 1}, {"x": 2}])

    assert [found.value for found in asyncio.run(run())] == [1, 1]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("objective", "names"),
    [
        ("random.py:loss", set()),
        ("plain/main.py:loss", {"/helper.py"}),
        ("pack.deep.inner:loss", {"/pack/__init__.py", "/pack/parts.py", "/pack/deep/__init__.py"}),
    ],
)
def test_digests_are_of_the_file_and_of_those_it_imports(objective, names, tmp_path):
    found = digests(objective, str(tmp_path))
    assert set(found) == {"objective"} | {f"objective{name}" for name in names}
    settings = CustomSettings(
        objective=objective, folder=str(tmp_path), parameters={"x": {"low": 0, "high": 1}}
    )
    assert settings.digests() == found


def test_a_change_of_a_file_is_a_change_of_its_digest_and_nothing_is_run(tmp_path):
    trace = "open('trace', 'w').close()\n"
    Path("a.py").write_text(f"{trace}import b\ndef loss(x): return b.f(x)")
    Path("b.py").write_text(f"{trace}def f(x): return x")
    before = digests("a.py:loss", "")
    assert before["objective"] == hashlib.sha256(Path("a.py").read_bytes()).hexdigest()
    Path("b.py").write_text(f"{trace}def f(x): return 2 * x")
    after = digests("a.py:loss", "")
    assert before != after and before["objective"] == after["objective"]
    assert digests("a:loss", str(tmp_path)) == digests("a:loss", "") == after
    assert not Path("trace").exists()


@pytest.mark.parametrize(
    "objective", ["no.py:f", "no_such.module:f", "sys:exit", "a.ipynb:f", "~nobody-here/f.py:f"]
)
def test_without_a_file_there_are_no_digests(objective):
    assert digests(objective, "") == {}


def test_a_file_that_is_no_python_has_its_digest():
    Path("a.py").write_bytes(b"\x00 def (")
    assert list(digests("a.py:f", "")) == ["objective"]
