"""Three ways to run handlers: on the main thread, on a thread each, as asyncio tasks.

Each mode has take(), cancel() and stop() for the reader's thread, and serve() for the main thread, which returns when
stop() has been called and every job taken has been finished. `finish(job, result)` is called once for each job.
heed_sigterm(), on the main thread, is for a program that has no plan of its own for SIGTERM: an idle child ends in
order, and one with a job is ended by the signal, which is what the worker means then.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import queue
import signal
import threading
from typing import Any, Awaitable, Callable, Dict, Optional, Union

from . import _child_pb2 as pb
from . import _result
from ._job import Cancelled, Job

Finish = Callable[[Job, pb.Result], None]
PlainRun = Callable[[Job], _result.Output]
AsyncRun = Callable[[Job], Awaitable[_result.Output]]

# Interrupts a system call on the main thread. A real-time signal: SIGUSR1 and its like belong to the program.
INTERRUPT = signal.SIGRTMAX - 2


def _end_by_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)


def _stopped(job: Job, error: BaseException) -> pb.Result:
    """A handler ended with Cancelled or CancelledError: it only counts as CANCELLED when somebody asked for it."""
    return _result.cancelled() if job.cancelled else _result.failed(error)


class MainThread:
    """One job at a time. A cancel raises Cancelled in the handler, out of a system call if need be.

    The signal says "look"; the job's own flag says whether there is something to raise. So a signal that comes late
    finds nothing: `_interruptible` is None between jobs, and a later job isn't cancelled.
    """

    def __init__(self, run: PlainRun, finish: Finish) -> None:
        self._run = run
        self._finish = finish
        self._jobs: "queue.SimpleQueue[Optional[Job]]" = queue.SimpleQueue()
        self._interruptible: Optional[Job] = None  # written on the main thread only
        self._between_jobs: Optional[Callable[[int, Any], None]] = None  # what SIGTERM does then

    def take(self, job: Job) -> None:
        self._jobs.put(job)

    def cancel(self, job: Job) -> None:
        ident = threading.main_thread().ident
        if ident is not None:
            signal.pthread_kill(ident, INTERRUPT)

    def stop(self) -> None:
        self._jobs.put(None)

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        def between_jobs(_number: int, _frame: object) -> None:
            if busy():
                _end_by_sigterm()
            self.stop()

        self._between_jobs = between_jobs
        signal.signal(signal.SIGTERM, between_jobs)

    def serve(self, ready: Callable[[], None]) -> None:
        signal.signal(INTERRUPT, self._interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {INTERRUPT})
        ready()
        while True:
            job = self._jobs.get()
            if job is None:
                return
            # A job may be deep in native code, where no handler of ours would run: the signal itself ends it.
            if self._between_jobs is not None:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            result = self._run_interruptible(job)
            if self._between_jobs is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._between_jobs)
            self._finish(job, result)

    def wait(self, cancel: threading.Event, seconds: Optional[float]) -> bool:
        """Job.wait_cancelled: the handler looks by itself, so nothing is raised while it waits."""
        if threading.current_thread() is not threading.main_thread():
            return cancel.wait(seconds)
        job, self._interruptible = self._interruptible, None
        if cancel.wait(seconds):
            return True
        self._interruptible = job
        if cancel.is_set():  # it came between the two lines above, and its signal found nothing
            self._interruptible = None
            return True
        return False

    def _interrupt(self, _number: int, _frame: object) -> None:
        job = self._interruptible
        if job is not None and job.cancelled:
            self._interruptible = None  # once per job: the second must not hit a handler that cleans up
            raise Cancelled

    def _run_interruptible(self, job: Job) -> pb.Result:
        # Cancelled may be raised at any line while _interruptible is set, also after the handler has returned.
        try:
            self._interruptible = job
            try:
                if job.cancelled:  # before it was its turn
                    raise Cancelled
                output = self._run(job)
            finally:
                self._interruptible = None
            return _result.succeeded(output)
        except Cancelled as error:
            return _stopped(job, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _result.failed(error)


class Threads:
    """Up to `concurrency` jobs at once. A cancel is the handler's to notice."""

    def __init__(self, run: PlainRun, finish: Finish, concurrency: int) -> None:
        self._run = run
        self._finish = finish
        self._stopped = False
        # The main thread waits for a byte, of stop() or of a signal: on a lock it would miss a signal that comes just
        # before, or to another thread.
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        self._executor = concurrent.futures.ThreadPoolExecutor(concurrency, "andiron-job")

    def take(self, job: Job) -> None:
        self._executor.submit(self._run_one, job)

    def cancel(self, job: Job) -> None:
        """The job's flag is all there is."""

    def stop(self) -> None:
        self._stopped = True
        try:
            os.write(self._wake_writer, b"s")
        except BlockingIOError:
            pass  # full of earlier bytes, each of which wakes it

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        def on_sigterm(_number: int, _frame: object) -> None:
            if busy():
                _end_by_sigterm()
            self.stop()

        signal.signal(signal.SIGTERM, on_sigterm)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)

    def serve(self, ready: Callable[[], None]) -> None:
        ready()
        while not self._stopped:
            os.read(self._wake_reader, 4096)
        self._executor.shutdown(wait=True)

    def wait(self, cancel: threading.Event, seconds: Optional[float]) -> bool:
        return cancel.wait(seconds)

    def _run_one(self, job: Job) -> None:
        try:
            result = _result.succeeded(self._run(job))
        except Cancelled as error:
            result = _stopped(job, error)
        except BaseException as error:
            result = _result.failed(error)
        self._finish(job, result)


class Tasks:
    """As many jobs at once as the worker hands over, on one event loop. A cancel cancels the task."""

    def __init__(self, run: AsyncRun, finish: Finish) -> None:
        self._run = run
        self._finish = finish
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._stopped: Optional[asyncio.Event] = None
        self._tasks: Dict[Job, "asyncio.Task[pb.Result]"] = {}

    def take(self, job: Job) -> None:
        self._call(self._start, job)

    def cancel(self, job: Job) -> None:
        self._call(self._cancel, job)

    def stop(self) -> None:
        try:
            if self._stopped is not None:
                self._call(self._stopped.set)
        except RuntimeError:
            pass  # the second word of it, by message and by signal: the loop is closed already

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        def on_sigterm() -> None:
            if busy():
                _end_by_sigterm()
            self.stop()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_sigterm)

    async def serve(self, ready: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        ready()
        await self._stopped.wait()
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def wait(self, _cancel: threading.Event, _seconds: Optional[float]) -> bool:
        raise RuntimeError(
            "wait_cancelled would block the event loop: a cancel reaches an async handler as CancelledError"
        )

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function, *arguments)

    def _start(self, job: Job) -> None:
        task = asyncio.ensure_future(self._outcome(job))
        self._tasks[job] = task
        task.add_done_callback(lambda done: self._end(job, done))

    def _cancel(self, job: Job) -> None:
        task = self._tasks.get(job)
        if task is not None:
            task.cancel()

    def _end(self, job: Job, task: "asyncio.Task[pb.Result]") -> None:
        del self._tasks[job]
        # A task that is cancelled before its first step never reaches the code of _outcome.
        self._finish(job, _result.cancelled() if task.cancelled() else task.result())

    async def _outcome(self, job: Job) -> pb.Result:
        try:
            return _result.succeeded(await self._run(job))
        except (asyncio.CancelledError, Cancelled) as error:
            return _stopped(job, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _result.failed(error)


Mode = Union[MainThread, Threads, Tasks]
