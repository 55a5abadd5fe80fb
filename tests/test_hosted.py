"""Hosted models through the commands: money, caps, quotas, faults of one run among many."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from opro_cli.llm.catalog import catalog, facts_of
from opro_cli.llm.gemini.quota import reset_time
from opro_cli.llm.provider import same_model
from opro_cli.problems.regression.linear import LinearSettings
from tests.loopback import Answer, Loopback, error, gemini, solution, too_many


def wandering(model="gemini-3.5-flash-lite", **fields):
    """Replies that never find anything, each another one."""
    seen = iter(range(10**6))
    return lambda asked: gemini(solution(next(seen) % 90 - 45, -90), model=model, **fields)


SMALL = (
    *("--target", "w=15,b=14", "--strategy", "paper", "--points-per-step", "4"),
    *("--display", "none"),
)
PRICED = {"promptTokenCount": 1000, "candidatesTokenCount": 100}
ONE = (1000 * 0.30 + 100 * 2.50) / 1e6


def lines(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_was_spent_is_in_the_log_the_result_and_the_report(opro, serve):
    serve(wandering(usage=PRICED))
    done = opro("run-opro", *SMALL, "--max-steps", "3", "--json")
    (line,) = lines(done)
    assert line["cost"] == pytest.approx(12 * ONE)
    log = next(Path("runs").glob("*/events.jsonl")).read_text()
    replies = [e["reply"] for e in map(json.loads, log.splitlines()) if e["type"] == "replied"]
    assert [r["cost"] for r in replies] == [pytest.approx(ONE)] * 12
    (row,) = json.loads(opro("report", "--format", "json").stdout)
    assert row["cost"] == pytest.approx(12 * ONE)
    assert "$0.0066" in opro("report", "--format", "markdown").stdout


def test_thinking_is_paid_as_output(opro, serve):
    serve(wandering(usage={**PRICED, "thoughtsTokenCount": 400}))
    (line,) = lines(opro("run-opro", *SMALL, "--max-steps", "1", "--json"))
    assert line["tokens"] == {"input": 4000, "output": 2000}
    assert line["cost"] == pytest.approx(4 * (1000 * 0.30 + 500 * 2.50) / 1e6)


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--max-cost", "0.004", "max_cost"),
        ("--max-calls", "6", "max_calls"),
        ("--max-tokens", "8000", "max_tokens"),
    ],
)
def test_a_cap_stops_everything_and_says_how_to_continue(opro, serve, option, value, reason):
    server = serve(wandering(usage=PRICED))
    done = opro("run-opro", *SMALL, "--reps", "3", option, value, "--json")
    assert done.exit_code == 3
    assert {line["reason"] for line in lines(done)} == {reason}
    spent = sum(line["cost"] for line in lines(done))
    calls = sum(line["calls"] for line in lines(done))
    assert calls == len(server.asked)  # everything paid for is kept
    if reason == "max_cost":
        assert 0.004 <= spent < 0.004 + ONE
    if reason == "max_calls":
        assert calls == 6
    assert done.stderr.splitlines()[-2].startswith("stopped: ")
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"continue with: opro resume {option} ")
    raised = said.split()[-1]
    assert 2 * float(value) <= float(raised) < 3 * float(value)
    again = opro("resume", option, raised, "--json")
    assert again.exit_code == 3  # what was spent before counts
    assert sum(line["calls"] for line in lines(again)) == len(server.asked)
    if reason == "max_calls":
        assert len(server.asked) == 12
    (row,) = json.loads(opro("report", "--format", "json").stdout)
    assert row["unfinished"] == len(lines(done))
    assert row["steps"] is None


def test_a_cap_on_time_stops_gradient_descent_too(opro):
    done = opro("run-sgd", "--preset", "exp1", "--max-time", "1e-9", "--display", "none")
    assert done.exit_code == 3


def test_a_cap_in_a_preset(opro, serve):
    serve(wandering(usage=PRICED))
    Path("mine.yaml").write_text(
        "problem: {kind: linear, targets: [{w: 15, b: 14}]}\n"
        "opro: {points_per_step: 4}\nbudget: {max_calls: 8}\n"
    )
    assert opro("run-opro", "--preset", "mine.yaml", "--display", "none").exit_code == 3


def test_a_cap_on_the_cost_of_an_unpriced_model_is_an_error_before_the_start(opro, serve):
    server = serve(wandering())
    done = opro("run-opro", *SMALL, "--model", "gemini-9", "--max-cost", "1")
    assert done.exit_code == 2
    assert "the price of gemini-9 is unknown" in done.stderr
    assert "opro.price_input" in done.stderr
    assert server.asked == []
    priced = ("--set", "opro.price_input=1", "--set", "opro.price_output=2")
    done = opro(
        "run-opro", *SMALL, "--model", "gemini-9", "--max-cost", "0.0001", *priced, "--json"
    )
    assert done.exit_code == 3
    assert lines(done)[0]["cost"] > 0


def test_an_unknown_price_is_unknown_in_every_report(opro, serve):
    serve(wandering(model="gemini-9", usage=PRICED))
    (line,) = lines(opro("run-opro", *SMALL, "--model", "gemini-9", "--max-steps", "1", "--json"))
    assert line["cost"] is None
    assert json.loads(opro("report", "-f", "json").stdout)[0]["cost"] is None
    assert "| unknown |" in opro("report", "-f", "markdown").stdout


def test_a_days_quota_stops_the_process_at_once(opro, serve):
    daily = too_many("37s", quota="GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    server = serve([gemini(solution(1, 2))] * 5 + [daily])
    began = time.monotonic()
    done = opro("run-opro", *SMALL, "--reps", "5", "--concurrency", "1", "--json")
    assert time.monotonic() - began < 30
    assert done.exit_code == 3
    assert "the day's quota is spent and is reset at" in done.stderr
    assert "midnight Pacific time" in done.stderr
    assert "continue with: opro resume" in done.stderr
    assert len(server.asked) <= 7


def test_a_run_that_gives_up_fails_alone(opro, serve):
    """The target shown in a prompt tells the runs apart: one meets a fault that lasts."""

    linear = LinearSettings(targets=[{"w": 14, "b": 13}])
    loss = int(linear.build(linear.targets[0], 0).evaluate((12, 10)))

    def answer(asked):
        if f"w=12, b=10\nvalue: {loss}\n" in asked.body["contents"][0]["parts"][0]["text"]:
            return error(400, "INVALID_ARGUMENT", "[red]no\x1b[31m")
        return gemini(solution(17, 17))

    serve(answer)
    targets = ("--target", "w=17,b=17", "--target", "w=14,b=13")
    done = opro(
        "run-opro",
        *targets,
        "--points-per-step",
        "2",
        "--max-steps",
        "3",
        "--display",
        "plain",
        "--json",
    )
    states = {line["target"]["w"]: line for line in lines(done)}
    assert done.exit_code == 1
    assert states[17]["state"] == "converged"
    assert states[14]["state"] == "failed"
    assert "400" in states[14]["error"]
    assert "\x1b" not in done.stderr
    report = opro("report", "--format", "markdown").stdout
    assert "1 failed run is left out of the means of steps and evaluations" in report
    assert "\\[red\\]no" in report


def test_a_429_slows_the_whole_process(opro, serve):
    """After one 429 no request of any run arrives before the wait it asks for is over."""
    arrived = []

    def answer(asked):
        arrived.append(time.monotonic())
        if len(arrived) == 4:
            return too_many("1.5s")
        return gemini(solution(1, 2))

    serve(answer)
    done = opro(
        "run-opro", *SMALL, "--reps", "3", "--max-steps", "2", "--concurrency", "1", "--json"
    )
    assert done.exit_code == 0, done.stderr
    assert arrived[4] - arrived[3] >= 1.5
    log = "".join(path.read_text() for path in Path("runs").glob("*/events.jsonl"))
    retried = [
        e["reply"]
        for e in map(json.loads, log.splitlines())
        if e["type"] == "replied" and e["reply"].get("attempts")
    ]
    assert [(r["attempts"], len(r["troubles"])) for r in retried] == [(2, 1)]


def test_another_model_that_answers_is_recorded_and_said_once(opro, serve):
    serve(wandering(model="gemini-3.8-flash", usage=PRICED))
    done = opro("run-opro", *SMALL, "--max-steps", "2", "--json")
    assert done.stderr.count("gemini-3.8-flash has answered") == 1
    price = facts_of("gemini-3.8-flash")
    (line,) = lines(done)
    assert line["cost"] == pytest.approx(8 * (1000 * price.input + 100 * price.output) / 1e6)
    log = next(Path("runs").glob("*/events.jsonl")).read_text()
    assert log.count('"model": "gemini-3.8-flash"') == 8


def test_strict_model_makes_it_an_error(opro, serve):
    server = serve(wandering(model="gemini-3.8-flash"))
    done = opro("run-opro", *SMALL, "--strict-model", "--json")
    assert done.exit_code == 1
    assert "gemini-3.8-flash has answered" in lines(done)[0]["error"]
    assert lines(done)[0]["calls"] == len(server.asked) == 4  # paid, so kept


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite", True),
        ("gemini-3.5-flash-lite", "models/gemini-3.5-flash-lite", True),
        ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-001", True),
        ("gpt-5", "gpt-5-2026-08-07", True),
        ("gemini-3.5-flash-lite", "", True),
        ("gemini-3.5-flash", "gemini-3.5-flash-lite", False),
        ("gemini-2.5-flash", "gemini-3.5-flash-lite", False),
    ],
)
def test_a_dated_version_is_the_same_model(asked, served, same):
    assert same_model(asked, served) == same


def test_several_proposals_a_call(opro, serve):
    def answer(asked):
        schema = asked.body["generationConfig"]["responseSchema"]
        assert schema["properties"]["solutions"]["items"]["properties"]["w"]
        many = [{"w": w, "b": 13} for w in (11, 12, 13, 15)]
        return gemini(json.dumps({"reasoning": "r", "solutions": many}))

    server = serve(answer)
    done = opro("run-opro", *SMALL, "--proposals-per-call", "4", "--max-steps", "1", "--json")
    (line,) = lines(done)
    assert len(server.asked) == line["calls"] == 1
    assert line["distinct_pairs"] == 9
    text = server.asked[0].body["contents"][0]["parts"][0]["text"]
    assert "Propose 4 of them, each different from the others" in text


def test_several_candidates_a_call_where_the_model_has_them(opro, serve):
    body = gemini(solution(1, 2), model="gemini-2.5-flash").body
    body["candidates"] += gemini(solution(3, 4)).body["candidates"]
    server = serve([Answer(body=body)])
    many = ("--set", "opro.candidates_per_call=4", "--max-steps", "1", "--json")
    (line,) = lines(opro("run-opro", *SMALL, "--model", "gemini-2.5-flash", *many))
    assert server.asked[0].body["generationConfig"]["candidateCount"] == 4
    assert len(server.asked) == line["calls"] == 1
    assert line["distinct_pairs"] == 7
    log = next(Path("runs").glob("*/events.jsonl")).read_text()
    assert log.count('"detail": "fewer candidates than asked"') == 2
    done = opro("run-opro", *SMALL, *many)  # the default model has one candidate a call
    assert done.exit_code == 2
    assert "proposals_per_call" in done.stderr


def test_dry_run_estimates_calls_tokens_and_money(opro, serve):
    server = serve([])
    data = json.loads(opro("sweep", "exp1", "--dry-run", "--json").stdout)
    total = data["total"]
    assert total["calls"][2] == 140_000
    assert 0 < total["calls"][0] < 5000
    low, middle, high = total["tokens"]["input"]
    assert low < middle < high
    low, middle, high = total["cost"]
    assert 0 < low < 1 < high
    assert low < middle < high
    text = opro("sweep", "exp1", "--dry-run").stdout
    assert "about $" in text
    assert "(2,000 to 140,000) model calls" in text
    assert server.asked == []
    cheaper = json.loads(
        opro("sweep", "exp1", "--dry-run", "--json", "--proposals-per-call", "8").stdout
    )["total"]
    assert cheaper["calls"][2] == 17_500
    assert cheaper["cost"][2] < high / 3


def test_prices_and_successors_are_known_as_of_a_day():
    data = catalog()
    assert isinstance(data.as_of, dt.date)
    assert data.default in data.models
    assert facts_of("gemini-99").price is None
    for model in data.models.values():
        assert (model.input is None) == (model.output is None)
        assert not model.ends or model.successor in data.models


def test_the_days_quota_is_reset_at_midnight_pacific(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    summer = dt.datetime(2026, 7, 1, 12, 0, tzinfo=dt.UTC)
    assert reset_time(summer).startswith("at 07:00 on 2026-07-02")
    winter = dt.datetime(2026, 12, 1, 12, 0, tzinfo=dt.UTC)
    assert reset_time(winter).startswith("at 08:00 on 2026-12-02")


def service_account(path: Path, url: str) -> None:
    """Credentials of a service account whose tokens come from the loopback server."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "client_email": "a@p.iam.gserviceaccount.com",
        "private_key": key.decode(),
        "private_key_id": "1",
        "token_uri": f"{url}/token",
        "universe_domain": "googleapis.com",
    }
    path.write_text(json.dumps(info))


