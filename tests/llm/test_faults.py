"""The server's own words and waits, in every shape; what is refused, spent, late or passing."""

from __future__ import annotations

import email.utils
import time

import pytest

from opro_cli.core.errors import LLMError, Paused, TransientError
from opro_cli.llm.faults import duration, fault_error, read_fault, retry_after
from tests.asking import ask
from tests.loopback import Answer, chat, gemini, too_many

GEMINI = "gemini-3.5-flash-lite"

BODIES = [
    ('{"error": {"message": "no such thing"}}', "no such thing"),
    ('{"error": "no such thing"}', "no such thing"),
    ('[{"error": {"code": 400, "message": "no such thing"}}]', "no such thing"),
    ('{"detail": "no such thing"}', "no such thing"),
    ('{"detail": [{"loc": ["body", "n"], "msg": "no such thing"}]}', "body.n: no such thing"),
    ('{"message": {"detail": [{"msg": "no such thing"}]}}', "no such thing"),
    ('{"errors": [{"message": "no such"}, {"message": "thing"}]}', "no such; thing"),
    ('{"error": {"message": "upstream", "metadata": {"raw": "{\\"error\\": \\"no such\\"}"}}}',
     "upstream (no such)"),
    ("no such\n thing", "no such thing"),
    ("<html><head><title>502 Bad &amp; Gone</title></head><body>x</body>", "502 Bad & Gone"),
    ("<html><body><p>no such</p> thing</body>", "no such thing"),
    ('{"odd": 5}', '{"odd": 5}'),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "words"), BODIES)
def test_the_servers_words_reach_the_person(body, words):
    assert read_fault(400, body).words == words
    answer = Answer(418, body.encode())
    for model in ("openai:gpt", GEMINI):
        assert (words or "nothing more") in ask([answer], model).error.message


@pytest.mark.parametrize(
    ("status", "kind", "free", "late"),
    [
        (400, LLMError, True, False),
        (404, LLMError, True, False),
        (408, TransientError, False, True),
        (409, TransientError, True, False),
        (429, TransientError, True, False),
        (500, TransientError, True, False),
        (501, LLMError, True, False),
        (503, TransientError, True, False),
        (504, TransientError, False, True),
        (529, TransientError, True, False),
    ],
)
def test_a_status_says_whether_to_repeat_and_whether_it_was_free(status, kind, free, late):
    error = fault_error(read_fault(status, "x"), "m")
    assert type(error) is kind
    assert (error.free, getattr(error, "late", False)) == (free, late)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(402, {"error": {"message": "Insufficient Balance"}}),
        Answer(402, b""),
        Answer(429, {"error": {"message": "x", "code": "insufficient_quota"}}),
        Answer(400, {"error": {"message": "Your credit balance is too low"}}),
        Answer(403, {"error": {"message": "You have insufficient credits"}}),
        Answer(200, {"error": {"message": "Insufficient credits", "code": 402}}),
    ],
)
def test_an_empty_account_is_a_quota(answer):
    with pytest.raises(Paused) as caught:
        ask([answer])
    assert caught.value.reason == "quota"


WAITS = [
    ("5", 5.0), ("0", 0.0), (" 5.5 ", 5.5), ("-5", None), ("NaN", None), ("inf", None),
    ("1_0", None), ("５", None), ("1e3", None), ("soon", None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), WAITS)
def test_a_wait_in_seconds(text, seconds):
    assert retry_after({"retry-after": text}) == seconds


def test_a_wait_until_a_date_goes_by_the_servers_clock():
    now = time.time()
    soon = email.utils.formatdate(now + 7, usegmt=True)
    assert 4 < retry_after({"retry-after": soon}) < 8
    wrong = email.utils.formatdate(now - 1000, usegmt=True)
    later = email.utils.formatdate(now - 990, usegmt=True)
    assert retry_after({"retry-after": later, "date": wrong}) == 10
    assert retry_after({"retry-after": wrong, "date": soon}) == 0
    assert retry_after({"retry-after": "Mon, 99 Foo 2026 25:61:61 GMT"}) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5s", 5.0), ("5.5s", 5.5), ("0s", 0.0), ("1h", 3600.0), ("1m30s", 90.0), ("500ms", 0.5),
        ("5", 5.0), (5, 5.0), ({"seconds": "5"}, 5.0), ("-5s", None), ("NaNs", None),
        ("infs", None), (float("nan"), None), (None, None), ([], None), ("5 s", None),
    ],
)  # fmt: skip
def test_googles_durations(value, seconds):
    assert duration(value) == seconds


@pytest.mark.parametrize("model", ["openai:gpt", GEMINI])
@pytest.mark.parametrize("status", [429, 503])
def test_the_header_is_heeded_by_both_clients(model, status):
    good = gemini("[1]") if model == GEMINI else chat("[1]")
    busy = Answer(status, {"error": {"message": "busy"}}, headers={"Retry-After": "7"})
    found = ask([busy, good], model)
    assert found.waits[0] == 7.0
    assert found.reply.attempts == 2


def test_googles_daily_quota_through_the_other_protocol_is_a_quota_too():
    daily = too_many("5s", quota="GenerateRequestsPerDayPerProjectPerModel")
    with pytest.raises(Paused):
        ask([Answer(429, [daily.body])])


def test_without_time_zones_the_days_quota_is_still_a_sentence(monkeypatch):
    from opro_cli.llm.gemini import quota

    def nowhere(name):
        raise quota.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(quota, "ZoneInfo", nowhere)
    assert quota.reset_time() == "at midnight Pacific time"
    with pytest.raises(Paused):
        ask([too_many("5s", quota="RequestsPerDay")], GEMINI)


@pytest.mark.parametrize("model", ["openai:gpt", GEMINI])
def test_only_a_call_that_took_nothing_gives_its_tokens_back(model):
    caps = {"max_tokens": 10_000}
    refused = ask([Answer(400, {"error": {"message": "no"}})], model, caps=caps)
    assert (refused.budget.spent.calls, refused.budget.spent.tokens) == (1, 0)
    for lost in (Answer(hang=True), Answer(body=b"<html>"), Answer(504, b"late")):
        found = ask([lost], model, attempts=1, caps=caps)
        assert found.budget.spent.tokens > 100
    late = ask([Answer(body={}, delay=9)], model, attempts=1, timeout=0.3, caps=caps)
    assert late.budget.spent.tokens > 100
    assert late.error.__cause__.late


def test_a_server_that_is_not_there_took_nothing(monkeypatch):
    from contextlib import nullcontext

    from tests.loopback import Loopback

    monkeypatch.setattr(Loopback, "serving", lambda self: nullcontext("http://127.0.0.1:1"))
    for model in ("openai:gpt", GEMINI):
        found = ask([], model, attempts=1, caps={"max_tokens": 10_000})
        assert found.budget.spent.tokens == 0
