"""What tools/chaos would say of a worker that breaks its promise: each check fails where it must, and only there."""

import copy
import unittest

import checks
import kills
from stream import Ledger

POOL = {
    "name": "p",
    "warm": 1,
    "max_children": 2,
    "slots": {"vacant": 1, "starting": 0, "idle": 1, "busy": 0, "stopping": 0, "dying": 0},
    "quarantined": 0,
    "contained": 0,
    "queued": 0,
    "running": 0,
    "reserved": 0,
    "spawned": 3,
    "exited": 2,
    "jobs": {"accepted": 1, "refused": 0, **{key: int(key == "succeeded") for key in checks.OUTCOMES}},
    "children": [{"pid": 11, "slot": 0, "generation": 3, "state": "idle"}],
}


def status(**changes):
    pool = copy.deepcopy(POOL)
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = pool
        for parent in parents:
            place = place[parent]
        place[key] = value
    return {"pools": [pool]}


def ledger_of(*events):
    """("s", request, payload), ("a", request), ("r", request), ("o", request, outcome, output)."""
    ledger = Ledger()
    for kind, request, *rest in events:
        if kind == "s":
            ledger.submitted(request, "p", rest[0])
        elif kind == "a":
            ledger.accepted(request)
        elif kind == "r":
            ledger.refused(request)
        else:
            ledger.ended(request, *rest)
    return ledger


GOOD_JOB = [("s", 1, b"x"), ("a", 1), ("o", 1, 1, b"x")]


def died(child, how):
    return {"event": "child_died", "child": child, "message": f"{child} (pid 5) {how}"}


def failed(found):
    return [check.what for check in found if not check.holds]


class Slots(unittest.TestCase):
    def test_at_rest(self):
        self.assertEqual(failed(checks.of_slots(status())), [])

    def test_a_lost_slot(self):
        self.assertIn("slots in no state", failed(checks.of_slots(status(slots__vacant=0))))

    def test_a_slot_that_never_came_back(self):
        found = failed(checks.of_slots(status(slots__idle=0, slots__dying=1)))
        self.assertEqual(found, ["pools not at rest (idle = warm, no job waits or runs)"])

    def test_jobs_that_wait_or_run(self):
        for key in ("queued", "running", "reserved"):
            self.assertEqual(len(failed(checks.of_slots(status(**{key: 1})))), 1, key)

    def test_quarantine_and_impossible_states(self):
        self.assertEqual(len(failed(checks.of_slots(status(quarantined=1, contained=1)))), 2)


class Children(unittest.TestCase):
    def test_as_many_as_are_counted(self):
        self.assertEqual(failed(checks.of_children(status(), {11: "p/0.3"})), [])

    def test_a_process_that_the_worker_does_not_know(self):
        found = failed(checks.of_children(status(), {11: "p/0.3", 12: "p/0.2"}))
        self.assertEqual(found, ["processes with the worker's mark that it doesn't list"])

    def test_a_child_that_is_no_process(self):
        self.assertEqual(failed(checks.of_children(status(), {})), ["children listed that are no process"])

    def test_counters_out_of_balance(self):
        found = failed(checks.of_children(status(exited=1), {11: "p/0.3"}))
        self.assertEqual(found, ["spawned - exited, against children listed"])


class Jobs(unittest.TestCase):
    def outcome_of(self, *events, **changes):
        return failed(checks.of_jobs(status(**changes), ledger_of(*events)))

    def test_one_outcome_each(self):
        self.assertEqual(self.outcome_of(*GOOD_JOB), [])

    def test_an_outcome_told_twice(self):
        self.assertEqual(self.outcome_of(*GOOD_JOB, ("o", 1, 1, b"x")),
                         ["jobs with more than one outcome, or one without a job"])

    def test_an_outcome_of_a_job_that_was_refused(self):
        found = self.outcome_of(*GOOD_JOB, ("s", 2, b""), ("r", 2), ("o", 2, 1, b""), jobs__refused=1)
        self.assertEqual(found, ["jobs with more than one outcome, or one without a job"])

    def test_accepted_twice_and_refused_after_acceptance(self):
        self.assertEqual(ledger_of(("s", 1, b""), ("a", 1), ("a", 1), ("r", 1)).surplus, 2)

    def test_a_lost_job(self):
        found = self.outcome_of(*GOOD_JOB, ("s", 2, b"y"), ("a", 2), jobs__accepted=2)
        self.assertIn("accepted, against the sum of outcomes", found)
        self.assertIn("jobs without an outcome", found)

    def test_another_jobs_result(self):
        self.assertEqual(self.outcome_of(("s", 1, b"x"), ("a", 1), ("o", 1, 1, b"y")),
                         ["results that belong to another job"])

    def test_an_outcome_that_the_worker_counts_differently(self):
        found = self.outcome_of(("s", 1, b"x"), ("a", 1), ("o", 1, 6, b""))
        self.assertEqual(found, ["counters that differ from what the client heard"])


class Kills(unittest.TestCase):
    def test_the_state_at_the_kill_comes_from_the_log(self):
        log = [
            died("p/0.1", "was killed by SIGKILL while it was idle. What to do"),
            died("p/0.2", "was killed by SIGKILL while it ran job a. What to do"),
            died("p/0.3", "was killed by SIGKILL when it was asked to stop: it was no longer needed"),
            {"event": "worker_started", "message": "while it was idle"},
        ]
        states, ends = kills.state_by_child(log)
        self.assertEqual(ends, 3)
        strikes = [{"signal": "SIGKILL", "child": f"p/0.{number}", "executed": True} for number in (1, 2, 3, 4)]
        strikes.append({"signal": "SIGKILL", "child": "", "executed": False})
        strikes.append({"signal": "SIGSTOP", "child": "p/0.1", "executed": True})
        self.assertEqual(dict(kills.by_state(strikes, states)),
                         {"idle": 1, "running": 1, "stopping": 1, "no end in the log": 1, "fork to exec": 1})


if __name__ == "__main__":
    unittest.main()