def test_vertex_through_the_same_client(opro, monkeypatch):
    def answer(asked):
        if asked.path == "/token":
            return Answer(body={"access_token": "tok", "expires_in": 3600, "token_type": "Bearer"})
        return gemini(solution(15, 14))

    server = Loopback(answer)
    with server.serving() as url:
        service_account(Path("key.json"), url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "key.json")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
        monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-central1")
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", url)
        monkeypatch.setenv("GOOGLE_API_KEY", "a-stray-key")
        done = opro("run-opro", "--model", "vertex:gemini-3.5-flash-lite", *SMALL, "--json")
    assert done.exit_code == 0, done.stderr
    calls = [asked for asked in server.asked if "generateContent" in asked.path]
    assert len(calls) == 4
    assert "/projects/my-project/locations/us-central1/" in calls[0].path
    assert calls[0].headers["authorization"] == "Bearer tok"
    assert "x-goog-api-key" not in calls[0].headers
    assert lines(done)[0]["state"] == "converged"


def test_vertex_without_project_or_credentials_is_a_sentence(opro, monkeypatch):
    done = opro("run-opro", "--model", "vertex:gemini-3.5-flash-lite", *SMALL)
    assert done.exit_code == 2
    assert "GOOGLE_CLOUD_PROJECT" in done.stderr
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "missing.json")
    done = opro("run-opro", "--model", "vertex:gemini-3.5-flash-lite", *SMALL)
    assert done.exit_code == 2
    assert "gcloud auth application-default login" in done.stderr
    assert not list(Path().glob("runs/*/*.json*"))


def test_an_adaptive_step_asks_once_more_naming_what_came_and_replays(opro, serve):
    server = serve([gemini(solution(1, 2))])
    adaptive = ("--target", "w=15,b=14", "--points-per-step", "3", "--max-steps", "1")
    (line,) = lines(opro("run-opro", *adaptive, "--display", "none", "--json"))
    assert len(server.asked) == line["calls"] == 3 + 2
    texts = [asked.body["contents"][0]["parts"][0]["text"] for asked in server.asked]
    assert sum("propose none of them: w=1, b=2." in text for text in texts) == 2
    assert line["evaluations"] == 5 + 3
    text = next(Path("runs").glob("*/events.jsonl")).read_text()
    log = [json.loads(row) for row in text.splitlines()]
    assert [e.get("first", 0) for e in log if e["type"] == "prompted"] == [0, 3]
    stepped = next(e for e in log if e["type"] == "stepped")
    assert [p.get("source", "model") for p in stepped["pairs"]] == ["model", *["perturbed"] * 2]
    assert opro("replay", "runs").exit_code == 0
