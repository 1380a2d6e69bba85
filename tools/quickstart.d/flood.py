"""A few thousand jobs, and what is done to the children meanwhile."""

import json
import os
import signal
import time
from dataclasses import dataclass, field
from typing import List, Optional

OPEN_JOBS = 32  # submitted and without an outcome, at any time
STRIKE_SECONDS = 0.05  # to find a child in the right state
FAULT_DEADLINE = 60.0  # seconds in which every job has to have its outcome


@dataclass
class Job:
    name: str
    pool: str
    submitted_ns: int
    what: str = ""  # "" or the fault that it asks for
    accepted: bool = False
    refused: str = ""
    outcomes: List[object] = field(default_factory=list)

    @property
    def outcome(self):
        return self.outcomes[0] if self.outcomes else None


@dataclass
class Fault:
    what: str  # SIGKILL, SIGSTOP
    child: str  # "pool/slot.generation"
    pid: int
    hit: Optional[Job] = None  # the job that ended by it


def kernel_state(pid):
    """R: runs or is about to. S: waits for something. "?": it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return "?"


def signal_child(child, pid, number):
    """Sends the signal to this very child, not to whoever has its number now. False: it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            if f"ANDIRON_CHILD={child}".encode() not in environ.read().split(b"\0"):
                return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


class Flood:
    """`plan` yields (pool, payload, what, run_for_ms) for each job. Hits a child after every `fault_every` outcomes."""

    def __init__(self, control, plan, fault_every):
        self._control = control
        self._plan = iter(plan)
        self._fault_every = fault_every
        self._signals = [signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP]
        self._ended = 0
        self._fault_due = False
        self._running = set()  # children whose job has begun, as far as we have heard
        self.jobs = {}  # by request
        self.faults = []
        self.unexpected = []

    def run(self, progress):
        """Until every job has an outcome, or nothing has come for FAULT_DEADLINE."""
        self._submit_more()
        while self._open() > 0:
            message = self._control.receive(time.monotonic() + FAULT_DEADLINE)
            if message is None:
                return
            self._handle(message)
            self._submit_more()
            progress(self._ended)
        self._match_faults()

    def _open(self):
        return len(self.jobs) - self._ended

    def _submit_more(self):
        while self._open() < OPEN_JOBS:
            following = next(self._plan, None)
            if following is None:
                return
            pool, payload, what, run_for_ms = following
            name = f"{pool}-{len(self.jobs) + 1}"
            request, moment = self._control.submit(pool, payload, name, run_for_ms)
            self.jobs[request] = Job(name, pool, moment, what)

    def _handle(self, message):
        kind = message.WhichOneof("kind")
        body = getattr(message, kind)
        if kind == "status":
            self._strike(json.loads(body.json))
        elif kind in ("accepted", "refused", "started", "outcome") and body.request in self.jobs:
            self._note(kind, body, self.jobs[body.request])
        else:
            self.unexpected.append(str(message))

    def _note(self, kind, body, job):
        if kind == "accepted":
            job.accepted = True
        elif kind == "refused":
            job.refused = body.text or "refused"
            self._end_one()
        elif kind == "started":
            self._running.add(body.child)
        elif kind == "outcome":
            self._running.discard(body.child)
            job.outcomes.append(body)
            if len(job.outcomes) == 1:
                self._end_one()

    def _end_one(self):
        self._ended += 1
        if self._ended % self._fault_every == 0:
            self._control.ask_status()

    def _strike(self, status):
        """Hits a child that works, every fifth time one that doesn't. The status may be old now: the kernel knows."""
        what = self._signals[len(self.faults) % len(self._signals)]
        wanted, in_kernel = ("idle", "S") if len(self.faults) % 5 == 4 else ("busy", "R")
        children = [
            (f"{pool['name']}/{child['slot']}.{child['generation']}", child["pid"])
            for pool in status["pools"]
            for child in pool["children"]
            if child["state"] == wanted
        ]
        children.sort(key=lambda one: one[0] not in self._running)
        for child, pid in self._chances(children):
            if kernel_state(pid) == in_kernel and signal_child(child, pid, what):
                self.faults.append(Fault(what.name, child, pid))
                return

    def _chances(self, children):
        """The children not yet hit, again and again for a moment."""
        hit = {fault.child for fault in self.faults}
        deadline = time.monotonic() + STRIKE_SECONDS
        while time.monotonic() < deadline:
            yield from ((child, pid) for child, pid in children if child not in hit)

    def _match_faults(self):
        ended = {}
        for job in self.jobs.values():
            if job.outcome is not None and job.outcome.outcome != 1:
                ended.setdefault(job.outcome.child, job)
        for fault in self.faults:
            fault.hit = ended.get(fault.child)
