"""A registry loads a thing when it is asked for; an unknown or broken one is a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from opro_cli.core.errors import UsageError
from opro_cli.core.registry import Registry, did_you_mean

GROUP = "opro.test_things"


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder to import from."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(site: Path, entry_points: str) -> None:
    """Install a package that declares these entry points."""
    info = site / "thing_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_points}\n")


def things(**builtin) -> Registry:
    return Registry("thing", builtin, group=GROUP)


def test_a_module_is_imported_when_its_thing_is_asked_for(site):
    (site / "thing_module.py").write_text("class Outer:\n    INNER = object()\n")
    registry = things(first="thing_module:Outer", inner="thing_module:Outer.INNER")
    assert list(registry) == ["first", "inner"]
    assert "first" in registry
    assert "second" not in registry
    assert "thing_module" not in sys.modules
    outer = registry["first"]
    assert outer is sys.modules["thing_module"].Outer
    assert registry["inner"] is outer.INNER
    assert registry["first"] is outer
    assert list(registry) == ["first", "inner"]


def test_an_object_needs_no_import():
    thing = object()
    assert things(first=thing)["first"] is thing


def test_an_unknown_name_is_an_error_with_the_nearest_names():
    registry = things(square=1, circle=2)
    with pytest.raises(UsageError) as caught:
        registry["sqaure"]
    assert caught.value.message == "there is no thing 'sqaure'."
    assert caught.value.hint == "did you mean square?"


def test_an_unknown_name_unlike_all_others_is_an_error_with_all_names():
    with pytest.raises(UsageError) as caught:
        things(square=1, circle=2)["xyz"]
    assert caught.value.hint == "things: square, circle"
    assert Registry("kind of thing", {"square": 1}).hint("xyz") == "kinds of thing: square"


def test_an_error_says_where_the_name_was_given():
    registry = things(square=1)
    registry.check("square", "--thing")
    with pytest.raises(UsageError, match=r"^--thing: there is no thing 'cube'\.$"):
        registry.check("cube", "--thing")


def test_a_long_unknown_name_is_cut():
    with pytest.raises(UsageError) as caught:
        things(square=1)["x" * 10_000]
    assert len(caught.value.message) < 100


def test_a_hint_names_up_to_three_things_with_their_prefix():
    assert did_you_mean("pat", ["path", "pate", "pats", "xyz"], "--") == (
        "did you mean --pats or --path or --pate?"
    )
    assert did_you_mean("pat", ["xyz"]) == ""


def test_a_thing_can_be_added_and_removed():
    registry = things(square=1)
    registry.add("circle", 2)
    assert registry["circle"] == 2
    assert list(registry) == ["square", "circle"]
    registry.remove("circle")
    assert "circle" not in registry
    with pytest.raises(KeyError):
        registry.remove("circle")


@pytest.mark.parametrize("name", ["square", "cube"])
def test_a_taken_name_cannot_be_added(name, site):
    install(site, "cube = thing_cube:CUBE")
    registry = things(square=1)
    with pytest.raises(UsageError, match=f"thing {name}"):
        registry.add(name, 2)
    assert registry["square"] == 1


def test_an_installed_package_adds_things(site):
    (site / "thing_cube.py").write_text("CUBE = object()\n")
    install(site, "cube = thing_cube:CUBE")
    registry = things(square=1)
    assert list(registry) == ["square", "cube"]
    assert "cube" in registry
    assert "thing_cube" not in sys.modules
    cube = registry["cube"]
    assert cube is sys.modules["thing_cube"].CUBE
    assert registry["cube"] is cube
    assert list(registry) == ["square", "cube"]
    assert registry.hint("cubes") == "did you mean cube?"


def test_an_installed_package_cannot_replace_a_thing_of_ours(site):
    install(site, "square = thing_square:SQUARE")
    registry = things(square=1)
    assert registry["square"] == 1
    assert list(registry) == ["square"]


def test_a_registry_without_a_group_has_only_its_own_things(site):
    install(site, "cube = thing_cube:CUBE")
    assert list(Registry("thing", {"square": 1})) == ["square"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "No module named 'thing_cube'"),
        ("SPHERE = 1", "has no attribute 'CUBE'"),
        ("import not_there", "No module named 'not_there'"),
        ("def cube(:", "SyntaxError"),
        ("raise ValueError('two\\nlines')", "ValueError: two"),
    ],
)
def test_an_entry_point_that_cannot_be_loaded_is_a_sentence(code, reason, site):
    if code is not None:
        (site / "thing_cube.py").write_text(code)
    install(site, "cube = thing_cube:CUBE")
    with pytest.raises(UsageError) as caught:
        things()["cube"]
    message = caught.value.message
    assert message.startswith("The thing cube cannot be loaded from thing_cube:CUBE")
    assert reason in message
    assert "\n" not in message
    assert message.endswith(".")
    assert caught.value.hint
