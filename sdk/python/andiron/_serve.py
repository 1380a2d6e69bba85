"""serve(): speaks proto/child.proto until the worker says stop or goes away.

Threads: handlers run where their mode says (_modes.py). One more thread, started after prewarm, reads the channel, so
that pings and cancels are answered while a job runs.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import os
import signal
import sys
import threading
import traceback
from typing import Any, Awaitable, Callable, Dict, NoReturn, Optional, Union, cast

from . import _child_pb2 as pb
from ._channel import Channel, ChannelBroken, ChannelClosed
from ._job import Job, WarmUp
from ._modes import MainThread, PlainRun, Threads
from ._tasks import AsyncRun, Tasks
from ._version import __version__

_CHANNEL_VARIABLE = "ANDIRON_CHANNEL_FD"
_MAX_RESULT_VARIABLE = "ANDIRON_MAX_RESULT"
_MAX_RESULT_OF_ANY_WORKER = 1 << 30
_PROTOCOL_VERSION = 1
_EXIT_USAGE = 64
_EXIT_INTERNAL = 70

Prewarm = Callable[[WarmUp], Union[None, Awaitable[None]]]
Run = Union[PlainRun, AsyncRun]
Mode = Union[MainThread, Threads, Tasks]


def is_child() -> bool:
    """Whether a worker has started this process, and serve() hasn't been called yet."""
    return _CHANNEL_VARIABLE in os.environ


def serve(*, run: Run, prewarm: Optional[Prewarm] = None, concurrency: int = 1) -> None:
    """Warms up, then runs jobs until the worker says stop; then returns. Call it on the main thread.

    run(job) returns bytes, str or None; an exception makes the job FAILED. prewarm(warm_up) comes first; its exception
    ends the program. Either may be an async function. concurrency is for a plain run: how many jobs at once, each on a
    thread of its own; with 1 they run on the main thread, where a cancel raises andiron.Cancelled.

    Started by hand, not by a worker, it says so and exits with 64. When the worker is gone the process exits at once.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}; it has to be at least 1")
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("andiron.serve() has to be called on the main thread")
    session = _Session(_open_channel(), _max_result())
    _send_prints_to_the_log()
    if _is_async(run):
        asyncio.run(_serve_async(session, prewarm, run))
        return
    _warm_up(session, prewarm)
    finish = session.finish
    plain = cast(PlainRun, run)
    mode: Union[MainThread, Threads] = (
        MainThread(plain, finish) if concurrency == 1 else Threads(plain, finish, concurrency)
    )
    mode.serve(lambda: session.start(mode))


async def _serve_async(session: "_Session", prewarm: Optional[Prewarm], run: Any) -> None:
    if prewarm is not None and _is_async(prewarm):
        warm_up = WarmUp(session.report_progress)
        await prewarm(warm_up)  # type: ignore[misc]
        warm_up._end()
    else:
        _warm_up(session, prewarm)
    mode = Tasks(run, session.finish)
    await mode.serve(lambda: session.start(mode))


def _warm_up(session: "_Session", prewarm: Optional[Prewarm]) -> None:
    if prewarm is None:
        return
    warm_up = WarmUp(session.report_progress)
    if _is_async(prewarm):
        asyncio.run(prewarm(warm_up))  # type: ignore[arg-type]
    else:
        prewarm(warm_up)
    warm_up._end()


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def _open_channel() -> Channel:
    # Taken out of the environment: a program that we start isn't the worker's child.
    named = os.environ.pop(_CHANNEL_VARIABLE, None)
    program = os.path.basename(sys.argv[0]) or "this program"
    if named is None:
        example = f"andiron run FILE -- python3 {program}"
        _refuse(f"{program} is a child: a worker starts it and hands it jobs. Try\n    {example}")
    try:
        return Channel(int(named))
    except (ValueError, OSError) as error:
        _refuse(f"{_CHANNEL_VARIABLE}={named} isn't a channel: {error}")


def _max_result() -> int:
    try:
        return int(os.environ.pop(_MAX_RESULT_VARIABLE, ""))
    except ValueError:
        return _MAX_RESULT_OF_ANY_WORKER  # a worker that doesn't say it checks it all the same


def _refuse(why: str) -> NoReturn:
    print(f"andiron: {why}", file=sys.stderr)
    sys.exit(_EXIT_USAGE)


def _send_prints_to_the_log() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        faulthandler.enable()  # a crash in native code leaves its Python lines in the log
    except (AttributeError, OSError, ValueError):
        pass  # stderr was replaced by something without a descriptor


class _Session:
    """The channel, and the jobs that are open on it."""

    def __init__(self, channel: Channel, max_result: int) -> None:
        self._channel = channel
        self._max_result = max_result
        self._jobs: Dict[int, Job] = {}
        self._jobs_lock = threading.Lock()

    def report_progress(self, percent: int, text: str) -> None:
        self._send(pb.FromChild(progress=pb.Progress(percent=percent, text=text)))

    def start(self, mode: Mode) -> None:
        """Warm: starts to read, and says so. Without a thread to read with it was never ready."""
        hello = pb.Hello(
            protocol_version=_PROTOCOL_VERSION, sdk_name="python", sdk_version=__version__, pid=os.getpid()
        )
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            mode.heed_sigterm(lambda: bool(self._jobs))
        threading.Thread(target=self._read, args=(mode,), name="andiron-reader", daemon=True).start()
        self._send(pb.FromChild(hello=hello))

    def finish(self, job: Job, result: pb.Result) -> None:
        if len(result.output) > self._max_result:  # sent, it would end this child
            why = f"the job's output has {len(result.output)} bytes, max_result is {self._max_result}"
            result = pb.Result(end=pb.Result.FAILED, error=why)
        with self._jobs_lock:
            del self._jobs[job._number]
        result.job = job._number
        self._send(pb.FromChild(result=result))

    def _read(self, mode: Mode) -> None:
        try:
            while True:
                self._handle(self._channel.receive(), mode)
        except ChannelClosed:
            self._leave(0)
        except ChannelBroken as error:
            os.write(2, f"andiron: the channel to the worker is broken: {error}\n".encode())
            self._leave(_EXIT_INTERNAL)
        except BaseException:
            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
            self._leave(_EXIT_INTERNAL)

    def _handle(self, message: pb.ToChild, mode: Mode) -> None:
        kind = message.WhichOneof("kind")
        if kind == "run":
            self._take(message.run, mode)
        elif kind == "cancel":
            with self._jobs_lock:
                job = self._jobs.get(message.cancel.job)
            if job is not None:  # else it has just ended
                job._cancel.set()
                mode.cancel(job)
        elif kind == "ping":
            self._send(pb.FromChild(pong=pb.Pong(sequence=message.ping.sequence)))
        elif kind == "stop":
            mode.stop()
        else:
            raise ChannelBroken("a message of an unknown kind: the worker is newer than this SDK")

    def _take(self, run: pb.Run, mode: Mode) -> None:
        job = Job(run.job, run.id, run.payload, run.run_for_ms, mode.wait)
        with self._jobs_lock:
            self._jobs[run.job] = job
        if not mode.take(job, lambda: self._send(pb.FromChild(ack=pb.Ack(job=run.job)))):
            with self._jobs_lock:
                del self._jobs[run.job]  # never acknowledged, it is handed to another child

    def _send(self, message: pb.FromChild) -> None:
        try:
            self._channel.send(message)
        except ChannelClosed:
            self._leave(0)

    def _leave(self, code: int) -> NoReturn:
        # Not sys.exit: that ends one thread, and waits for handlers that may never end.
        os._exit(code)
