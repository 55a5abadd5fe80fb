"""Whatever a model says: nothing executes, hides, escapes a cell, or ends a run."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from opro_cli.core.events import MAX_TEXT, STATUSES
from tests.chains import only_run, open_events
from tests.loopback import gemini, solution

NASTY = {
    "markup": "[bold red]x[/bold red] [link=http://x]y[/link] [/]",
    "ansi": "\x1b[2J\x1b[31mred\x1b[0m",
    "osc": "\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b]52;c;aGk=\x07",
    "control": "a\x00b\x08\x7f\x85\x9b31m\r\nover",
    "direction": "\u202eabc\u2066def\u200b\ufeff\u2028",
    "markdown": "| a | `b` | **c** | [d](javascript:x) <img src=x onerror=y> $x$",
    "html": "<script>alert(1)</script>&lt;",
    "digits": "9" * 10_000_000,
    "1e999": '{"reasoning": "", "solution": {"w": 1e999, "b": 1}}',
    "0x10": '{"reasoning": "", "solution": {"w": "0x10", "b": 1}}',
    "wide": '{"reasoning": "", "solution": {"w": "１２", "b": 1}}',
    "--5": '{"reasoning": "", "solution": {"w": "--5", "b": 1}}',
    "nested": "[" * 100_000,
    "objects": '{"a":' * 50_000,
    "nan": '{"reasoning": "", "solution": {"w": NaN, "b": Infinity}}',
    "huge": '{"reasoning": "", "solution": {"w": 1e308, "b": -1e308}}',
    "empty": "   ",
}
SMALL = ("--target", "w=15,b=14", "--points-per-step", "1", "--max-steps", "1", "--reps", "1")


def harmless(text: str) -> bool:
    """Only line breaks and characters that show."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp") for c in text)


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("display", ["plain", "rich", "json"])
def test_a_reply_of_any_content_is_kept_counted_and_shown_harmless(opro, serve, name, display):
    if name in ("digits", "nested", "objects") and display != "plain":
        display = "none"
    serve([gemini(NASTY[name], model=f"gemini-3.5-flash-lite-{NASTY[name][:60]}")])
    done = opro("run-opro", "--preset", "exp1", *SMALL, "--display", display)
    assert done.exit_code == 0, done.stderr
    kept = [e["reply"]["text"] for e in open_events(only_run()) if e["type"] == "replied"]
    assert kept == [NASTY[name][:MAX_TEXT]]
    (reading,) = open_events(only_run())[-2]["readings"]
    assert reading["fate"] in set(STATUSES) - {"used", "known"}
    outputs = [done.stdout, done.stderr if display != "rich" else ""]
    for words in (
        ("runs", "show", "latest"),
        ("runs", "show", "latest", "--step", "1"),
        ("runs", "list"),
        ("report", "--format", "html"),
        ("report",),
        ("report", "--format", "markdown"),
        ("report", "--format", "csv"),
        ("replay", "runs"),
    ):
        outputs.append(opro(*words).stdout)
    for output in outputs:
        assert harmless(output), output[:300]
    assert "alert" not in outputs[-5]  # in a page, replies are compressed
    markdown = outputs[-3]
    assert "<script" not in markdown
    assert "<img" not in markdown
    for table in markdown.split("\n\n"):
        rows = [row for row in table.splitlines() if row[:1] == "|"]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1
    if display == "rich":
        assert "\x1b[2J" not in done.stderr
        assert "\x1b]" not in done.stderr


@pytest.mark.parametrize("name", ["markup", "ansi", "osc", "control", "direction", "markdown"])
def test_a_reasoning_of_any_content_goes_with_a_good_solution(opro, serve, name):
    serve([gemini(solution(1, 2, NASTY[name]))])
    done = opro("run-opro", "--preset", "exp1", *SMALL, "--display", "plain")
    assert done.exit_code == 0
    assert harmless(done.stderr)
    assert harmless(opro("runs", "show", "latest", "--step", "1").stdout)
    assert open_events(only_run())[-2]["pairs"][0]["point"] == [1, 2]


@pytest.mark.parametrize("name", NASTY)
def test_an_error_of_any_content_is_a_sentence(opro, serve, name):
    from tests.loopback import Answer

    text = NASTY[name][:100_000]
    serve([Answer(400, {"error": {"code": 400, "message": text, "status": text[:80]}})])
    done = opro("run-opro", "--preset", "exp1", *SMALL, "--display", "plain")
    assert done.exit_code == 1
    assert harmless(done.stderr + done.stdout)
    assert len(done.stderr) < 10_000
    assert json.loads(opro("runs", "list", "--json").stdout)["state"] == "failed"
    assert harmless(opro("report", "--format", "markdown").stdout)
    assert harmless(opro("runs", "show", "latest").stdout)


@pytest.mark.parametrize("name", ["../../up", "a\x00b", "a\nb", "\x1b[31m", "x" * 5000, "..", "."])
def test_a_preset_of_any_name_is_refused_in_a_sentence(opro, name):
    for words in (("sweep", name), ("run-sgd", "--preset", name), ("run-opro", "-p", name)):
        done = opro(*words)
        assert done.exit_code == 2, done.output[:300]
        assert harmless(done.stderr)
        assert len(done.stderr) < 3000
