"""What handlers see: the job, and the warm-up's progress."""

from __future__ import annotations

import threading
from typing import Callable, Optional

_PROGRESS_TEXT_MAX = 3 << 10  # bytes: a whole Progress message has at most 4 KiB


class Cancelled(BaseException):
    """Somebody wants the job to end. Raised in a plain handler on the main thread; any handler may raise it itself."""


class Job:
    """One job, valid while its handler runs. Its properties may be read from any thread."""

    def __init__(
        self,
        number: int,
        id: str,
        payload: bytes,
        run_for_ms: int,
        wait: Callable[[threading.Event, Optional[float]], bool],
    ) -> None:
        self._number = number
        self._id = id
        self._payload = payload
        self._run_for = run_for_ms / 1000 if run_for_ms else None
        self._wait = wait
        self._cancel = threading.Event()

    @property
    def id(self) -> str:
        """The name that the submitter gave it."""
        return self._id

    @property
    def payload(self) -> bytes:
        return self._payload

    @property
    def run_for(self) -> Optional[float]:
        """How long the job may run, in seconds; None = without a limit. The worker watches it."""
        return self._run_for

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants the job to end: return soon."""
        return self._cancel.is_set()

    def wait_cancelled(self, seconds: Optional[float] = None) -> bool:
        """Sleeps until the job is cancelled (True) or the time is over (False). For plain handlers only."""
        return self._wait(self._cancel, seconds)

    def __repr__(self) -> str:
        return f"<andiron.Job {self._id!r}, {len(self._payload)} bytes{', cancelled' if self.cancelled else ''}>"


class WarmUp:
    """What prewarm may use. Safe from any thread; does nothing once prewarm has returned."""

    def __init__(self, report: Callable[[int, str], None]) -> None:
        self._report: Optional[Callable[[int, str], None]] = report
        self._lock = threading.Lock()

    def progress(self, percent: int = -1, text: str = "") -> None:
        """Says that warming up goes on: moves init_stall_timeout on. percent: 0 to 100, or -1 if unknown."""
        cut = text.encode("utf-8", "replace")[:_PROGRESS_TEXT_MAX].decode("utf-8", "ignore")
        with self._lock:
            if self._report is not None:
                self._report(min(max(int(percent), -1), 100), cut)

    def _end(self) -> None:
        with self._lock:
            self._report = None
