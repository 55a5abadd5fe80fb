"""Whatever a server answers: a reply that can be written and read back, or its own words."""

from __future__ import annotations

import json

import pytest

from opro_cli.core.events import MAX_TEXT, Replied, Usage
from opro_cli.core.events.json_form import to_json
from opro_cli.llm.replies import RAW, build_reply, count_of
from tests.asking import KEY, ask
from tests.loopback import Answer, chat, gemini

ANSWER = '{"solution": {"w": 7}}'
GEMINI = "gemini-3.5-flash-lite"


def message(**fields) -> Answer:
    body = chat(ANSWER).body
    body["choices"][0]["message"] |= fields
    return Answer(body=body)


def candidate(**fields) -> Answer:
    body = gemini(ANSWER).body
    body["candidates"][0] |= fields
    return Answer(body=body)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (message(content=[{"type": "text", "text": ANSWER}]), ""),
        (message(content=["", {"type": "output_text", "text": ANSWER}]), ""),
        (
            message(
                content=[
                    {"type": "thinking", "thinking": [{"type": "text", "text": "[1, 2]?"}]},
                    {"type": "text", "text": ANSWER[:5]},
                    {"type": "text", "text": ANSWER[5:]},
                ]
            ),
            "",
        ),
        (message(content=None, reasoning_content=ANSWER), "reasoning_content"),
        (message(content=" ", reasoning=ANSWER), "in reasoning"),
        (
            message(content=None, tool_calls=[{"function": {"name": "f", "arguments": ANSWER}}]),
            "a tool call",
        ),
        (message(content=None, function_call={"arguments": json.loads(ANSWER)}), "a tool call"),
        (message(content=json.loads(ANSWER)), ""),
    ],
)
def test_the_answer_is_read_wherever_it_is(answer, detail):
    reply = ask([answer]).reply
    assert json.loads(reply.text) == json.loads(ANSWER)
    assert detail in reply.detail
    assert reply.usage == Usage(100, 25)


def test_thinking_that_was_cut_off_is_no_answer_and_is_kept():
    answer = message(content="", reasoning_content="maybe [1, 2]")
    answer.body["choices"][0]["finish_reason"] = "length"
    reply = ask([answer]).reply
    assert (reply.text, reply.finish) == ("", "length")
    assert reply.detail == "all output tokens went into thinking: maybe [1, 2]"


def test_what_cannot_be_read_is_kept_as_it_came():
    answer = message(content=None, audio={"data": "abc" * RAW})
    reply = ask([answer]).reply
    assert reply.finish == "empty"
    assert '"audio"' in reply.detail
    assert RAW < len(reply.detail) < RAW + 100
    assert ask([Answer(body={"output": [ANSWER]})]).reply.detail.endswith(
        '; the answer: {"output": ["{\\"solution\\": {\\"w\\": 7}}"]}'
    )


ODD = [None, True, -1, 2.5, float("nan"), float("inf"), 10**18, 10**400, "many", [1], {"a": 1}]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:9])
def test_usage_that_makes_no_sense_counts_as_not_said(odd):
    usage = {"prompt_tokens": odd, "completion_tokens": 1}
    assert ask([chat(ANSWER, usage=usage)]).reply.usage is None
    details = {"reasoning_tokens": odd}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "completion_tokens_details": details}
    assert ask([chat(ANSWER, usage=usage)]).reply.usage == Usage(9, 1)
    counted = {"promptTokenCount": 7, "candidatesTokenCount": odd}
    assert ask([gemini(ANSWER, usage=counted)], GEMINI).reply.usage is None
    body = {**chat(ANSWER).body, "usage": odd}
    assert ask([Answer(body=body)]).reply.usage is None


def test_numbers_that_are_written_oddly_still_count():
    usage = {"prompt_tokens": "100", "completion_tokens": 25.0}
    assert ask([chat(ANSWER, usage=usage)]).reply.usage == Usage(100, 25)
    assert [count_of(value) for value in (0, "7", 3.0, "٣", "1_0")] == [0, 7, 3, None, None]


