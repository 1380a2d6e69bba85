"""Three ways to run handlers: on the main thread, on a thread each, as asyncio tasks.

Each mode has take(), cancel() and stop() for the reader's thread, and serve() for the main thread, which returns when
stop() has been called and every job taken has been finished. `finish(job, result)` is called once for each job.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
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
# What SIGTERM does while no job runs; None = the program's own plan.
OnSignal = Optional[Callable[[int, Any], None]]

# Interrupts a system call on the main thread. A real-time signal: SIGUSR1 and its like belong to the program.
INTERRUPT = signal.SIGRTMAX - 2


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
        self.sigterm: OnSignal = None

    def take(self, job: Job) -> None:
        self._jobs.put(job)

    def cancel(self, job: Job) -> None:
        ident = threading.main_thread().ident
        if ident is not None:
            signal.pthread_kill(ident, INTERRUPT)

    def stop(self) -> None:
        self._jobs.put(None)

    def serve(self, ready: Callable[[], None]) -> None:
        signal.signal(INTERRUPT, self._interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {INTERRUPT})
        ready()
        while True:
            job = self._jobs.get()
            if job is None:
                return
            # A job may be deep in native code, where no handler of ours would run: the signal itself ends it.
            if self.sigterm is not None:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            result = self._run_interruptible(job)
            if self.sigterm is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self.sigterm)
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
        self._stopped = threading.Event()
        self.sigterm: OnSignal = None
        self._executor = concurrent.futures.ThreadPoolExecutor(concurrency, "andiron-job")

    def take(self, job: Job) -> None:
        self._executor.submit(self._run_one, job)

    def cancel(self, job: Job) -> None:
        """The job's flag is all there is."""

    def stop(self) -> None:
        self._stopped.set()

    def serve(self, ready: Callable[[], None]) -> None:
        ready()
        self._stopped.wait()
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
        self.sigterm: OnSignal = None

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
