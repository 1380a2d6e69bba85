"""SIGTERM while serve() runs, for a program that has no plan of its own for it.

Between jobs a handler ends the child in order. With a job the signal ends the process, which is what the worker means
then: it does so by default, also where no handler would run, deep in native code or in a loop that doesn't turn. A
handler that the program installs meanwhile stays.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Callable, Optional


class Sigterm:
    """On the main thread only. Does nothing before begin().

    busy() and stop() are called between any two lines of the main thread's.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._busy: Optional[Callable[[], bool]] = None
        self._process = os.getpid()

    def begin(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self.heed()
        # A process that is forked off is no child of the worker's: nothing of it has to end in order.
        os.register_at_fork(after_in_child=self.leave)

    def heed(self) -> None:
        if self._busy is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def leave(self) -> None:
        """From now on it ends the process."""
        if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _on_sigterm(self, _number: int, _frame: object) -> None:
        forked = os.getpid() != self._process  # so early that it hasn't left
        if forked or (self._busy is not None and self._busy()):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # another thread may have let it through
            signal.raise_signal(signal.SIGTERM)
        self._stop()


def set_wakeup_descriptor(descriptor: int, ours: int = -1) -> bool:
    """What signals write a byte to. False = the program has one of its own, and keeps it.

    A signal that another thread takes then may be heard only when the worker says stop.
    """
    before = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    if before in (-1, ours):
        return True
    try:
        signal.set_wakeup_fd(before)
    except (OSError, ValueError):
        return True  # it's closed
    return False


class Bell:
    """What the main thread waits for: a byte in a pipe, of any thread or of a signal.

    On a lock it would miss a signal that comes just before, or to another thread.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        # Reentrant: the handler of a signal rings too, whatever its thread is at.
        self._lock = threading.RLock()
        self._rings_for_signals = False
        os.register_at_fork(after_in_child=self._close_in_forked_process)

    def ring(self) -> None:
        """From any thread, also when it's closed."""
        with self._lock:
            try:
                if self._writer != -1:
                    os.write(self._writer, b"\0")
            except BlockingIOError:
                pass  # full of earlier bytes, each of which wakes it

    def wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            os.read(self._reader, 4096)

    def ring_for_signals(self) -> None:
        self._rings_for_signals = True
        set_wakeup_descriptor(self._writer, self._writer)

    def ring_for_signals_again(self) -> None:
        """After code of the program: asyncio.run() may have taken it away."""
        if self._rings_for_signals:
            self.ring_for_signals()

    def close(self) -> None:
        """On the main thread. First no signal writes any more: another file may get the descriptor's number."""
        if self._rings_for_signals:
            self._rings_for_signals = False
            set_wakeup_descriptor(-1, self._writer)
        with self._lock:
            reader, self._reader = self._reader, -1
            writer, self._writer = self._writer, -1
        if writer != -1:
            os.close(reader)
            os.close(writer)

    def _close_in_forked_process(self) -> None:
        self._lock = threading.RLock()  # a thread that isn't here may hold the other
        self.close()