@pytest.mark.parametrize("odd", [None, 5, True, [1], {"a": 1}, "\ud800", "\0", "x" * 10**5])
@pytest.mark.parametrize("where", ["content", "finish_reason", "model", "refusal", "message"])
def test_no_type_of_a_field_loses_the_reply(odd, where):
    body = chat(ANSWER).body
    choice = body["choices"][0]
    {
        "content": choice["message"],
        "refusal": choice["message"],
        "model": body,
    }.get(where, choice)[where] = odd
    reply = ask([Answer(body=body)]).reply
    assert reply.usage == Usage(100, 25)
    if where in ("finish_reason", "model"):
        assert reply.text == ANSWER
    reply.text.encode()
    reply.model.encode()


@pytest.mark.parametrize("odd", [None, 5, "x", [1], {"a": 1}, [None], [{"text": 5}]])
@pytest.mark.parametrize(
    "where", ["candidates", "content", "parts", "finishReason", "modelVersion"]
)
def test_no_type_of_a_field_loses_geminis_reply(odd, where):
    body = gemini(ANSWER).body
    first = body["candidates"][0]
    holders = {"candidates": body, "modelVersion": body, "parts": first["content"]}
    holders.get(where, first)[where] = odd
    reply = ask([Answer(body=body)], GEMINI).reply
    assert reply.usage == Usage(100, 25, 5)
    if where == "modelVersion":
        assert reply.text == ANSWER


def test_the_arguments_of_a_function_call_are_read():
    call = {"functionCall": {"name": "f", "args": json.loads(ANSWER)}}
    reply = ask([candidate(content={"parts": [call]})], GEMINI).reply
    assert json.loads(reply.text) == json.loads(ANSWER)
    assert "function call" in reply.detail


def test_a_text_beyond_all_reason_is_cut_and_said():
    reply = build_reply(text="é" * (MAX_TEXT + 5), finish="stop", model="m", usage=None)
    assert len(reply.text) == MAX_TEXT
    assert reply.detail == "only the first 4,000,000 of 4,000,005 characters are kept"


@pytest.mark.parametrize("ends", ["\n\n", "\r\n\r\n"])
def test_a_stream_that_nobody_asked_for_is_read(ends):
    deltas = [{"role": "assistant"}, {"content": ANSWER[:4]}, {"content": ANSWER[4:]}]
    chunks = [{"model": "m", "choices": [{"delta": delta}]} for delta in deltas]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    chunks += [{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}]
    lines = [": hello", *(f"data: {json.dumps(chunk)}" for chunk in chunks), "data: [DONE]"]
    answer = Answer(body=ends.join(lines).encode(), content_type="text/event-stream")
    reply = ask([answer]).reply
    assert (reply.text, reply.finish, reply.model) == (ANSWER, "stop", "m")
    assert reply.usage == Usage(3, 4)


@pytest.mark.parametrize("framed", [True, False])
def test_geminis_stream_is_read(framed):
    parts = [gemini(ANSWER[:4]).body, gemini(ANSWER[4:]).body]
    text = json.dumps(parts)
    if framed:
        text = "\n\n".join(f"data: {json.dumps(part)}" for part in parts)
    reply = ask([Answer(body=text.encode())], GEMINI).reply
    assert (reply.text, reply.finish) == (ANSWER, "stop")


@pytest.mark.parametrize("model", ["openai:gpt", GEMINI])
@pytest.mark.parametrize(
    ("inside", "passing"),
    [
        ({"message": "slow down", "code": 429}, True),
        ({"message": "upstream failed", "code": "502"}, True),
        ({"message": "the model is overloaded"}, True),
        ({"message": "no such prompt", "code": 400}, False),
        ("no luck today", False),
    ],
)
def test_an_error_inside_a_200_is_an_error(model, inside, passing):
    good = gemini(ANSWER) if model == GEMINI else chat(ANSWER)
    found = ask([Answer(body={"id": "x", "error": inside}), good], model)
    words = inside if isinstance(inside, str) else inside["message"]
    if passing:
        assert words in found.reply.troubles[0]
    else:
        assert words in found.error.message
        assert len(found.asked) == 1


