"""Model files from the hub: the real client, and a server on the loopback interface."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.llm.local import gguf, hub, model_file
from opro_cli.llm.local.known import KNOWN, HubName, KnownModel

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")

REPO = "nobody/Small-GGUF"
NAME = "hf.co/nobody/Small-GGUF:Q4_K_M"


class Hub:
    """A repository of one server: the requests of the real client for metadata and files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut = 0
        """Bytes after which the first download is cut off; 0 for never."""
        self.asked: list[tuple[str, str, str]] = []
        self.says = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.tags = ["gguf", "license:apache-2.0"]

    def info(self) -> bytes:
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "lfs": {"sha256": self.says[name], "size": len(data), "pointerSize": 130},
            }
            for name, data in self.files.items()
        ]
        return json.dumps({"id": REPO, "siblings": siblings, "tags": self.tags}).encode()

    @contextlib.contextmanager
    def serving(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                ranges = self.headers.get("Range", "")
                outer.asked.append((self.command, self.path, ranges))
                path = self.path.partition("?")[0]
                name = path.rpartition("/")[2]
                if path == f"/api/models/{REPO}":
                    self.answer(200, outer.info(), {"Content-Type": "application/json"})
                elif path.startswith(f"/{REPO}/resolve/") and name in outer.files:
                    self.file(name, ranges)
                else:
                    self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

            def file(self, name: str, ranges: str) -> None:
                data = outer.files[name]
                headers = {"ETag": f'"{outer.says[name]}"', "X-Repo-Commit": "a" * 40}
                first = int(ranges.removeprefix("bytes=").partition("-")[0]) if ranges else 0
                if first:
                    headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
                self.answer(206 if first else 200, data[first:], headers)

            def answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "HEAD":
                    return
                if outer.cut and "/resolve/" in self.path:
                    data, outer.cut = data[: outer.cut], 0
                    self.close_connection = True
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def tiny(template: bytes = b"{{ messages[0].content }}") -> bytes:
    """The bytes of a model file that passes the check."""
    import tempfile

    tokens = gguf.Array(gguf.STRING, [b"a", b"b", b"c", b"d"])
    values = {
        "general.architecture": (gguf.STRING, b"llama"),
        "llama.block_count": (4, 1),
        "llama.context_length": (4, 64),
        "llama.embedding_length": (4, 32),
        "llama.attention.head_count": (4, 2),
        "tokenizer.ggml.tokens": (gguf.ARRAY, tokens),
        "tokenizer.chat_template": (gguf.STRING, template),
    }
    embedding = gguf.Tensor((32, 4), 0, np.zeros((4, 128), np.uint8))
    with tempfile.TemporaryFile() as file:
        gguf.write(gguf.Gguf(values, {"token_embd.weight": embedding}), file)
        file.seek(0)
        return file.read()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("OPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "cache"


@pytest.fixture
def at_hub(cache, monkeypatch):
    """Serve files as the hub: ``at_hub({"name.gguf": b"..."})``."""
    with contextlib.ExitStack() as stack:

        def start(files: dict[str, bytes]) -> Hub:
            server = Hub(files)
            monkeypatch.setenv("HF_ENDPOINT", stack.enter_context(server.serving()))
            return server

        yield start


def test_a_model_of_the_hub_is_fetched_once_and_found_by_its_name(at_hub, opro, cache):
    data = tiny()
    server = at_hub({"small-q4_k_m.gguf": data, "small-q8_0.gguf": b"other", "README.md": b"words"})
    done = opro("models", "fetch", NAME)
    assert done.exit_code == 0, done.stderr
    assert "small-q4_k_m.gguf of nobody/Small-GGUF: 0 MB, licence apache-2.0" in done.stderr
    assert Path(done.stdout.strip()).read_bytes() == data
    assert not (cache / "download").exists()
    assert model_file.model_digest(f"local:{NAME}") == hashlib.sha256(data).hexdigest()
    assert model_file.model_ability(f"local:{NAME}") == "instruct"
    assert [path for _, path, _ in server.asked if "q8_0" in path] == []


def test_a_download_that_was_cut_off_goes_on(at_hub, cache, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)  # its log is of another test's screen
    data = tiny() + bytes(15_000_000)
    server = at_hub({"small-q4_k_m.gguf": data})
    server.cut = 12_000_000  # the client writes pieces of ten
    with contextlib.suppress(ModelUnavailable):  # the client may go on by itself
        hub.fetch(HubName(REPO, "Q4_K_M"), lambda words: None)
    path = hub.fetch(HubName(REPO, "Q4_K_M"), lambda words: None)
    assert path.read_bytes() == data
    assert any(ranges.startswith("bytes=1") for *_, ranges in server.asked)


def test_another_hash_than_the_hub_says_is_one_sentence(at_hub, cache):
    server = at_hub({"small-q4_k_m.gguf": tiny()})
    server.says["small-q4_k_m.gguf"] = "0" * 64
    with pytest.raises(ModelUnavailable, match="another hash"):
        hub.fetch(HubName(REPO, "Q4_K_M"), lambda words: None)
    assert not list((cache / "models").glob("*.gguf"))


def test_a_known_model_is_checked_against_the_known_hash(at_hub, cache, monkeypatch):
    data = tiny()
    meant = KnownModel(
        name="small",
        title="Small",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        licence="MIT",
        ability="instruct",
        repo=REPO,
        file="small-q4_k_m.gguf",
        extra="small",
        parts=(),
    )
    monkeypatch.setitem(KNOWN, "small", meant)
    said: list[str] = []
    at_hub({"small-q4_k_m.gguf": b"GGUF but something else"})
    with pytest.raises(ModelUnavailable, match="another hash"):
        hub.fetch(meant, said.append)
    at_hub({"small-q4_k_m.gguf": data})
    assert hub.fetch(meant, said.append).read_bytes() == data
    assert said[0] == f"Downloading small-q4_k_m.gguf of {REPO}: 0 MB, licence MIT."
    assert model_file.model_file("local:small")[1] == "small"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"small-q8_0.gguf": b"x"}, "no GGUF files of the kind Q4_K_M"),
        ({"small-q4_k_m-00001-of-00002.gguf": b"x"}, "no GGUF files"),
        ({"a-q4_k_m.gguf": b"x", "b-q4_k_m.gguf": b"y"}, "2 GGUF files"),
    ],
)
def test_a_kind_that_is_not_there_once_is_one_sentence(at_hub, files, words):
    at_hub(files)
    with pytest.raises(ModelUnavailable, match=words):
        hub.fetch(HubName(REPO, "Q4_K_M"), lambda said: None)


def test_what_the_hub_says_never_chooses_a_path(at_hub, cache, tmp_path):
    at_hub({"../../escaped-q4_k_m.gguf": tiny()})
    with pytest.raises(ModelUnavailable):
        hub.fetch(HubName(REPO, "Q4_K_M"), lambda said: None)
    assert not list(tmp_path.rglob("escaped*"))


def test_no_hub_and_no_repository_are_sentences(at_hub, cache, monkeypatch):
    at_hub({})
    with pytest.raises(ModelUnavailable, match="no public repository nobody/Other"):
        hub.fetch(HubName("nobody/Other", "Q4_K_M"), lambda said: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match="The hub does not bring") as caught:
        hub.fetch(KNOWN["qwen2.5-coder-0.5b"], lambda said: None)
    assert len(caught.value.message) < 400
