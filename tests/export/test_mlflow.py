"""The export to MLflow, against its own server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from opro_cli.core.events import Stepped
from opro_cli.runs.store import RunStore
from tests.loopback import gemini, solution

pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of MLflow's server, which the whole package `mlflow` brings."""
    if find_spec("mlflow.server") is None or find_spec("fastapi") is None or not find_spec("flask"):
        pytest.skip("MLflow's server is not installed: pip install mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/m.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = (folder / "log").open("w")
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2).read()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_run_is_there_once_with_its_curve_its_settings_and_the_report(opro, server):
    from mlflow import MlflowClient

    opro("run-baseline", "exp1", "-O", "random", "--target", "w=15,b=14", "--reps", "1",
         "--max-evaluations", "30", "--display", "none")  # fmt: skip
    (run,) = RunStore(Path("runs")).all()[0]
    words = ("export", "latest", "--to", "mlflow", "--endpoint", server)
    first = opro(*words)
    assert first.exit_code == 0, first.stderr
    again = opro(*words)
    assert "1 unchanged" in again.stderr
    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("opro/exp1")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.data.tags["opro.run"] == run.id
    assert found.info.status == "FINISHED"
    assert found.data.params["target.w"] == "15"
    best = {m.step: m.value for m in client.get_metric_history(found.info.run_id, "best_value")}
    steps = [e.event.step for e in run.log() if isinstance(e.event, Stepped)]
    assert sorted(best) == [0, *steps]
    assert list(best.values()) == sorted(best.values(), reverse=True)
    names = [artifact.path for artifact in client.list_artifacts(found.info.run_id)]
    assert len(names) == 1
    assert names[0].startswith("report.")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_run_that_has_gone_on_gets_only_what_is_new(opro, server, serve):
    from mlflow import MlflowClient

    serve([gemini(solution(w, 20 - w)) for w in range(8, 30)])
    opro("run-opro", "exp2", "--target", "w=2,b=30", "--model", "gemini-3.5-flash-lite",
         "--strategy", "paper", "--points-per-step", "2", "--max-steps", "3", "--reps", "1",
         "--max-calls", "2", "--display", "none")  # fmt: skip
    words = ("export", "latest", "--to", "mlflow", "--endpoint", server)
    assert opro(*words).exit_code == 0
    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("opro/exp2").experiment_id
    (paused,) = client.search_runs([experiment])
    assert paused.info.status == "KILLED"
    opro("resume", "--max-calls", "100", "--display", "none")
    assert opro(*words).exit_code == 0
    (whole,) = client.search_runs([experiment])
    assert whole.info.status == "FINISHED"
    history = client.get_metric_history(whole.info.run_id, "best_value")
    assert [m.step for m in sorted(history, key=lambda m: m.step)] == [0, 1, 2, 3]


@pytest.mark.long
def test_mlflow_takes_our_traces_too(opro, server, monkeypatch):
    pytest.importorskip("opentelemetry.proto", reason="the extra `otlp` is not installed")
    from mlflow import MlflowClient

    opro("run-baseline", "exp1", "-O", "random", "--target", "w=15,b=14", "--reps", "1",
         "--max-evaluations", "12", "--display", "none")  # fmt: skip
    client = MlflowClient(tracking_uri=server)
    key = client.create_experiment("traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-mlflow-experiment-id={key}")
    for _ in range(2):  # the second time, it has these spans already
        done = opro("export", "latest", "--to", "otlp", "--endpoint", server)
        assert done.exit_code == 0, done.stderr
    traces = client.search_traces(locations=[key])
    assert len(traces) == 1


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_is_not_there_is_an_error(opro, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    opro("run-sgd", "exp1", "--target", "w=15,b=14", "--display", "none")
    done = opro("export", "latest", "--to", "mlflow", "--endpoint", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "MLflow at http://127.0.0.1:1 has not taken" in done.stderr
