"""What is exported is what the log holds, each time the same, and goes where the user says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opro_cli.core.events import Replied, Stepped
from opro_cli.export import TARGETS
from opro_cli.export.course import read_course
from opro_cli.export.otlp import headers_of
from opro_cli.runs.store import RunStore
from tests.loopback import Answer, Loopback, error, gemini, solution

KEY = "AIza-marker-key-0123456789"
REASON = "because-of-this"


@pytest.fixture
def run(serve, opro):
    """The log of one run of a hosted model, in which one call had to be repeated."""
    answers = [error(503, "UNAVAILABLE", "busy")]
    answers += [gemini(solution(w, 20 - w, REASON)) for w in range(8, 30)]
    serve(answers, key=KEY)
    done = opro(
        *("run-opro", "exp1", "--target", "w=15,b=14", "--model", "gemini-3.5-flash-lite"),
        *("--strategy", "paper", "--points-per-step", "2", "--max-steps", "3", "--reps", "1"),
        *("--display", "none", "--set", "limits.attempts=3"),
    )
    assert done.exit_code == 0, done.stderr
    (found,) = RunStore(Path("runs")).all()[0]
    return found


def spans(text: str) -> list[dict]:
    """The spans in a file of OTLP's JSON lines, with their attributes by name."""
    found = []
    for line in text.splitlines():
        for part in json.loads(line)["resourceSpans"]:
            found += [span for scope in part["scopeSpans"] for span in scope["spans"]]
    for span in found:
        values = {item["key"]: item["value"] for item in span["attributes"]}
        span["attributes"] = {key: next(iter(value.values())) for key, value in values.items()}
    return found


def calls(found: list[dict]) -> list[dict]:
    return [span for span in found if "gen_ai.operation.name" in span["attributes"]]


