"""Ends the process of an objective, and all that it has started, when its input ends.

Its input ends when ``opro`` closes it, and when ``opro`` itself ends, however that happens. Where
processes can be forked, a process of its own waits for that end: it can neither be kept from it by
the objective nor share its standard input. On Linux it finds processes that have left the group
and the session too. Elsewhere (Windows) a thread waits, and a job object ends the other processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

HOW = "process" if hasattr(os, "fork") else "thread"

LONGEST = 2.0
"""Seconds in which processes are looked for that are started while others are ended."""

APART = 200
"""The pipes of requests and answers have numbers from here: a program that goes through the low
ones finds neither."""

PDEATHSIG, SUBREAPER = 1, 36
"""Numbers of ``prctl`` on Linux."""

KILL_ON_CLOSE = 0x2000
"""The flag of a job object of Windows, and below the class of its limits."""
EXTENDED_LIMITS = 9


def apart(descriptor: int) -> int:
    """A copy of a descriptor with a high number, which child processes do not inherit."""
    try:
        import fcntl

        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, APART)
    except (ImportError, OSError):  # not here, or there are no such numbers
        return os.dup(descriptor)


def requests(how: str, calls: int, answers: int) -> Iterable[bytes]:
    """The lines of the input, until it ends; then the process ends.

    Args:
        how: ``process`` or ``thread``: what waits for the end of the input.
        calls: the descriptor of the input.
        answers: the descriptor of the answers, which the guard itself does not keep.
    """
    if how == "thread":
        return _watched(calls)
    return _guarded(calls, answers)


def _guarded(calls: int, answers: int) -> Iterable[bytes]:
    """Go on in a child process, whose guard the process itself becomes."""
    _control(SUBREAPER, 1)  # processes whose parent has ended become children of the guard
    inner, outer = os.pipe()
    guard = os.getpid()
    worker = os.fork()
    if worker:
        os.close(inner)
        os.close(answers)
        _guard(worker, calls, outer)
    os.close(outer)
    os.close(calls)
    os.setpgid(0, 0)
    _control(PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)
    high = apart(inner)
    os.close(inner)
    return os.fdopen(high, "rb")


def _guard(worker: int, calls: int, outer: int) -> NoReturn:
    """Pass the input on. Ends with the worker, or ends it with the input."""

    def reap(*_: Any) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == worker:
                    _finish(worker, ended[1])

    def stop(*_: Any) -> None:
        _finish(worker, None)

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), stop)
    signal.signal(signal.SIGCHLD, reap)
    reap()
    with contextlib.suppress(OSError):
        while data := os.read(calls, 2**16):
            while data:
                data = data[os.write(outer, data) :]
    _finish(worker, None)


def _finish(worker: int, status: int | None) -> NoReturn:
    """End what is left of the worker and its processes, and end as the worker did."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    deadline = time.monotonic() + LONGEST
    with contextlib.suppress(ChildProcessError):  # there is none left
        while time.monotonic() < deadline:
            for end, pid in [(os.killpg, worker), *((os.kill, p) for p in _descendants())]:
                with contextlib.suppress(OSError):
                    end(pid, signal.SIGKILL)
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == worker:
                    status = ended[1]
            time.sleep(0.001)
    code = os.waitstatus_to_exitcode(status or 0)
    if code < 0:
        with contextlib.suppress(OSError, ValueError, ImportError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one dump is enough
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(max(code, 0))


def _descendants() -> list[int]:
    """The processes that this one has started, and those that they have; none but on Linux."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name of the program, in brackets, may hold anything.
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(entry.parent.name))
    found, ahead = [], [os.getpid()]
    while ahead:
        started = children.get(ahead.pop(), [])
        found += started
        ahead += started
    return found


def _control(option: int, value: int) -> None:
    """Set an attribute of the process, on Linux."""
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _watched(calls: int) -> Iterator[bytes]:
    """The lines, read by a thread, which ends the process at the end of the input."""
    import queue
    import threading

    found: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    job = _job()

    def watch() -> None:
        with os.fdopen(calls, "rb") as lines:
            for line in lines:
                found.put(line)
        if sys.platform != "win32":
            os.killpg(os.getpgid(0), signal.SIGKILL)
        os._exit(1)  # closes the job

    threading.Thread(target=watch, daemon=True).start()
    while job is not None or found is not None:  # the job lives as long as the process
        yield found.get()


def _job() -> Any:
    """On Windows, a job that holds this process: when it ends, all that it has started end."""
    if sys.platform != "win32":
        return None
    import ctypes
    import struct

    kernel = ctypes.WinDLL("kernel32")
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
    # JOBOBJECT_EXTENDED_LIMIT_INFORMATION, whose LimitFlags are at byte 16.
    limits = ctypes.create_string_buffer(144 if struct.calcsize("P") == 8 else 112)
    struct.pack_into("<I", limits, 16, KILL_ON_CLOSE)
    kernel.SetInformationJobObject(job, EXTENDED_LIMITS, limits, len(limits))
    kernel.AssignProcessToJobObject(job, ctypes.c_void_p(-1))  # -1: this process
    return job