def test_an_error_inside_a_choice_is_an_error():
    broken = chat(None, finish="error", usage={"prompt_tokens": None})
    broken.body["choices"][0]["error"] = {"code": 502, "message": "the provider went away"}
    assert "the provider went away" in ask([broken, chat(ANSWER)]).reply.troubles[0]


def test_a_sample_that_the_server_finds_invalid_is_one_lost_sample():
    fault = {"message": "Failed to generate JSON.", "code": "json_validate_failed"}
    fault["failed_generation"] = '{"reasoning": "it'
    found = ask([Answer(400, {"error": fault}), chat(ANSWER)], times=2)
    lost, good = found.replies
    assert (lost.finish, lost.text, lost.usage) == ("invalid", '{"reasoning": "it', None)
    assert "Failed to generate JSON." in lost.detail
    assert good.text == ANSWER
    assert all(asked.body["response_format"]["type"] == "json_schema" for asked in found.asked)


@pytest.mark.parametrize("body", [[1, 2], 7, True, [], [["a"], None], 2.5])
@pytest.mark.parametrize("model", ["openai:gpt", "gemini-3.5-flash-lite"])
def test_json_that_is_no_object_is_paid_for_and_kept_and_not_bought_again(model, body):
    found = ask([Answer(body=body), chat("[1, 2]")], model, caps={"max_tokens": 10_000_000})
    assert len(found.asked) == 1
    assert (found.reply.text, found.reply.finish) == ("", "unreadable")
    assert json.loads(found.reply.detail.partition("the answer: ")[2]) == body
    assert found.budget.spent.tokens > 100  # as reserved


@pytest.mark.parametrize("model", ["openai:gpt", "gemini-3.5-flash-lite"])
def test_a_text_alone_is_an_answer(model):
    reply = ask([Answer(body=ANSWER)], model).reply
    assert (reply.text, reply.detail) == (ANSWER, "the answer is a text alone")


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"reasoning_content": "I think."}, "I think."),
        ({"reasoning": "I think.", "reasoning_content": "I think."}, "I think."),
        ({"thinking": [{"type": "thinking", "thinking": "I think."}]}, "I think."),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"text": ANSWER}]}, "Hm."),
        ({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, '"arguments": "{}"'),
        ({}, ""),
    ],
)
def test_what_comes_beside_the_answer_is_kept(fields, beside):
    reply = ask([message(**{"content": ANSWER, **fields})]).reply
    assert reply.text == ANSWER
    assert beside in reply.beside
    assert bool(beside) == bool(reply.beside)
    assert reply.beside.count("I think.") <= 1


def test_further_choices_and_an_error_beside_the_answer_are_kept():
    answer = message(content=ANSWER)
    answer.body["choices"].append({"index": 1, "message": {"content": "[3, 4]"}})
    answer.body["error"] = {"message": "the node went away"}
    reply = ask([answer]).reply
    assert reply.text == ANSWER
    assert "[3, 4]" in reply.beside
    assert reply.detail == "with an error: the node went away"


def test_geminis_thinking_and_further_candidates_are_kept():
    answer = gemini(ANSWER, thought="I think.")
    answer.body["candidates"].append({"content": {"parts": [{"text": "[3, 4]"}]}})
    answer.body["candidates"][0]["content"]["parts"].append({"functionCall": {"args": {"a": 1}}})
    reply = ask([answer], "gemini-3.5-flash-lite").reply
    assert reply.text == ANSWER
    assert [word in reply.beside for word in ("I think.", "[3, 4]", '"a": 1')] == [True] * 3


def test_a_key_beside_the_answer_is_removed_too():
    reply = ask([message(content=ANSWER, reasoning_content=f"My key is {KEY}.")]).reply
    assert reply.beside == "My key is [key]."


def test_nothing_beside_the_answer_is_nothing_in_the_log():
    assert "beside" not in to_json(Replied(1, 0, ask([message(content=ANSWER)]).reply))["reply"]
