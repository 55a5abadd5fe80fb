"""A key is in the environment, every command is run to success and to failure, and no file and no
stream holds the key, in any encoding that a URL, JSON or a header would give it."""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
import traceback
import urllib.parse
from pathlib import Path

import pytest

from tests.loopback import Answer, error, gemini, solution

KEY = 'AIza-mark+er/=%"&<\\key'
SMALL = ("--target", "w=15,b=14", "--points-per-step", "2", "--max-steps", "2", "--reps", "1")


def forms() -> set[bytes]:
    """The key as it might be written."""
    quoted = (urllib.parse.quote(KEY, safe=""), urllib.parse.quote(KEY))
    plus = urllib.parse.quote_plus(KEY)
    escaped = (json.dumps(KEY)[1:-1], json.dumps(json.dumps(KEY)[1:-1])[1:-1], repr(KEY)[1:-1])
    coded = base64.b64encode(KEY.encode()).decode().rstrip("=")
    found = {KEY, *quoted, plus, *escaped, coded, html.escape(KEY), KEY.encode().hex()}
    return {text.encode() for text in found}


FAULTS = {
    "success": gemini(solution(1, 2)),
    "bad key": error(400, "INVALID_ARGUMENT", f"API key not valid: {KEY}."),
    "not json": Answer(body=f"<html>{KEY}</html>".encode(), content_type="text/html"),
    "forbidden": error(403, "PERMISSION_DENIED", f"Key {urllib.parse.quote(KEY)} is not allowed."),
    "redirect": Answer(307, {}, headers={"Location": f"http://127.0.0.1:9/?key={KEY[:9]}"}),
    "cut": Answer(hang=True),
    "its reply": gemini(json.dumps({"reasoning": KEY, "solution": KEY})),
    "its model": gemini(solution(1, 2), model=KEY),
}
COMMANDS = [
    ("run-opro", "--preset", "exp1", *SMALL),
    ("run-opro", "--preset", "exp1", *SMALL, "--strict-model"),
    ("run-opro", "--preset", "exp1", *SMALL, "--dry-run"),
    ("run-opro", "--preset", "exp1", *SMALL, "--print-config"),
    ("run-opro", "--preset", "nowhere"),
    ("sweep", "exp1", *SMALL, "--json", "--display", "json"),
    ("run-sgd", "--preset", "exp3"),
    ("resume",),
    ("report", "--format", "json"),
    ("report", "--format", "csv"),
    ("runs", "list", "--json"),
    ("runs", "show", "latest"),
    ("runs", "show", "latest", "--step", "1"),
    ("runs", "diff", "latest", "latest"),
    ("replay", "runs"),
    ("presets",),
]


CASES = [*((fault, "environment") for fault in FAULTS), ("success", ".env"), ("bad key", ".env")]


@pytest.mark.parametrize(("fault", "where"), CASES)
def test_the_key_is_nowhere(serve, monkeypatch, opro, fault, where):
    serve([FAULTS[fault]], key=KEY)
    if where == ".env":
        monkeypatch.delenv("GEMINI_API_KEY")
        Path(".env").write_text(f"GEMINI_API_KEY='{KEY}'\n".replace("\\", "\\\\"))
    said = b""
    for words in COMMANDS:
        quick = ("--set", "limits.attempts=1") if words[0] in ("run-opro", "sweep") else ()
        failing = words in (COMMANDS[0], ("resume",), ("run-opro", "--preset", "nowhere"))
        for debug in ((), ("--debug",)) if failing else ((),):
            done = opro(*words, *quick, *debug)
            said += done.stdout.encode() + done.stderr.encode()
            if done.exception is not None:
                said += "".join(traceback.format_exception(done.exception)).encode()
    sources = {Path(".env")} if where == ".env" else set()
    files = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert len(files) > 3
    for form in forms():
        assert form not in said, form
        for path, content in files.items():
            assert path in sources or form not in content, (path, form)


def test_the_key_is_in_no_stream_of_a_real_process(serve):
    serve([FAULTS["bad key"]], key=KEY)
    for words in (COMMANDS[0], ("resume",)):
        command = [sys.executable, "-X", "dev", "-m", "opro_cli", *words, "--debug"]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 1
        assert not any(form in done.stdout + done.stderr for form in forms())


def test_an_objective_that_raises_the_key_or_returns_it_shows_it_nowhere(serve, opro):
    serve([gemini(json.dumps({"reasoning": KEY, "solution": {"x": 3}}))], key=KEY)
    said = b""
    for number, ending in enumerate(("raise RuntimeError(key)", "return key")):
        Path(f"loss{number}.py").write_text(f"key = {KEY!r}\ndef loss(x):\n    {ending}\n")
        Path(f"mine{number}.yaml").write_text(
            f"problem: {{kind: custom, objective: 'loss{number}.py:loss', num_starts: 2,\n"
            "          parameters: {x: {low: 0, high: 9}}}\n"
        )
        words = ("run-opro", "-p", f"./mine{number}.yaml", "--points-per-step", "1")
        for command in (
            (*words, "--max-steps", "1", "--display", "plain"),
            (*words, "--max-steps", "1", "--display", "json", "--json", "--fresh"),
            ("runs", "show", "latest"),
            ("runs", "show", "latest", "--step", "1"),
            ("report",),
            ("replay", "runs"),
        ):
            done = opro(*command)
            said += done.stdout.encode() + done.stderr.encode()
    assert b"[key]" in said
    files = [path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()]
    assert len(files) > 6
    for form in forms():
        assert form not in said
        assert not any(form in content for content in files)


def test_a_key_in_the_command_is_not_recorded(serve, opro, monkeypatch):
    serve([gemini(solution(1, 2))], key=KEY)
    monkeypatch.setattr(sys, "argv", ["opro", "run-opro", "--set", f"description={KEY}"])
    opro(*COMMANDS[0], "--display", "none")
    for path in Path("runs").rglob("*.json*"):
        assert not any(form in path.read_bytes() for form in forms()), path
