"""Handlers as asyncio tasks: the third of the modes (_modes.py)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Awaitable, Callable, Dict, Optional, Set

from . import _child_pb2 as pb
from . import _result
from ._job import Cancelled, Job
from ._modes import INTERRUPT, Acknowledge, Admission, Finish, stopped
from ._sigterm import Sigterm, set_wakeup_descriptor

AsyncRun = Callable[[Job], Awaitable[_result.Output]]


class Tasks:
    """As many jobs at once as the worker hands over, on one event loop. A cancel cancels the task."""

    def __init__(self, run: AsyncRun, finish: Finish) -> None:
        self._run = run
        self._finish = finish
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._stopped: Optional[asyncio.Event] = None
        self._tasks: Dict[Job, "asyncio.Task[pb.Result]"] = {}
        self._coming: Set[Job] = set()  # admitted, and no task yet
        self._admission = Admission()
        self._sigterm = Sigterm(self.stop)

    def take(self, job: Job, acknowledge: Acknowledge) -> bool:
        admitted = self._admission.admit(acknowledge, lambda: self._coming.add(job))
        if admitted:
            self._call(self._start, job)
        return admitted

    def cancel(self, job: Job) -> None:
        self._call(self._cancel, job)

    def stop(self) -> None:
        if self._stopped is not None:
            self._call(self._stopped.set)

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        self._sigterm.begin(busy)
        # A loop with a handler of its own turns at every signal, whichever thread has taken it, and then ours runs. Any
        # signal does; nobody sends this one to async handlers.
        if set_wakeup_descriptor(-1):
            asyncio.get_running_loop().add_signal_handler(INTERRUPT, lambda: None)

    async def serve(self, ready: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        try:
            ready()
            await self._stopped.wait()
            while not self._admission.end_if(lambda: not self._tasks and not self._coming):
                # Without tasks one is about to begin: the loop has been told so, and turns once.
                await (asyncio.wait(list(self._tasks.values())) if self._tasks else asyncio.sleep(0))
        finally:
            self._admission.end()
            self._sigterm.leave()

    def wait(self, _cancel: threading.Event, _seconds: Optional[float]) -> bool:
        raise RuntimeError(
            "wait_cancelled would block the event loop: a cancel reaches an async handler as CancelledError"
        )

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            pass  # the loop is closed already: a second stop, or a cancel that comes too late

    def _start(self, job: Job) -> None:
        self._sigterm.leave()
        task = asyncio.ensure_future(self._outcome(job))
        self._tasks[job] = task
        self._coming.remove(job)
        task.add_done_callback(lambda done: self._end(job, done))

    def _cancel(self, job: Job) -> None:
        task = self._tasks.get(job)
        if task is not None:
            task.cancel()

    def _end(self, job: Job, task: "asyncio.Task[pb.Result]") -> None:
        del self._tasks[job]
        if not self._tasks:
            self._sigterm.heed()
        # A task that is cancelled before its first step never reaches the code of _outcome.
        self._finish(job, _result.cancelled() if task.cancelled() else task.result())

    async def _outcome(self, job: Job) -> pb.Result:
        try:
            return _result.succeeded(await self._run(job))
        except (asyncio.CancelledError, Cancelled) as error:
            return stopped(job, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _result.failed(error)
