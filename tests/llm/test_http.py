"""Bodies, proxies, certificates and addresses: bounded, or a sentence with a way out."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import zlib

import pytest

from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.llm import choose_model
from opro_cli.llm.http import MOST_BYTES
from opro_cli.llm.network import checked_address, route_to, ssl_context
from tests.asking import ModelRequest, ask
from tests.loopback import Answer, Loopback, chat, gemini

GEMINI = "gemini-3.5-flash-lite"
MODELS = pytest.mark.parametrize("model", ["openai:gpt", GEMINI])
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    pieces = [packer.compress(b"a" * 2**20) for _ in range(megabytes)]
    return b"".join([*pieces, packer.flush()])


@MODELS
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=bomb(200), headers={"Content-Encoding": "gzip"}),
        Answer(body=b" " * (MOST_BYTES + 1)),
    ],
    ids=["bomb", "large"],
)
def test_an_answer_beyond_all_size_is_one_lost_reply(model, answer):
    found = ask([answer], model)
    assert (found.reply.finish, found.reply.text, found.reply.usage) == ("unreadable", "", None)
    assert found.reply.detail == "the answer is larger than 32 MB"
    assert len(found.asked) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_endless_answer_takes_little_memory():
    code = """
import pathlib, re, zlib
from tests.asking import ask
from tests.loopback import Answer
packer = zlib.compressobj(9, zlib.DEFLATED, 31)
data = b"".join([*(packer.compress(b"a" * 2**20) for _ in range(600)), packer.flush()])
ask([Answer(body=data, headers={"Content-Encoding": "gzip"})])
status = pathlib.Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s*(\\d+)", status)[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400


@MODELS
def test_a_compressed_answer_is_read_though_none_is_asked_for(model):
    good = gemini("[1, 2]") if model == GEMINI else chat("[1, 2]")
    import json

    body = gzip.compress(json.dumps(good.body).encode())
    found = ask([Answer(body=body, headers={"Content-Encoding": "gzip"})], model)
    assert found.reply.text == "[1, 2]"
    assert found.asked[0].headers["accept-encoding"] == "identity"


@MODELS
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_an_answer_that_cannot_be_decoded_is_a_passing_fault(model, encoding):
    good = gemini("[1]") if model == GEMINI else chat("[1]")
    found = ask([Answer(body=b"xxx", headers={"Content-Encoding": encoding}), good], model)
    assert encoding in found.reply.troubles[0]


def dripping(url_of) -> threading.Thread:
    server = socket.create_server(("127.0.0.1", 0))
    url_of.append(f"http://127.0.0.1:{server.getsockname()[1]}")

    def serve():
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while not done.wait(0.05):
                connection.sendall(b" ")
        except OSError:
            pass
        connection.close()
        server.close()

    done = threading.Event()
    thread = threading.Thread(target=serve, daemon=True)
    thread.done = done
    thread.start()
    return thread


def test_the_time_of_a_whole_call_is_limited(monkeypatch):
    import time

    urls = []
    thread = dripping(urls)
    began = time.monotonic()
    monkeypatch.setattr(
        Loopback, "serving", lambda self: __import__("contextlib").nullcontext(urls[0])
    )
    found = ask([], timeout=0.5, attempts=1)
    thread.done.set()
    assert "did not answer within 0.5 seconds" in found.error.message
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("localhost:8080", "does not begin with http"),
        ("ftp://127.0.0.1", "does not begin with http"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://", "does not begin with http"),
        ("http://a b", "a space or a line break"),
        ("http://127.0.0.1\nX: y", "a space or a line break"),
        ("http://[::1", "Invalid IPv6"),
        ("http://127.0.0.1:99999", "range"),
        ("http://127.0.0.1:0", "no port 0"),
        ("http://127.0.0.1:x/v1", "Port"),
        ("http://user:word@host", "holds credentials"),
        ("http://host?api_key=x", "holds credentials"),
        ("http://host?sig=x", "holds credentials"),
        ("http://host#x", "more than a path"),
    ],
)
def test_an_address_that_is_none_is_said_before_anything_is_sent(address, said):
    with pytest.raises(UsageError, match=said) as caught:
        checked_address(address, "--base-url", query=True)
    assert "word" not in caught.value.message
    assert "\n" not in caught.value.message
    for model, variable in (("openai:m", "OPENAI_BASE_URL"), (GEMINI, "GOOGLE_GEMINI_BASE_URL")):
        with pytest.raises(UsageError):
            choose_model(ModelRequest(model), {variable: address, "GEMINI_API_KEY": "k"})


def test_ipv6_and_queries_are_addresses():
    for address in ("http://[::1]:8080/v1", "https://host/v1?api-version=2024-10-21"):
        assert checked_address(address, "--base-url", query=True) == address


@MODELS
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("proxy", "said"),
    [("socks5://127.0.0.1:1", "a SOCKS proxy"), ("nonsense://x", "is none"), ("http://[", "none")],
)
def test_a_proxy_that_cannot_be_used_is_named_with_a_way_out(
    monkeypatch, model, variable, proxy, said
):
    monkeypatch.setenv(variable.lower(), proxy)
    monkeypatch.setattr("opro_cli.llm.network.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match=said) as caught:
        ask([], model)
    assert variable.lower() in caught.value.message + caught.value.hint
    assert "NO_PROXY" in caught.value.hint


@MODELS
@pytest.mark.parametrize("direct", ["127.0.0.1", "*", "127.0.0.0/8", "a.b, 127.0.0.1"])
def test_a_server_in_no_proxy_is_reached_directly(monkeypatch, model, direct):
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", direct)
    good = gemini("[1]") if model == GEMINI else chat("[1]")
    assert ask([good], model).reply.text == "[1]"


def test_a_proxy_that_is_closed_is_named(monkeypatch):
    monkeypatch.setenv("http_proxy", "127.0.0.1:1")
    found = ask([], attempts=1)
    assert "through the proxy in http_proxy" in found.error.message
    assert "NO_PROXY" in found.error.hint


@MODELS
def test_a_proxy_carries_the_request(monkeypatch, model):
    good = gemini("[1]") if model == GEMINI else chat("[1]")
    proxy = Loopback([good])
    with proxy.serving() as url:
        monkeypatch.setenv("http_proxy", url)
        assert ask([], model).reply.text == "[1]"
    assert proxy.asked[0].path.startswith("http://127.0.0.1")


@MODELS
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSLKEYLOGFILE"])
def test_stale_certificates_are_named_and_do_not_matter_without_tls(
    monkeypatch, tmp_path, model, name
):
    stale = str(tmp_path / "no" / "file")
    for other in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(other, raising=False)
    if name == "SSLKEYLOGFILE":
        import ssl

        whole = ssl.get_default_verify_paths().openssl_cafile
        monkeypatch.setenv("SSL_CERT_FILE", whole)
    monkeypatch.setenv(name, stale)
    good = gemini("[1]") if model == GEMINI else chat("[1]")
    assert ask([good], model).reply.text == "[1]"
    with pytest.raises(ModelUnavailable, match=name) as caught:
        ssl_context("https://example.org")
    assert caught.value.hint.startswith(f"unset {name}")


def test_no_proxy_means_no_route():
    assert route_to("http://127.0.0.1:1").proxy is None
