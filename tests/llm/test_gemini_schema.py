"""Schemas against a server that applies the documented rules of Gemini's dialect."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from opro_cli.llm.gemini.schema import dialect
from opro_cli.problems.spaces.choices import Choices
from tests.loopback import Answer, error, gemini

MODEL = ("--model", "gemini-3.5-flash-lite", "--display", "none")
TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
KNOWN = {
    *("type", "enum", "items", "properties", "required", "propertyOrdering", "description"),
    *("minimum", "maximum", "minItems", "maxItems", "nullable", "format", "anyOf", "title"),
}
TOO_MANY = (
    "The specified schema produces a constraint that has too many states for serving. Typical "
    "causes of this error are schemas with lots of text, with long array length limits, or using "
    "complex value matchers (for example, integers or numbers with minimum/maximum bounds)."
)


def fault(schema: Any, at: str = "response_schema") -> str:
    """What the server finds wrong with a schema; empty for nothing."""
    kind = schema.get("type")
    if kind not in TYPES:
        return f"Invalid value at 'generation_config.{at}.type': {kind!r}"
    for key in schema:
        if key not in KNOWN:
            return f"Unknown name \"{key}\" at 'generation_config.{at}': Cannot find field."
    if "enum" in schema:
        if not all(isinstance(value, str) and value for value in schema["enum"]):
            return f"Invalid value at 'generation_config.{at}.enum' (TYPE_STRING)"
        if kind != "STRING":
            return f"GenerateContentRequest.generation_config.{at}.enum: only allowed for STRING"
    inner = [(f"properties[{name}]", part) for name, part in schema.get("properties", {}).items()]
    inner += [("items", schema["items"])] if "items" in schema else []
    return next((found for where, part in inner if (found := fault(part, f"{at}.{where}"))), "")


def states(schema: Any) -> int:
    """How many states the schema makes: bounds of numbers and of lengths make many."""
    count = sum(key in schema for key in ("minimum", "maximum"))
    repeated = schema.get("maxItems", 1)
    inner = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    return count + repeated * sum(map(states, inner), len(inner))


class Strict:
    """Answers with a random object of the schema, or refuses the schema."""

    def __init__(self, most: int = 60, plain: Any = None) -> None:
        self.most, self.plain, self.schemas, self.count = most, plain, [], 0

    def __call__(self, asked) -> Answer:
        schema = asked.body["generationConfig"].get("responseSchema")
        self.schemas.append(schema)
        self.count += 1
        if schema is None:
            return gemini(json.dumps({"reasoning": "r", "solution": self.plain(self.count)}))
        if said := fault(schema):
            return error(400, "INVALID_ARGUMENT", said)
        if states(schema) > self.most:
            return error(400, "INVALID_ARGUMENT", TOO_MANY)
        return gemini(json.dumps(self.made(schema, random.Random(self.count))))

    def made(self, schema: Any, rng: random.Random, name: str = "") -> Any:
        match schema:
            case {"enum": choices}:
                return rng.choice(choices)
            case {"type": "OBJECT", "properties": inner}:
                return {key: self.made(part, rng, key) for key, part in inner.items()}
            case {"type": "ARRAY", "items": items}:
                if "maxItems" not in schema and self.plain is not None:
                    return self.plain(self.count)
                return [self.made(items, rng) for _ in range(schema.get("maxItems", 2))]
            case {"type": "STRING"}:
                return "because"
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        return rng.randint(int(low), int(high)) if schema["type"] == "INTEGER" else low


def used(opro) -> dict[str, int]:
    run = next(Path("runs").glob("*/events.jsonl"))
    events = [json.loads(line) for line in run.read_text().splitlines()]
    found: dict[str, int] = {}
    for event in events:
        for solution in event.get("readings", ()):
            found[solution["fate"]] = found.get(solution["fate"], 0) + 1
    return found


def test_the_packaged_example_with_choices_runs(opro, serve):
    server = Strict()
    serve(server)
    done = opro(
        *("run-opro", "--preset", "custom-example", *MODEL, "--reps", "1", "--max-steps", "1"),
        *("--points-per-step", "2", "--set", "problem.num_starts=1"),
        *("--set", "problem.workers=1"),
    )
    assert done.exit_code == 0, done.stderr
    assert set(used(opro)) <= {"used", "known", "duplicate", "spare"}
    kernel = server.schemas[0]["properties"]["solution"]["properties"]["kernel"]
    assert kernel["type"] == "STRING"


def custom(opro, parameters: str, *more: str):
    Path("f.py").write_text("def loss(**x):\n    return float(sum(map(bool, x.values())))\n")
    Path("p.yaml").write_text(
        "problem:\n  kind: custom\n  objective: f.py:loss\n  num_starts: 2\n"
        f"  parameters: {parameters}\n"
    )
    return opro(
        *("run-opro", "--preset", "p.yaml", *MODEL, "--reps", "1", "--max-steps", "2"),
        *("--points-per-step", "2", "--strategy", "paper", *more),
    )


def test_choices_that_are_numbers_booleans_or_nothing_come_back_as_they_are(opro, serve):
    server = Strict()
    serve(server)
    done = custom(
        opro,
        "{n: {choices: [16, 32, 64]}, r: {choices: [0.5, 1.0]}, b: {choices: [true, false]},"
        " o: {choices: [adam, sgd, null]}}",
    )
    assert done.exit_code == 0, done.stderr
    assert set(used(opro)) <= {"used", "known", "duplicate", "spare"}
    enum = server.schemas[0]["properties"]["solution"]["properties"]
    assert enum["n"]["enum"] == ["16", "32", "64"]
    assert enum["b"]["enum"] == ["true", "false"]
    assert enum["o"]["enum"] == ["adam", "sgd", "null"]
    assert len(server.schemas) == server.count == 4


@pytest.mark.parametrize(
    "choice", [16, 0.5, 1e-05, 1e22, True, False, None, "a b".replace(" ", "-")]
)
def test_a_choice_is_read_back_from_its_text(choice):
    space = Choices("x", (choice, "other"))
    (text, _) = dialect({"enum": [choice, "other"]})["enum"]
    found = space.parse(text)
    assert found == choice
    assert type(found) is type(choice)


def test_fifty_parameters_are_asked_for_with_less_of_a_schema(opro, serve):
    server = Strict()
    serve(server)
    names = ", ".join(f"x{i}: {{low: 0, high: 1}}" for i in range(50))
    done = custom(opro, f"{{{names}}}", "--concurrency", "1")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("the schema is sent without bounds") == 1
    bounded = ["minimum" in json.dumps(schema) for schema in server.schemas]
    assert bounded == [True, False, False, False, False]
    assert set(used(opro)) <= {"used", "known", "duplicate", "spare"}


def test_tours_of_fifty_cities(opro, serve):
    def tour(count):
        cities = list(range(50))
        random.Random(count).shuffle(cities)
        return cities

    server = Strict(plain=tour)
    serve(server)
    done = opro(
        *("run-opro", "--preset", "tsp50", *MODEL, "--reps", "1", "--max-steps", "1"),
        *("--points-per-step", "2", "--concurrency", "1"),
    )
    assert done.exit_code == 0, done.stderr
    assert "used" in used(opro)
    assert set(used(opro)) <= {"used", "known", "duplicate", "spare"}


def test_a_server_that_takes_no_schema_at_all(opro, serve):
    server = Strict(most=0, plain=lambda count: {"w": count, "b": 3})
    serve(server)
    done = opro(
        *("run-opro", "--preset", "exp1", *MODEL, "--target", "w=15,b=14", "--reps", "1"),
        *("--max-steps", "1", "--points-per-step", "2", "--concurrency", "1"),
    )
    assert done.exit_code == 0, done.stderr
    assert [schema is None for schema in server.schemas] == [False, False, True, True]
    assert "JSON is asked for without a schema" in done.stderr