def test_a_trace_has_the_run_its_steps_and_every_reply_of_the_log(run, opro):
    assert opro("export", "latest", "--to", "otlp", "-o", "t.jsonl").exit_code == 0
    found = spans(Path("t.jsonl").read_text())
    (root,) = [span for span in found if "parentSpanId" not in span]
    replies = [logged.event.reply for logged in run.log() if isinstance(logged.event, Replied)]
    steps = [span for span in found if span.get("parentSpanId") == root["spanId"]]
    assert len(steps) == sum(isinstance(logged.event, Stepped) for logged in run.log())
    assert len({span["traceId"] for span in found}) == 1
    assert len({span["spanId"] for span in found}) == len(found)
    made = [span for span in calls(found) if "status" not in span]
    assert [int(s["attributes"]["gen_ai.usage.input_tokens"]) for s in made] == [
        reply.usage.input for reply in replies
    ]
    for span, reply in zip(made, replies, strict=True):
        about = span["attributes"]
        assert span["parentSpanId"] in {step["spanId"] for step in steps}
        assert about["gen_ai.provider.name"] == "gcp.gemini"
        assert about["gen_ai.response.model"] == reply.model
        assert about["server.address"] == "127.0.0.1"
        assert json.loads(about["gen_ai.output.messages"])[0]["parts"][0]["content"] == reply.text
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert int(root["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
    (failed,) = [span for span in calls(found) if "status" in span]
    assert "503" in failed["status"]["message"]
    best = read_course(run).record.totals.best[1]
    assert root["attributes"]["opro.best_value"] == best


def test_the_same_run_always_makes_the_same_file(run, opro):
    for name in ("a.jsonl", "b.jsonl"):
        assert opro("export", run.id, "--to", "otlp", "-o", name).exit_code == 0
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()


def test_every_name_of_the_conventions_is_theirs(run, opro):
    module = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known = {value for value in vars(module).values() if isinstance(value, str)}
    opro("export", run.id, "--to", "otlp", "-o", "t.jsonl")
    used = {key for s in spans(Path("t.jsonl").read_text()) for key in s["attributes"]}
    ours = {key for key in used if key.startswith("gen_ai.")}
    assert len(ours) > 9
    assert not ours - known
    providers = {item.value for item in module.GenAiProviderNameValues}
    from opro_cli.export.spans import PROVIDERS

    assert set(PROVIDERS.values()) <= providers


def received(server: Loopback):
    """The spans that a receiver reads with the protocol's own classes."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for asked in server.asked:
        raw = asked.body if isinstance(asked.body, bytes) else asked.body.encode()
        request = ExportTraceServiceRequest.FromString(raw)
        for part in request.resource_spans:
            for scope in part.scope_spans:
                yield from scope.spans


def test_a_receiver_gets_the_same_spans_as_a_file(run, opro, monkeypatch):
    pytest.importorskip("opentelemetry.proto", reason="the extra `otlp` is not installed")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Auth=secret%20word,x-id=7")
    server = Loopback([Answer(503, b"", headers={"Retry-After": "0"}), Answer(body=b"")])
    with server.serving() as url:
        done = opro("export", run.id, "--to", "otlp", "--endpoint", url)
    assert done.exit_code == 0, done.stderr
    assert {asked.path for asked in server.asked} == {"/v1/traces"}
    assert server.asked[0].headers["x-auth"] == "secret word"
    assert server.asked[0].headers["content-type"] == "application/x-protobuf"
    server.asked.pop(0)  # it was refused, and sent again
    opro("export", run.id, "--to", "otlp", "-o", "t.jsonl")
    wanted = spans(Path("t.jsonl").read_text())
    found = list(received(server))
    assert [s.span_id.hex() for s in found] == [s["spanId"] for s in wanted]
    assert [s.trace_id.hex() for s in found] == [s["traceId"] for s in wanted]
    assert [s.start_time_unix_nano for s in found] == [int(s["startTimeUnixNano"]) for s in wanted]
    assert [len(s.attributes) for s in found] == [len(s["attributes"]) for s in wanted]


def test_what_a_receiver_rejects_is_said(run, opro):
    module = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    said = module.ExportTraceServiceResponse()
    said.partial_success.rejected_spans = 3
    said.partial_success.error_message = "too old"
    with Loopback([Answer(body=said.SerializeToString())]).serving() as url:
        done = opro("export", run.id, "--to", "otlp", "--endpoint", f"{url}/v1/traces")
    assert "rejected 3 spans: too old" in done.stderr


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_receiver_that_refuses_is_an_error_without_the_key(run, opro, monkeypatch, status):
    pytest.importorskip("opentelemetry.proto", reason="the extra `otlp` is not installed")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret-of-mine")
    answer = Answer(status, {"message": "no, secret-of-mine"}, headers={"Location": "http://x/"})
    with Loopback([answer]).serving() as url:
        done = opro("export", run.id, "--to", "otlp", "--endpoint", url)
    assert done.exit_code == 1
    assert f"answered {status}" in done.stderr
    assert "secret-of-mine" not in done.stderr


def test_without_texts_nothing_of_a_prompt_or_a_reply_leaves(run, opro):
    for target, place in (("otlp", "t.jsonl"), ("ro-crate", "crate")):
        assert opro("export", run.id, "--to", target, "-o", place, "--no-texts").exit_code == 0
    files = [Path("t.jsonl"), *(p for p in Path("crate").rglob("*") if p.is_file())]
    assert len(files) >= 3
    for path in files:
        assert REASON not in path.read_text(), path
        assert "messages" not in path.read_text(), path
    assert opro("export", run.id, "--to", "otlp", "-o", "t.jsonl").exit_code == 0
    assert REASON in Path("t.jsonl").read_text()


def test_a_key_in_a_log_is_not_exported(run, opro, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", REASON)  # as if a reply had held it
    opro("export", run.id, "--to", "otlp", "-o", "t.jsonl")
    assert REASON not in Path("t.jsonl").read_text()
    done = opro("export", run.id, "--to", "ro-crate", "-o", "crate")
    assert done.exit_code == 1
    assert "holds a key of the environment" in done.stderr


def test_a_crate_has_every_file_and_says_what_made_it(run, opro):
    assert opro("export", run.id, "--to", "ro-crate", "-o", "crate").exit_code == 0
    data = json.loads(Path("crate/ro-crate-metadata.json").read_text())
    graph = {entity["@id"]: entity for entity in data["@graph"]}
    assert len(graph) == len(data["@graph"])
    metadata, root = graph["ro-crate-metadata.json"], graph["./"]
    assert metadata["about"] == {"@id": "./"}
    assert metadata["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert {"name", "description", "datePublished", "license"} <= set(root)
    listed = {part["@id"] for part in root["hasPart"]}
    there = {str(p.relative_to("crate")) for p in Path("crate").rglob("*") if p.is_file()}
    assert there - listed == {"ro-crate-metadata.json"}
    assert listed <= set(graph)
    action = graph[f"#{run.id}"]
    assert action["@type"] == "CreateAction"
    assert graph[action["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert action["actionStatus"].endswith("CompletedActionStatus")
    assert {part["@id"] for part in [*action["object"], *action["result"]]} <= listed
    for name in ("run.json", "events.jsonl"):
        copied = Path(f"crate/runs/{run.id}/{name}")
        assert copied.read_bytes() == (run.path / name).read_bytes()
    replayed = opro("replay", "crate/runs")
    assert replayed.exit_code == 0, replayed.stderr


def test_a_crate_is_written_again_over_itself_and_over_nothing_else(run, opro):
    for _ in range(2):
        assert opro("export", run.id, "--to", "ro-crate", "-o", "crate").exit_code == 0
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    done = opro("export", run.id, "--to", "ro-crate", "-o", "mine")
    assert done.exit_code == 2
    assert sorted(p.name for p in Path("mine").iterdir()) == ["thesis.txt"]


def test_a_reader_of_crates_finds_the_files_and_the_action(run, opro):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="the package rocrate is not installed")
    opro("export", run.id, "--to", "ro-crate", "-o", "crate")
    crate = rocrate.ROCrate("crate")
    assert crate.name == "Runs of opro: exp1"
    (action,) = [e for e in crate.contextual_entities if e.type == "CreateAction"]
    assert action["instrument"]["name"] == "opro"
    assert {e.id for e in crate.data_entities} >= {f"runs/{run.id}/events.jsonl", "report.csv"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "otlp"), "no place to go to"),
        (("--to", "otlp", "-o", "x", "--endpoint", "http://h"), "exclude each other"),
        (("--to", "ro-crate", "--endpoint", "http://h"), "no server's"),
        (("--to", "mlflow", "-o", "x"), "is a server's"),
        (("--to", "wandb", "-o", "x"), "no export target 'wandb'"),
        (("--to", "otlp", "--endpoint", "localhost:4318"), "is no address"),
        (("--to", "otlp", "--endpoint", "http://me:pw@h"), "holds credentials"),
    ],
)
def test_what_cannot_be_is_said_first(opro, words, said):
    done = opro("export", "latest", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_a_package_the_extra_is_named(opro, monkeypatch):
    monkeypatch.setattr("opro_cli.export.otlp.find_spec", lambda name: None)
    monkeypatch.setattr("opro_cli.export.mlflow.find_spec", lambda name: None)
    for target in ("otlp", "mlflow"):
        done = opro("export", "latest", "--to", target, "--endpoint", "http://127.0.0.1:1")
        assert f"opro-cli[{target}]" in done.stderr


def test_headers_are_read_as_the_standard_writes_them():
    assert headers_of("a=b, c=d%2Ce=") == {"a": "b", "c": "d,e="}
    assert headers_of("") == {}
    for wrong in ("a", "=b", "a=b\nc", "a=ü"):
        with pytest.raises(Exception, match="holds no headers"):
            headers_of(wrong)


def test_every_target_says_in_a_line_what_it_is():
    for name in TARGETS:
        assert TARGETS[name].summary
        assert TARGETS[name].to_path or TARGETS[name].to_server
