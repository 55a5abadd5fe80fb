"""What the source of a function says of its arguments."""

from __future__ import annotations

import pytest

from opro_cli.problems.custom.signature import Argument, functions_in, read_function
from opro_cli.problems.custom.worker import NotLoaded

HEAD = """
import enum, typing
from typing import Annotated, Literal, Optional
raise SystemExit("this file is never run")
BASE = 0.3
Rate = Annotated[float, Field(ge=0, le=2)]
class Kernel(enum.Enum):
    RBF = "rbf"
    POLY = "poly"
class Mode(enum.StrEnum):
    FAST = enum.auto()
    SLOW = enum.auto()
"""


def argument(text: str) -> Argument:
    (found,) = read_function(f"{HEAD}def f({text}): ...", "f").arguments
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", Argument("a")),
        ("a=-1e-3", Argument("a", "float", True, -1e-3)),
        ("a: float = 1", Argument("a", "float", True, 1)),
        ("a: 'int'", Argument("a", "int")),
        ("a: np.float64 | None = None", Argument("a", "float", True)),
        ("a=BASE", Argument("a", "float", True, 0.3)),
        ("a=True", Argument("a", "bool", True, True)),
        ("*, a: str = 'relu'", Argument("a", "str", True, "relu")),
        ("a: Literal['x', 'y']", Argument("a", "choice", choices=("x", "y"))),
        ("a: Optional[Literal['x']]", Argument("a", "choice", choices=("x", None))),
        ("a: Literal['x'] | Literal[2]", Argument("a", "choice", choices=("x", 2))),
        ("a: Kernel", Argument("a", "choice", choices=("rbf", "poly"), enum="Kernel")),
        ("a=Kernel.POLY", Argument("a", "choice", True, "poly", ("rbf", "poly"), enum="Kernel")),
        ("a: Mode", Argument("a", "choice", choices=("fast", "slow"))),
        ("a: Annotated[int, Ge(1), Le(8)]", Argument("a", "int", low=1, high=8)),
        ("a: Annotated[float, (0.1, 0.9)]", Argument("a", "float", low=0.1, high=0.9)),
        ("a: Rate", Argument("a", "float", low=0, high=2)),
        ("a: conint(ge=2, le=4)", Argument("a", "int", low=2, high=4)),
        ("a: list[float]", Argument("a", "list[float]")),
        ("a=[1, 2]", Argument("a", "", True)),
    ],
)
def test_an_argument_is_what_its_annotation_and_default_say(text, expected):
    found = argument(text)
    assert found == expected
    assert type(found.default) is type(expected.default)


def test_a_function_may_be_a_method_a_lambda_or_a_coroutine():
    source = (
        "class Model:\n"
        "    def loss(self, a, b=2):\n        'The loss. More.'\n"
        "    @staticmethod\n    def free(c): ...\n"
        "    def __call__(self, d): ...\n"
        "model = Model()\n"
        "short = lambda e=1, *, g: e\n"
        "async def waits(f, **more): ...\n"
        "def _private(): ...\n"
    )
    names = {
        name: [a.name for a in read_function(source, name).arguments]
        for name in ("model.loss", "model.free", "model", "short", "waits")
    }
    assert names == {
        "model.loss": ["a", "b"],
        "model.free": ["c"],
        "model": ["d"],
        "short": ["e", "g"],
        "waits": ["f"],
    }
    assert read_function(source, "model.loss").sentence == "The loss"
    assert functions_in(source) == ["waits"]


def test_what_a_function_can_be_called_with():
    found = read_function("def f(a, b=1): ...", "f")
    assert found.refusal(["a"]) == found.refusal(["b", "a"]) == ""
    assert found.refusal(["a", "c"]) == "it has no argument c"
    assert found.refusal(["b"]) == "its argument a is no parameter"
    assert read_function("def f(**more): ...", "f").refusal(["any"]) == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def g(): ...", "there is no f in it; its functions: g"),
        ("f = partial(g, 1)", "no `def f`"),
        ("def f(a, /): ...", "by position only"),
        ("def f(:\n", "line 1 is not valid Python"),
        ("def f(a): \0", "not valid Python"),
        ("A = B\nB = A\ndef g(a: A = B): ...", "there is no f in it; its functions: g"),
    ],
)
def test_what_cannot_be_read_is_said(source, said):
    with pytest.raises(NotLoaded, match=said):
        read_function(source, "f")


def test_names_that_lead_in_a_circle_end():
    (found,) = read_function("A = B\nB = A\ndef f(a: A = B): ...", "f").arguments
    assert found.has_default and found.default is None
