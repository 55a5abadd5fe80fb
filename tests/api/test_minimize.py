"""A function of the caller's: called in its process, recorded like any other objective."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import threading
from pathlib import Path

import pytest

import opro_cli as opro
from tests.loopback import gemini

SPACE = {"x": (-5.0, 5.0), "n": (1, 8), "kernel": ["rbf", "poly"]}
LINE = {"x": (0.0, 1.0)}
RANDOM = {"optimizer": "random", "budget": 12}


def bowl(x: float, n: int, kernel: str) -> float:
    return (x - 1) ** 2 + n + (kernel == "poly")


async def awaited(x: float, n: int, kernel: str) -> float:
    await asyncio.sleep(0)
    return bowl(x, n, kernel)


class Model:
    def loss(self, x: float, n: int, kernel: str) -> float:
        return bowl(x, n, kernel)

    def __call__(self, **given) -> float:
        return bowl(**given)


def test_the_result_has_the_names_of_scipy():
    r = opro.minimize(bowl, SPACE, **RANDOM, seed=3)
    assert bowl(**r.best) == r.value == r.fun
    assert r.x == list(r.best.values())
    assert list(r.best) == list(SPACE)
    assert (r.nfev, r.success, r.cost) == (12, True, 0)
    assert r.nit >= 1
    assert r.message == "Finished after 12 evaluations: out of evaluations."
    assert r.value == min(trial["value"] for trial in r.run.trials())


def test_a_notebook_shows_a_table_without_foreign_elements():
    r = opro.minimize(lambda word: len(word), {"word": ["<b>", "a"][1:]}, **RANDOM, name="<i>x")
    assert "value: 1" in repr(r)
    assert "<th>best word</th><td>a</td>" in r._repr_html_()
    assert "<i>" not in r._repr_html_() + r.run._repr_html_()


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n, kernel: bowl(x, n, kernel),
        Model().loss,
        Model(),
        functools.partial(lambda more, **given: bowl(**given) + more, 0),
        awaited,
        lambda x, n, kernel: awaited(x, n, kernel),
    ],
    ids=["lambda", "method", "object", "partial", "coroutine", "lambda of a coroutine"],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_can_be_called_gives_the_same(f, workers):
    expected = opro.minimize(bowl, SPACE, **RANDOM)
    assert opro.minimize(f, SPACE, **RANDOM, workers=workers).best == expected.best


def test_one_call_at_a_time_is_made_in_the_calling_thread():
    threads = set()
    opro.minimize(lambda x: threads.add(threading.get_ident()) or x, LINE, **RANDOM)
    assert threads == {threading.get_ident()}


def test_workers_are_calls_at_the_same_time():
    meeting = threading.Barrier(3, timeout=20)

    def f(x: float) -> float:
        meeting.wait()  # returns when three calls have come
        return x

    starts = [{"x": 0.1}, {"x": 0.2}, (0.3,)]
    r = opro.minimize(f, LINE, optimizer="random", budget=3, starts=starts, workers=3)
    assert (r.value, r.nfev) == (0.1, 3)


def test_it_works_in_a_running_loop_and_can_be_awaited():
    async def main() -> list[opro.Result]:
        loop = asyncio.get_running_loop()

        async def here(x: float, n: int, kernel: str) -> float:
            assert asyncio.get_running_loop() is loop
            return await awaited(x, n, kernel)

        return [
            opro.minimize(bowl, SPACE, **RANDOM),
            await opro.aminimize(here, SPACE, **RANDOM),
            await opro.aminimize(bowl, SPACE, **RANDOM),
            await opro.amaximize(lambda **p: -bowl(**p), SPACE, **RANDOM),
        ]

    first, *others = asyncio.run(main())
    assert all(r.best == first.best for r in others)
    assert others[-1].value == -first.value


def test_maximize_looks_for_the_greatest():
    r = opro.maximize(bowl, SPACE, **RANDOM)
    assert r.value == max(trial["value"] for trial in r.run.trials())
    assert r.run.curve()[-1]["best"] == r.value


def test_a_goal_ends_it():
    r = opro.minimize(bowl, SPACE, optimizer="random", budget=500, goal=4)
    assert r.success
    assert r.message == f"The goal is reached after {r.nfev} evaluations."
    assert r.nfev < 500
    assert not opro.minimize(bowl, SPACE, **RANDOM, goal=-1).success


def test_a_space_whose_points_were_all_tried_ends_it():
    r = opro.minimize(lambda a, n: a + n, {"a": [1, 2], "n": (1, 3)}, optimizer="random")
    assert (r.nfev, r.value, r.success) == (6, 2, True)
    assert r.nit < 20
    assert r.message == "Finished: all 6 points are evaluated."


def test_whole_bounds_mean_whole_numbers_and_the_error_says_so():
    start = {"optimizer": "random", "starts": [{"n": 1.5}]}
    with pytest.raises(opro.OproError, match="both bounds of n are") as caught:
        opro.minimize(lambda n: n, {"n": opro.log(1, 1000)}, **start)
    assert "opro.log(1.0, …)" in caught.value.hint
    with pytest.raises(opro.OproError, match="both bounds of n are"):
        opro.minimize(lambda n: n, {"n": (1, 1000)}, **start)
    assert opro.minimize(lambda n: n, {"n": opro.log(1.0, 1000)}, **start, budget=5).success


def test_a_failure_is_one_of_a_point_and_its_reason_is_kept_without_keys(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-that-is-a-secret")

    def f(x: float) -> object:
        if x < 0.5:
            raise ValueError(f"no luck with {os.environ['GEMINI_API_KEY']}")
        return "a text" if x > 0.9 else x

    r = opro.minimize(f, LINE, optimizer="random", budget=40)
    whys = {trial["why"] for trial in r.run.trials()} - {""}
    assert whys == {"ValueError: no luck with [key]", "returned str, not a number"}
    assert r.value >= 0.5
    assert "a-key-that" not in (r.run.path / "events.jsonl").read_text()


def test_no_value_at_all_is_an_error_with_the_reason_and_the_next_call_begins_anew():
    with pytest.raises(opro.OproError, match="ZeroDivisionError: division by zero"):
        opro.minimize(lambda x: 1 / 0, LINE, **RANDOM, runs="runs")
    assert opro.minimize(lambda x: x, LINE, **RANDOM, runs="runs").success


def test_many_failures_in_a_row_end_it_with_the_reason():
    good = iter([1.0] * 5)
    r = opro.minimize(lambda x: next(good), LINE, optimizer="random", budget=500)
    assert not r.success
    assert r.nfev < 100
    assert r.message == (
        f"Gave up after {r.nfev} evaluations: no value in the last 40 (StopIteration)."
    )


def test_a_text_beside_the_value_is_shown_to_the_model(serve):
    server = serve(lambda asked: gemini(json.dumps({"reasoning": "", "solution": {"x": 0.25}})))
    r = opro.minimize(
        lambda x: (x, f"the oven\nwas at {x}"),
        LINE,
        model="gemini-3.5-flash-lite",
        budget=7,
        starts=[{"x": 0.5}],
        describe="the time that a cake takes",
    )
    prompt = server.asked[0].body["contents"][0]["parts"][0]["text"]
    assert "minimize the time that a cake takes" in prompt
    assert "value: 0.5\nnote: the oven\\nwas at 0.5" in prompt
    assert any(trial["note"] == "the oven\\nwas at 0.25" for trial in r.run.trials())
    assert r.cost > 0


def test_texts_are_proposed_by_the_model(serve):
    server = serve(lambda asked: gemini("<INS>banana</INS>"))
    r = opro.maximize(
        lambda word: (len(word), "too short"),
        {"word": opro.text("fig", max_chars=20)},
        model="gemini-3.5-flash-lite",
        goal=6,
        settings={"opro.points_per_step": 1},
    )
    assert r.best == {"word": "banana"}
    assert "note: too short" in server.asked[0].body["contents"][0]["parts"][0]["text"]


def test_texts_beside_numbers_need_no_more_than_their_start(serve):
    answer = {"reasoning": "", "solution": {"word": "pear", "n": 3}}
    serve(lambda asked: gemini(json.dumps(answer)))
    r = opro.maximize(
        lambda word, n: len(word) * n,
        {"word": opro.text("fig"), "n": (1, 3)},
        model="gemini-3.5-flash-lite",
        goal=12,
    )
    assert r.best == {"word": "pear", "n": 3}


def test_the_signature_and_the_help_name_every_argument():
    for f in (opro.minimize, opro.aminimize, opro.maximize, opro.Study):
        names = inspect.signature(f).parameters
        assert {"model", "budget", "starts", "goal", "runs", "account"} <= set(names)
        assert "options" not in names
    for name in inspect.signature(opro.minimize).parameters:
        assert f"        {name}: " in (opro.minimize.__doc__ or "")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"max_evaluations": 8}, "budget=8"),
        ({"n_trials": 8}, "budget=8"),
        ({"direction": "maximize"}, "opro.maximize"),
        ({"starts": {"x": 0.5}}, "starts=[{…}]"),
        ({"budgte": 8}, "budget"),
        ({"optimizer": "optuna"}, 'optimizer="tpe"'),
    ],
)
def test_an_argument_of_another_package_leads_to_ours(given, hint):
    with pytest.raises(opro.OproError) as caught:
        opro.minimize(lambda x: x, LINE, **given)
    assert hint in caught.value.hint
    with pytest.raises(opro.OproError, match="workers") as caught:
        opro.Study(LINE, workers=2)
    assert caught.value.hint == "a Study asks one at a time"


def test_the_package_shows_its_public_names_and_readable_signatures():
    assert {name for name in dir(opro) if not name.startswith("__")} == set(opro.__all__)
    assert "ForwardRef" not in str(inspect.signature(opro.minimize))


def test_nothing_is_written_outside_the_runs_directory(tmp_path, capfd):
    Path(".env").write_text("GEMINI_API_KEY=not-read\n\0broken")
    r = opro.minimize(bowl, SPACE, **RANDOM)
    folder = r.run.path.parent
    assert folder.is_dir()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".env"]
    del r
    assert not folder.exists()
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_where_it_is_asked_for(capfd):
    opro.minimize(bowl, SPACE, **RANDOM, progress="plain")
    assert "out of evaluations" in capfd.readouterr().err
