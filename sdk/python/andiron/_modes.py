"""Three ways to run handlers: on the main thread, on a thread each, as asyncio tasks (_tasks.py).

Each mode has take(), cancel() and stop() for the reader's thread, and serve() for the main thread, which returns when
stop() has been called and every job taken has been finished. `finish(job, result)` is called once for each job.
take() says no once serve() is about to return; else it calls `acknowledge` before the job can begin.
heed_sigterm(), on the main thread, is for a program that has no plan of its own for SIGTERM (_sigterm.py).
"""

from __future__ import annotations

import collections
import concurrent.futures
import signal
import threading
import time
from typing import Callable, Deque, Optional, Set

from . import _child_pb2 as pb
from . import _result
from ._job import Cancelled, Job
from ._sigterm import Bell, Sigterm

Acknowledge = Callable[[], None]
Finish = Callable[[Job, pb.Result], None]
PlainRun = Callable[[Job], _result.Output]

# Interrupts a system call on the main thread. A real-time signal: SIGUSR1 and its like belong to the program.
INTERRUPT = signal.SIGRTMAX - 2
# Seconds until it is sent again to a handler that hasn't heard it; then twice as long each time, so that native code
# that begins its wait anew after each signal comes to its end.
_REPEATED_AFTER = 0.02


def stopped(job: Job, error: BaseException) -> pb.Result:
    """A handler ended with Cancelled or CancelledError: it only counts as CANCELLED when somebody asked for it."""
    return _result.cancelled() if job.cancelled else _result.failed(error)


class Admission:
    """Of jobs, until serve() is about to return: the last look for one and the end are a single step."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False

    def admit(self, acknowledge: Acknowledge, add: Callable[[], None]) -> bool:
        with self._lock:
            if self._over:
                return False
            acknowledge()
            add()
            return True

    def end_if(self, condition: Callable[[], bool]) -> bool:
        with self._lock:
            self._over = self._over or condition()
            return self._over

    def end(self) -> None:
        self.end_if(lambda: True)


class MainThread:
    """One job at a time. A cancel raises Cancelled in the handler, out of a system call if need be.

    The signal says "look"; the job's own flag says whether there is something to raise. So a signal that comes late
    finds nothing: `_interruptible` is None between jobs, and a later job isn't cancelled. One that comes too early
    interrupts nothing (the interpreter has looked, and isn't in the system call yet), so it is sent until it's heard.
    """

    def __init__(self, run: PlainRun, finish: Finish) -> None:
        self._run = run
        self._finish = finish
        self._jobs: Deque[Job] = collections.deque()
        self._stopped = False
        self._admission = Admission()
        self._interruptible: Optional[Job] = None  # written on the main thread only
        self._bell = Bell()
        self._sigterm = Sigterm(self.stop)

    def take(self, job: Job, acknowledge: Acknowledge) -> bool:
        admitted = self._admission.admit(acknowledge, lambda: self._jobs.append(job))
        self._bell.ring()
        return admitted

    def cancel(self, job: Job) -> None:
        if self._interruptible is not job:
            return  # it waits for its turn or looks by itself: each sees the job's flag
        self._interrupt_main_thread()
        try:
            threading.Thread(target=self._repeat_until_heard, args=(job,), name="andiron-cancel", daemon=True).start()
        except RuntimeError:
            pass  # no thread can be had: then the first has to do, and the worker has its other means

    def _repeat_until_heard(self, job: Job) -> None:
        pause = _REPEATED_AFTER
        time.sleep(pause)
        while self._interruptible is job:
            self._interrupt_main_thread()
            pause *= 2
            time.sleep(pause)

    def _interrupt_main_thread(self) -> None:
        ident = threading.main_thread().ident
        if ident is not None:
            signal.pthread_kill(ident, INTERRUPT)

    def stop(self) -> None:
        self._stopped = True
        self._bell.ring()

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        self._sigterm.begin(busy)
        self._bell.ring_for_signals()

    def serve(self, ready: Callable[[], None]) -> None:
        # It stays when serve() has returned: the default would end the process, and a cancel may come late.
        signal.signal(INTERRUPT, self._interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {INTERRUPT})
        try:
            ready()
            while self._wait_for_job():
                job = self._jobs.popleft()
                self._sigterm.leave()
                result = self._run_interruptible(job)
                self._bell.ring_for_signals_again()
                self._sigterm.heed()
                self._finish(job, result)
        finally:
            self._admission.end()  # also by an exception: of the program's own handler of a signal, say
            self._sigterm.leave()
            self._bell.close()

    def _wait_for_job(self) -> bool:
        self._bell.wait_until(lambda: bool(self._jobs) or self._stopped)
        return not self._admission.end_if(lambda: not self._jobs)

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
            return stopped(job, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _result.failed(error)


class Threads:
    """Up to `concurrency` jobs at once. A cancel is the handler's to notice."""

    def __init__(self, run: PlainRun, finish: Finish, concurrency: int) -> None:
        self._run = run
        self._finish = finish
        self._open: Set[Job] = set()
        self._stopped = False
        self._admission = Admission()
        self._bell = Bell()
        # The main thread can't know when a job is about to begin on another: it always heeds.
        self._sigterm = Sigterm(self.stop)
        self._executor = concurrent.futures.ThreadPoolExecutor(concurrency, "andiron-job")

    def take(self, job: Job, acknowledge: Acknowledge) -> bool:
        admitted = self._admission.admit(acknowledge, lambda: self._open.add(job))
        if admitted:
            self._executor.submit(self._run_one, job)
        return admitted

    def cancel(self, job: Job) -> None:
        """The job's flag is all there is."""

    def stop(self) -> None:
        self._stopped = True
        self._bell.ring()

    def heed_sigterm(self, busy: Callable[[], bool]) -> None:
        self._sigterm.begin(busy)
        self._bell.ring_for_signals()

    def serve(self, ready: Callable[[], None]) -> None:
        try:
            ready()
            self._bell.wait_until(lambda: self._admission.end_if(lambda: self._stopped and not self._open))
            self._executor.shutdown(wait=True)
        finally:
            self._admission.end()  # also by an exception: of the program's own handler of a signal, say
            self._sigterm.leave()
            self._bell.close()

    def wait(self, cancel: threading.Event, seconds: Optional[float]) -> bool:
        return cancel.wait(seconds)

    def _run_one(self, job: Job) -> None:
        try:
            self._finish(job, self._outcome(job))
        finally:
            self._open.remove(job)
            if self._stopped:
                self._bell.ring()

    def _outcome(self, job: Job) -> pb.Result:
        try:
            return _result.succeeded(self._run(job))
        except Cancelled as error:
            return stopped(job, error)
        except BaseException as error:
            return _result.failed(error)
