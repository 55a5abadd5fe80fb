"""Every snippet of docs/python.md runs, in order, and prints what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.loopback import Answer, Asked, gemini

PAGE = (Path(__file__).parent.parent.parent / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.DOTALL)


def value_of(schema: dict[str, Any], number: int) -> Any:
    """A value that a schema allows, another one for each number."""
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    low, high = schema.get("minimum", 0), schema.get("maximum", 1)
    part = low + (high - low) * (number * 0.618 % 1)
    return int(part) if schema["type"] == "integer" else float(f"{part:.3g}")


def answer(asked: Asked) -> Answer:
    """As an optimizer, another solution each time; as a scorer, always the same label."""
    answer.count = number = getattr(answer, "count", 0) + 1  # type: ignore[attr-defined]
    config = asked.body["generationConfig"]
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    text = asked.body["contents"][0]["parts"][0]["text"]
    if schema is None:
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        return gemini(f"<INS>Say the {word}.</INS>" if "<INS>" in text else "good")
    names = schema["properties"]["solution"]["properties"]
    found = {name: value_of(part, number) for name, part in names.items()}
    return gemini(json.dumps({"reasoning": "", "solution": found}))


def test_every_snippet_of_the_page_runs(serve, capsys):
    serve(answer)
    space: dict[str, Any] = {}
    assert len(BLOCKS) > 10
    for code, printed in BLOCKS:
        exec(compile(code, "docs/python.md", "exec"), space)
        said = capsys.readouterr().out
        assert "False" not in said, code
        if printed:
            assert said == printed, code
