"""Many dispatches at two workers with a fault every second: each job runs once, is refused, or is FAILED with a text.

    ANDIRON_BURST=500 python3 -m unittest source_burst_test     the whole; without it, 100 dispatches
"""

import collections
import heapq
import itertools
import os
import random
import signal
import threading
import time
import unittest

from contract import job_of, wire
from source_rig import EAGER, HONEST, IMPATIENT, SourceTest, kill, wait_until

SIZE = int(os.environ.get("ANDIRON_BURST", "100"))
RATE = 8.0  # dispatches a second
MOMENT = 0.7  # of standing still: less than a worker's stall_limit, and than the server's patience
JOBS = ("", "sleep=500ms", "sleep=1s", "sleep=300ms fail=on purpose", "sleep=700ms", "sleep=200ms exit=3")
POOL = {"warm": 4, "max_children": 8, "ack_timeout": "500ms", "ping_interval": "500ms", "ping_timeout": "1s",
        "backoff_max": "500ms", "run_for": "10s", **IMPATIENT}
ENDS = (wire.JobStatus.SUCCESS, wire.JobStatus.FAILED)


class Schedule:
    """Things to do, each at its time, in one thread. What is late delays all that follows, so that they keep their
    distances."""

    def __init__(self):
        self._things = []
        self._order = itertools.count()
        self._begun = time.monotonic()

    def at(self, seconds, thing, *arguments):
        heapq.heappush(self._things, (seconds, next(self._order), thing, arguments))

    def now(self):
        return time.monotonic() - self._begun

    def run(self):
        while self._things:
            seconds, _, thing, arguments = heapq.heappop(self._things)
            threading.Event().wait(max(0.0, seconds - self.now()))
            self._begun += max(0.0, self.now() - seconds)
            thing(*arguments)


