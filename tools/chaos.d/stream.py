"""Jobs that keep coming: so many open in each pool, and a ledger of what is heard about each."""

import time
from collections import Counter, defaultdict

from checks import OUTCOMES

REFUSED_PAUSE = 0.05


class Ledger:
    """Each job's end, once. Requests are numbered upwards, so that an end told again is known without keeping all."""

    def __init__(self):
        self.open = {}  # request -> (pool, payload)
        self._accepted = set()  # of those that are open
        self._heard = defaultdict(Counter)
        self.surplus = 0
        self.foreign = 0

    @property
    def unended(self):
        return len(self.open)

    def heard(self, pool):
        return self._heard[pool]

    def outcomes(self):
        return sum(self._heard.values(), Counter())

    def submitted(self, request, pool, payload):
        self.open[request] = (pool, payload)

    def accepted(self, request):
        if request not in self.open or request in self._accepted:
            self.surplus += 1
            return
        self._accepted.add(request)
        self._heard[self.open[request][0]]["accepted"] += 1

    def refused(self, request):
        """Returns the pool, None if there was no such job."""
        if request not in self.open or request in self._accepted:
            self.surplus += 1
            return None
        pool, _ = self.open.pop(request)
        self._heard[pool]["refused"] += 1
        return pool

    def ended(self, request, outcome, output):
        """`outcome` is the control protocol's number, 1 is SUCCEEDED. Returns the pool, None if it can't have ended."""
        if request not in self._accepted:
            self.surplus += 1
            return None
        pool, payload = self.open.pop(request)
        self._accepted.discard(request)
        self._heard[pool][OUTCOMES[outcome - 1]] += 1
        if outcome == 1 and output != payload:
            self.foreign += 1
        return pool


class Stream:
    """`plan`: pool -> jobs to keep open. Children answer with their payload."""

    def __init__(self, control, plan, random):
        self._control = control
        self._plan = plan
        self._random = random
        self._later = []  # (when, pool): after a refusal
        self._flowing = False
        self.ledger = Ledger()

    def submit(self, pool):
        payload = b"%d " % self._random.getrandbits(64) + b"x" * self._random.randrange(2000)
        request, _ = self._control.submit(pool, payload, "")
        self.ledger.submitted(request, pool, payload)

    def flow(self):
        self._flowing = True
        for pool, count in self._plan.items():
            for _ in range(count):
                self.submit(pool)

    def ebb(self):
        """Nothing new: what is open comes to its end."""
        self._flowing = False
        self._later.clear()

    def pump(self, seconds):
        """Hears what comes within that time. Raises WorkerGone."""
        deadline = time.monotonic() + seconds
        while True:
            for entry in [entry for entry in self._later if entry[0] <= time.monotonic()]:
                self._later.remove(entry)
                self.submit(entry[1])
            message = self._control.receive(min([deadline, *(when for when, _ in self._later)]))
            if message is not None:
                self._hear(message)
            if time.monotonic() >= deadline:
                return

    def run_dry(self, seconds):
        """Waits for the ends of all open jobs."""
        deadline = time.monotonic() + seconds
        while self.ledger.open and time.monotonic() < deadline:
            self.pump(0.02)

    def _hear(self, message):
        kind = message.WhichOneof("kind")
        body = getattr(message, kind)
        if kind == "accepted":
            self.ledger.accepted(body.request)
        elif kind == "refused":
            pool = self.ledger.refused(body.request)
            if self._flowing and pool:
                self._later.append((time.monotonic() + max(body.retry_after_ms / 1000, REFUSED_PAUSE), pool))
        elif kind == "outcome":
            pool = self.ledger.ended(body.request, body.outcome, body.output)
            if self._flowing and pool:
                self.submit(pool)
        elif kind == "error":
            self.ledger.surplus += 1
