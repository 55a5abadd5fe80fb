"""Servers of our own invention: errors, refusals and waits in other words than the protocol's."""

from __future__ import annotations

import json
import time

import pytest

from opro_cli.core.errors import Paused
from tests.asking import ask
from tests.loopback import Answer, chat, error, gemini

OPENAI, GEMINI = "openai:gpt", "gemini-3.1-flash-lite"
ANSWER = "[1, 2]"


def said(message: str, status: int = 400) -> Answer:
    return Answer(status, {"error": {"message": message}})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"<?xml version='1.0'?><Error><Message>Bad &amp; X</Message></Error>",
            "Bad",
        ),
        (b'data: {"error": {"message": "the inner words"}}\n\n', "400: the inner words"),
        (
            b'event: error\ndata: {"message": "the inner words"}\n\n',
            "400: the inner words",
        ),
        (b'\xef\xbb\xbf{"error": "the inner words"}', "400: the inner words"),
    ],
)
@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_the_words_of_an_error_are_found(model, body, words):
    found = ask([Answer(400, body, "text/plain")], model)
    assert words in found.error.message
    assert "<" not in found.error.message


@pytest.mark.parametrize(
    ("body", "words", "passing"),
    [
        ({"message": "quota exceeded", "code": 429}, "quota exceeded", True),
        ({"status": "error", "detail": "upstream failed"}, "upstream failed", False),
        ({"errors": [{"message": "bad model"}]}, "bad model", False),
        (
            {"success": False, "errors": [{"message": "No route"}], "result": None},
            "No route",
            False,
        ),
        ({"detail": "Not authenticated"}, "Not authenticated", False),
        ({"object": "error", "message": "too long", "code": 400}, "too long", False),
        (b'event: error\ndata: {"message": "rate limit reached"}\n\n', "rate limit", True),
    ],
)
@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_an_error_in_a_200_is_one_whatever_its_shape(model, body, words, passing):
    found = ask([Answer(200, body)], model)
    assert words in found.error.message
    assert len(found.asked) == (2 if passing else 1)


REFUSALS = [
    ("seed", "Seeds cannot be used with this model", 400),
    ("seed", "unsupported parameter: seed", 500),
    ("seed", "parameter seed is not allowed on your plan", 403),
    ("temperature", "invalid temperature: only 0.6 is allowed for this model", 400),
    ("temperature", "`temperature` may only be set to 1 when thinking is enabled.", 400),
    ("temperature", "For this model temperature must be 1", 400),
    ("max_tokens", "Please use max_completion_tokens", 400),
    ("max_tokens", "max_tokens: this field was removed", 400),
    ("response_format", "This model does not support structured outputs", 400),
    ("response_format", "guided decoding is disabled", 400),
    ("response_format", "JSON mode is not enabled for this model", 400),
]


@pytest.mark.parametrize(("name", "words", "status"), REFUSALS)
def test_a_parameter_is_refused_in_many_words(name, words, status):
    found = ask(lambda asked: said(words, status) if name in asked.body else chat(ANSWER), times=2)
    assert found.reply.text == ANSWER
    assert [name in asked.body for asked in found.asked][-2:] == [False, False]
    assert len(found.asked) == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("thinkingConfig", "Budget 0 is invalid. This model only works in thinking mode."),
        ("thinkingConfig", "thinkingLevel is not supported by this model"),
        ("thinkingConfig", "Unknown name \"thinkingConfig\" at 'generation_config'"),
        ("responseMimeType", "JSON mode is not enabled for models/gemma"),
    ],
)
def test_gemini_refuses_in_many_words_too(name, words):
    def answer(asked):
        if name in asked.body["generationConfig"]:
            return error(400, "INVALID_ARGUMENT", words)
        return gemini(ANSWER)

    found = ask(answer, GEMINI, times=2)
    assert found.reply.text == ANSWER
    assert not found.replies[-1].troubles


@pytest.mark.parametrize("words", ["max_tokens must be at most 50", "temperature must be below 2"])
def test_a_value_out_of_range_is_no_refused_parameter(words):
    found = ask([said(words)])
    assert words in found.error.message
    assert len(found.asked) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (402, "pay"),
        (403, "Your account is out of funds. Top up"),
        (403, "Key limit exceeded (monthly limit)"),
        (400, "Insufficient account balance"),
        (429, "Your prepayment credits are depleted."),
    ],
)
@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_an_empty_account_pauses(model, status, words):
    with pytest.raises(Paused) as paused:
        ask([said(words, status)], model)
    assert paused.value.reason == "quota"
    assert words in str(paused.value.__cause__)


@pytest.mark.parametrize(
    ("headers", "words", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "1m3.5s"}, "slow", 63.5),
        (
            {
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "12s",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "99s",
            },
            "slow",
            12.0,
        ),
        ({"ratelimit-reset": "17"}, "slow", 17.0),
        ({"retry-after": "5s"}, "slow", 5.0),
        ({"retry-after": "3", "x-ratelimit-reset": "50"}, "try again in 9s", 3.0),
        ({}, "Rate limit reached. Please try again in 7.5s.", 7.5),
        ({}, "Please retry in 1m2s", 62.0),
    ],
)
@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_how_long_to_wait_is_read_in_many_forms(model, headers, words, seconds):
    good = chat(ANSWER) if model == OPENAI else gemini(ANSWER)
    found = ask([Answer(429, {"error": {"message": words}}, headers=headers), good], model)
    assert found.waits == [seconds]


@pytest.mark.parametrize("factor", [1, 1000])
def test_a_limit_may_be_renewed_at_a_time(factor):
    until = {"x-ratelimit-reset": str(int((time.time() + 50) * factor))}
    found = ask([Answer(429, {"error": {"message": "slow"}}, headers=until), chat(ANSWER)])
    assert 30 < found.waits[0] <= 50


@pytest.mark.parametrize("model", [OPENAI, GEMINI])
@pytest.mark.parametrize("status", [200, 201, 206])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_an_answer_is_read_with_any_good_status_and_a_byte_order_mark(model, status, mark):
    good = chat(ANSWER) if model == OPENAI else gemini(ANSWER)
    reply = ask([Answer(status, mark + json.dumps(good.body).encode(), "text/html")], model).reply
    assert (reply.text, reply.usage.output) == (ANSWER, 25)


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"delta":{"content":"[1,"}}]}\n{"choices":[{"delta":{"content":" 2]"}}]}\n',
        {"model": "m", "message": {"role": "assistant", "content": ANSWER}, "done": True},
        {
            "object": "response",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": ANSWER}]},
            ],
            "usage": {"input_tokens": 5, "output_tokens": 6},
        },
        {
            "type": "message",
            "content": [{"type": "text", "text": ANSWER}],
            "usage": {"input_tokens": 5, "output_tokens": 6},
        },
    ],
)
def test_neighbouring_protocols_are_read(body):
    reply = ask([Answer(200, body)]).reply
    assert reply.text == ANSWER
    assert reply.usage is None or reply.usage.output == 6