class Burst(SourceTest):
    def setUp(self):
        super().setUp()
        self.lk = self.server()
        self.rooms = [f"room{number}" for number in range(10)]
        for room in self.rooms:
            self.lk.create_room(room)
        self.command, self.begun = self.book()
        self.taps = [self.tap(self.lk), self.tap(self.lk)]
        for tap in self.taps:
            self.worker(tap, command=self.command, pool=POOL, livekit={**EAGER, "stall_limit": "2s"})
        for worker in self.workers:
            worker.ready()
        self.random = random.Random(SIZE)
        self.schedule = Schedule()
        self.dispatches = []
        self.faults_done = collections.Counter()

    # ---- faults ----

    def one_child(self, *states):
        children = [child for worker in self.workers for child in worker.children(*states)]
        return self.random.choice(children) if children else None

    def strike_child(self, number, *states):
        child = self.one_child(*states)
        if child is not None and kill(child, number):
            self.faults_done[f"{number.name} {' or '.join(states)}"] += 1

    def still(self, one):
        """The server or a worker stands still for a moment. A thread of its own ends that: a call may wait for it."""
        if one is not self.lk and not one.alive():
            return
        one.freeze()
        self.faults_done["server still" if one is self.lk else "worker still"] += 1
        thaw = threading.Timer(MOMENT, one.thaw)
        thaw.start()
        self.addCleanup(thaw.join)

    def restart(self, worker):
        """Drained, as for an update, and there again. One at a time."""
        if all(other.alive() for other in self.workers):
            self.faults_done["restart"] += 1
            worker.signal(signal.SIGTERM)
            self.start_again(worker)

    def start_again(self, worker):
        if worker.alive():
            self.schedule.at(self.schedule.now() + 0.05, self.start_again, worker)
        else:
            self.assertEqual(worker.process.returncode, 0)
            worker.start()

    def faults(self):
        """One after the other, for ever."""
        return itertools.cycle([
            lambda: self.strike_child(signal.SIGKILL, "idle"),
            lambda: self.strike_child(signal.SIGKILL, "busy"),
            lambda: self.restart(self.workers[0]),
            lambda: self.strike_child(signal.SIGSTOP, "idle"),
            lambda: self.still(self.workers[1]),
            lambda: self.strike_child(signal.SIGSTOP, "busy"),
            lambda: self.still(self.lk),
            lambda: self.restart(self.workers[1]),
            lambda: self.strike_child(signal.SIGKILL, "starting", "idle", "busy"),
            lambda: self.still(self.workers[0]),
        ])

    # ---- the account ----

    def said(self, name):
        return [word for tap in self.taps for word in tap.said(name)]

    def dispatch(self, number):
        metadata = JOBS[number % len(JOBS)]
        self.dispatches.append(self.lk.create_dispatch(self.rooms[number % len(self.rooms)], "clerk", metadata)["id"])

    def assigned(self):
        """{job: dispatch} of all assignments that a worker got."""
        jobs = [job_of(word) for tap in self.taps for word in tap.heard("assignment")]
        self.assertEqual(len({job.id for job in jobs}), len(jobs), "a job was assigned twice")
        return {job.id: job.dispatch_id for job in jobs}

    def ends(self):
        """{job: the words about its end}"""
        ends = {}
        for word in self.said("job_status"):
            if word.status in ENDS:
                ends.setdefault(word.job_id, []).append(word)
        return ends

    def settled(self):
        assigned = self.assigned()
        return len(assigned) + len(self.jobs.untaken()) >= SIZE and set(self.ends()) >= set(assigned)

    def test_nothing_is_lost_and_nothing_runs_twice(self):
        faults = self.faults()
        for number in range(SIZE):
            self.schedule.at(number / RATE, self.dispatch, number)
        for second in range(1, int(SIZE / RATE)):
            self.schedule.at(second + 0.03, next(faults))
        self.schedule.run()
        wait_until(self.settled, "each dispatch is settled")
        assigned, ends, begun, untaken = self.assigned(), self.ends(), self.begun(), self.jobs.untaken()
        # Each dispatch is one job of one worker, or found every worker full or unwilling.
        self.assertLessEqual(set(assigned.values()), set(self.dispatches))
        self.assertEqual(len(set(assigned.values())), len(assigned), "two jobs of one dispatch")
        self.assertEqual(len(assigned) + len(untaken), SIZE)
        self.assertEqual([error for error in untaken if not error.startswith(HONEST)], [])
        self.assertEqual({one["jobID"] for one in self.jobs.assigned()}, set(assigned))
        # No job ran twice, and none in secret.
        self.assertEqual(len(begun), len(set(begun)))
        self.assertLessEqual(set(begun), set(assigned))
        self.check_ends(assigned, ends, set(begun))
        print(f"\n{SIZE} dispatches: {len(begun)} ran, {len(assigned) - len(begun)} failed before they ran, "
              f"{len(untaken)} found no worker; {dict(self.faults_done)}", flush=True)
        # Of what there was a place for nearly all has run; and there was a place for nearly all, on a slow machine too.
        self.assertGreaterEqual(len(begun), 0.95 * len(assigned))
        self.assertGreaterEqual(len(begun), 0.9 * SIZE)
        self.check_that_all_is_well()

    def check_ends(self, assigned, ends, begun):
        self.assertEqual(set(ends), set(assigned))
        for job, words in ends.items():
            self.assertEqual(len({(word.status, word.error) for word in words}), 1, words)
            failed = words[0].status == wire.JobStatus.FAILED
            self.assertEqual(failed, bool(words[0].error), words)
            self.assertTrue(failed or job in begun, f"{job} is SUCCESS and never ran")

    def check_that_all_is_well(self):
        for worker in self.workers:
            worker.ready()
            agent = worker.wait(lambda agent: agent["outbox"] == 0 and agent["jobs"] == 0, "all is told")
            self.assertEqual(agent["assigned"], agent["succeeded"] + agent["failed"])
            self.assertEqual(agent["unacknowledged"], 0)
            pool = worker.wait_pool(lambda pool: pool["reserved"] == 0, "no place is held")
            self.assertEqual((pool["running"], pool["queued"], pool["quarantined"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
