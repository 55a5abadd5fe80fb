"""A GGUF model in this process: llama.cpp through xllamacpp.

The same request gives the same replies, regardless of the requests before it and of the process.
Four things make it so:

- Every request is evaluated from its beginning. With llama.cpp's prompt cache, the content of the
  cache would change the last bits of the numbers, and with them the samples.
- One reply of an instructed model is evaluated in two parts: what many requests share (the system
  message, and ``Request.shared`` characters of the prompt), then the rest. The first part is kept,
  and before each use the engine drops all that came after it, so its numbers are those of an
  evaluation from the beginning, whatever was asked before.
- All samples of a request share one evaluation of the prompt (``n`` in one request), and then are
  decoded together, one row of a matrix each. llama.cpp multiplies groups of rows and single rows
  by different code, so the last bits of a sample's numbers depend on its place among the rows. The
  engine would choose the place of the first sample by the requests before; here it is pinned.
- Where a part of a call's samples is asked for again, the whole call is evaluated, and the part is
  taken from it (``Request.whole``).

What else the numbers depend on is in ``info.details``: the content of the file, the version of the
engine, the number of threads, and the instructions of the processor.
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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from opro_cli.core.errors import LLMError, ModelUnavailable
from opro_cli.core.events import Reply
from opro_cli.core.model import Ability, ModelInfo, Request, Wrapper
from opro_cli.llm.local.collecting import Replies
from opro_cli.llm.local.engine import schema_grammar
from opro_cli.llm.local.model_file import DEFAULT_NAME, not_installed, stamp
from opro_cli.llm.local.processors import circumstances, instructions, threads
from opro_cli.llm.local.turns import Turns

SLOTS, CONTEXT = 8, 2048
"""Samples evaluated together, and tokens of context for each, at first. Both grow as needed."""

MOST_SLOTS = 32
"""Samples evaluated together at most: each takes memory, and more are not faster."""


class LocalModel:
    """A GGUF model in this process.

    Args:
        path: the model file.
        name: of the model, for reports.
        slots: samples evaluated together, at first.
        details: what is known of the file, for ``info``.
        ability: a model that follows instructions gets every prompt as a chat, written by the
            template in its file.

    Raises:
        ModelUnavailable: the engine is not installed, or it cannot load the file.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        slots: int = SLOTS,
        details: Mapping[str, str] | None = None,
        ability: Ability = "continue",
    ) -> None:
        self._name = name
        self._path = path
        self._slots, self._context = slots, CONTEXT
        self._turns = Turns()
        self._kept: tuple[str, str] | None = None
        """What the engine has kept of the last request: system message, beginning of the prompt."""
        with contextlib.suppress(OSError):
            self._stamp = stamp(path)
        self._server = self._load()
        about = {**(details or {}), **circumstances(), "processor": instructions()}
        if ability == "instruct":
            about["parallel"] = "1"
        self.info = ModelInfo(name, ability, MOST_SLOTS, about, at_once=1)

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
        # Into memory: if the file is changed or cut meanwhile, a mapping of it would change, too.
        params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
        params.cache_ram_mib = params.n_ctx_checkpoints = 0  # no prompt cache, see above
        params.verbosity = -1
        # The engine opens a port on the loopback interface; the key keeps other programs out.
        params.api_keys = [secrets.token_urlsafe(32)]
        params.n_threads_http = 1
        with _quiet(), _own_signals():
            try:
                server = xllamacpp.Server(params)
            except RuntimeError:
                raise ModelUnavailable(
                    f"{self._path} cannot be loaded: it is damaged, or no GGUF model.",
                    "download or copy it again"
                    if self._name != DEFAULT_NAME
                    else f"delete {self._path}; it will be made again",
                ) from None
            # Its thread must run before it can end: unloaded at once, it would wait for ever.
            first = {"prompt": "1", "max_tokens": 1, "cache_prompt": False}
            server.handle_completions(first, lambda reply: None)
        return server

    async def sample(self, request: Request) -> list[Reply]:
        """``request.samples`` replies, evaluated in the same calls as the whole request's.

        Raises LLMError.
        """
        begin, count = request.whole or (request.first, request.samples)
        wanted = range(request.first, request.first + request.samples)
        replies: list[Reply] = []
        for first in range(begin, begin + count, MOST_SLOTS):
            call = range(first, min(first + MOST_SLOTS, begin + count))
            if wanted.start < call.stop and call.start < wanted.stop:
                made = await self._call(replace(request, first=first, samples=len(call)))
                replies += [reply for i, reply in zip(call, made, strict=True) if i in wanted]
        return replies

    async def sample_beside(self, request: Request, others: int) -> list[Reply]:
        """One reply, evaluated together with those to so many other requests.

        It is another one in its last bits, and so are its tokens now and then. Raises LLMError.
        """
        if self._slots <= others:
            async with self._turns.alone():
                self._grow(slots=others + 1)
        async with self._turns.together():
            self._kept = None
            replies = await asyncio.to_thread(self._ask, request, None)
        if replies.needs > self._context:
            return await self.sample(request)
        if replies.error:
            raise LLMError(f"{self._name} failed: {replies.error}")
        return replies.finished()

    async def _call(self, request: Request) -> list[Reply]:
        async with self._turns.alone():
            while True:
                if request.samples > self._slots:
                    self._grow(slots=request.samples)
                replies = await asyncio.to_thread(self._ask, request)
                if replies.needs <= self._context:
                    break
                # On this thread, not the worker: only the main one can keep its signal handlers.
                self._grow(context=replies.needs)
        if replies.error:
            raise LLMError(f"{self._name} failed: {replies.error}")
        return replies.finished()

    def _ask(self, request: Request, slot: int | None = 0) -> Replies:
        replies = Replies(request.samples, self._name)
        body: dict[str, Any] = {
            "n": request.samples,
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": self._keep(request) if slot == 0 else False,
            # Only the temperature shapes the samples.
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
        }
        if slot is not None:
            body["id_slot"] = slot  # the others follow in order
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.seed is not None:
            # Sample i of a step has seed + i, so that missing samples can be requested alone.
            body["seed"] = request.seed + request.first
        if request.stop:
            body["stop"] = list(request.stop)
        if request.grammar is not None and self.info.ability == "continue":
            body |= {"prompt": request.prompt, "grammar": request.grammar}
            self._server.handle_completions(body, replies.take)
        else:
            body["messages"] = _messages(request.system, request.prompt)
            if request.schema is not None:
                body["grammar"] = schema_grammar(request.schema)
            elif request.grammar is not None:
                body["grammar"] = request.grammar
            self._server.handle_chat_completions(body, replies.take)
        replies.ended = time.monotonic()
        return replies

    def _keep(self, request: Request) -> bool:
        """Evaluate what a request shares with others, and nothing more; whether it is kept."""
        begin = (request.system, request.prompt[: request.shared])
        kept, self._kept = self._kept == begin, None
        if self.info.ability == "continue" or request.samples > 1:
            return False
        answers: list[dict[str, Any]] = []
        self._server.handle_chat_completions(
            {
                "messages": _messages(*begin),
                "max_tokens": 0,
                "cache_prompt": kept,  # if so, only what came after it is dropped
                "id_slot": 0,
            },
            answers.append,
        )
        if any("error" in answer for answer in answers):
            return False
        self._kept = begin
        return True

    def _grow(self, slots: int = 0, context: int = 0) -> None:
        """Load the model again with more room. Raises LLMError where the file has changed."""
        if stamp(self._path) != self._stamp:
            raise LLMError(
                f"{self._path} has changed since the run began.", "put the file back, and resume"
            )
        self._slots = max(self._slots, slots)
        while self._context < context:
            self._context *= 2
        self._kept = None
        self._server = None  # unload before loading: never twice in memory
        self._server = self._load()

    async def close(self) -> None:
        """Unload the model."""
        with _quiet():
            self._server = None


def _messages(system: str, prompt: str) -> list[dict[str, str]]:
    user = {"role": "user", "content": prompt}
    return [{"role": "system", "content": system}, user] if system else [user]


class Beside(Wrapper):
    """A local model that is asked several prompts at once, each with one reply.

    Args:
        inner: the model.
        parallel: prompts at once.
    """

    def __init__(self, inner: LocalModel, parallel: int) -> None:
        super().__init__(inner)
        self._local, self._parallel = inner, parallel
        self._places = asyncio.Semaphore(parallel)

    @property
    @override
    def info(self) -> ModelInfo:
        """With the number of prompts, on which the replies depend."""
        known = self._local.info
        details = {**known.details, "parallel": str(self._parallel)}
        return replace(known, details=details, at_once=self._parallel)

    @override
    async def sample(self, request: Request) -> list[Reply]:
        if request.samples > 1 or request.whole is not None:
            return await self._local.sample(request)
        async with self._places:
            return await self._local.sample_beside(request, self._parallel - 1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard the output of C code to the standard streams."""
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
    """Restore Python's handlers for Ctrl-C and SIGTERM, which the engine replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
