"""What the worker says to a server, and when: each rule that the real one doesn't forgive (docs/livekit.md), checked
by a server that keeps the times."""

import os
import signal
import time
import unittest

from contract import wire
from hostile_server import Over, assignment, offer, termination
from source_rig import EAGER, IMPATIENT, SourceTest, wait_until

AVAILABLE, FULL = wire.WorkerStatus.AVAILABLE, wire.WorkerStatus.FULL
PATIENCE = 2.5  # seconds; the real server has little more
SCARCE = {"warm": 1, "max_children": 1, "queue_limit": 0, **IMPATIENT}


def listens(connection):
    """Accepts, registers; the test itself says what follows."""
    connection.accept()
    connection.register()


class Rules(SourceTest):
    def setUp(self):
        super().setUp()
        self.lk = self.hostile(listens)

    def registered(self, **options):
        """A worker, ready, and its connection."""
        worker = self.worker(self.lk, **{"livekit": EAGER, **options})
        connection = self.lk.connection(0)
        if worker.config["pools"]["clerk"]["warm"] > 0:
            worker.ready()
            connection.wait(lambda: connection.all("worker_status")[-1].status == AVAILABLE, "it can take jobs")
        return worker, connection

    def assigned(self, connection, id, metadata=""):
        """Offered, accepted, assigned, running."""
        connection.say(offer(id, metadata=metadata))
        self.assertTrue(self.answer(connection, id).available)
        connection.say(assignment(id, metadata=metadata))
        self.said(connection, id, "RUNNING")

    @staticmethod
    def answers(connection, id):
        return [word for word in connection.all("answer") if word.job_id == id]

    def answer(self, connection, id):
        connection.wait(lambda: self.answers(connection, id), f"the answer about {id}")
        return self.answers(connection, id)[0]

    @staticmethod
    def said(connection, id, status, count=1):
        connection.wait(lambda: connection.statuses(id).count(status) >= count, f"{count} of {status} of {id}")

    @staticmethod
    def times(connection, name, id):
        return [heard.time for heard in connection.heard if heard.name == name and heard.word.job_id == id]


class Answers(Rules):
    def test_a_yes_names_the_agent_and_comes_in_time(self):
        _, connection = self.registered()
        asked = time.monotonic()
        connection.say(offer("AJ_1"))
        answer = self.answer(connection, "AJ_1")
        self.assertEqual((answer.available, answer.participant_identity, answer.participant_name),
                         (True, "agent-AJ_1", "clerk"))
        self.assertLess(self.times(connection, "answer", "AJ_1")[0] - asked, PATIENCE)

    def test_an_offer_that_cant_be_taken_is_refused_and_not_left_alone(self):
        worker, connection = self.registered(pool=SCARCE)
        self.assigned(connection, "AJ_1", "sleep=60s")
        for id in ("AJ_2", "AJ_3"):
            asked = time.monotonic()
            connection.say(offer(id))
            self.assertFalse(self.answer(connection, id).available)
            self.assertLess(self.times(connection, "answer", id)[0] - asked, PATIENCE)
        connection.say(termination("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS")
        worker.ready()
        connection.say(offer("AJ_4"))
        self.assertTrue(self.answer(connection, "AJ_4").available)

    def test_an_accepted_offer_that_is_never_assigned_gives_its_place_back(self):
        worker, connection = self.registered(pool={**SCARCE, "reservation_timeout": "60s"})
        connection.say(offer("AJ_1"))
        self.assertTrue(self.answer(connection, "AJ_1").available)
        connection.wait(lambda: connection.all("worker_status")[-1].status == FULL, "its only place is taken")
        connection.wait(lambda: connection.all("worker_status")[-1].status == AVAILABLE, "it is free again", 10)
        # An assignment that comes even later is ours all the same.
        connection.say(assignment("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS")
        self.assertIn("AJ_1 was accepted and never assigned", worker.log())

    def test_a_child_that_dies_between_the_answer_and_the_assignment_is_replaced(self):
        worker, connection = self.registered(pool=SCARCE)
        connection.say(offer("AJ_1"))
        self.assertTrue(self.answer(connection, "AJ_1").available)
        child, = worker.children("idle")
        os.kill(child, signal.SIGKILL)
        worker.wait_pool(lambda pool: pool["exited"] == 1, "its death is known")
        connection.say(assignment("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS")

    def test_an_offer_said_twice_is_a_job_once(self):
        book, begun = self.book()
        worker, connection = self.registered(command=book)
        connection.say(offer("AJ_1", metadata="sleep=300ms"))
        connection.say(offer("AJ_1", metadata="sleep=300ms"))
        self.answer(connection, "AJ_1")
        connection.say(assignment("AJ_1", metadata="sleep=300ms"))
        connection.say(assignment("AJ_1", metadata="sleep=300ms"))
        self.said(connection, "AJ_1", "RUNNING")
        connection.say(offer("AJ_1"))
        connection.wait(lambda: len(self.answers(connection, "AJ_1")) >= 2, "the offer of a running job is answered")
        self.said(connection, "AJ_1", "SUCCESS")
        # Also when it is over: its end is said again, and that is all.
        count = connection.statuses("AJ_1").count("SUCCESS")
        connection.say(assignment("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS", count + 1)
        self.assertEqual(begun(), ["AJ_1"])
        self.assertEqual(worker.pool()["jobs"]["accepted"], 1)


class Ends(Rules):
    def test_an_end_comes_after_running_not_at_once_and_twice(self):
        _, connection = self.registered()
        connection.say(offer("AJ_1"))
        self.answer(connection, "AJ_1")
        connection.say(assignment("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS", 2)
        self.assertEqual(connection.statuses("AJ_1"), ["RUNNING", "SUCCESS", "SUCCESS"])
        # RUNNING came after the assignment, so this is at least the time that the server needs to note it.
        first, second = self.times(connection, "job_status", "AJ_1")[1:]
        self.assertGreater(second - first, 0.15)
        self.assertGreater(first - self.times(connection, "answer", "AJ_1")[0], 0.02)

    def test_a_job_that_fails_at_once_isnt_told_of_too_early_either(self):
        worker, connection = self.registered(pool={"max_payload": "1KiB"})
        connection.say(offer("AJ_1"))
        answered = self.answer(connection, "AJ_1")
        self.assertTrue(answered.available)
        connection.say(assignment("AJ_1", metadata="x" * 2000))
        self.said(connection, "AJ_1", "FAILED")
        failed = next(word for word in connection.all("job_status") if word.job_id == "AJ_1")
        self.assertIn("larger than the pool's max_payload", failed.error)
        self.assertGreater(self.times(connection, "job_status", "AJ_1")[0] -
                           self.times(connection, "answer", "AJ_1")[0], 0.02)
        self.assertEqual(worker.agent()["failed"], 1)

    def test_an_end_is_said_again_on_each_link_until_a_ping_behind_it_is_answered(self):
        worker, first = self.registered()
        first.answers_pings = False
        self.assigned(first, "AJ_1")
        self.said(first, "AJ_1", "SUCCESS")
        self.assertEqual(worker.agent()["outbox"], 1)

        def deaf(connection):
            connection.answers_pings = False
            listens(connection)

        self.lk.script = deaf
        first.reset()
        second = self.lk.connection(1)
        self.said(second, "AJ_1", "SUCCESS")
        self.assertEqual(worker.agent()["outbox"], 1)
        self.lk.script = listens
        second.reset()
        third = self.lk.connection(2)
        self.said(third, "AJ_1", "SUCCESS")
        worker.wait(lambda agent: agent["outbox"] == 0, "the end is known to be read")
        third.reset()
        fourth = self.lk.connection(3)
        fourth.hear("worker_status")
        # What it says at a registration has been said when it answers what comes after.
        fourth.say(offer("AJ_last"))
        self.answer(fourth, "AJ_last")
        self.assertEqual(fourth.statuses("AJ_1"), [])
        self.assertEqual(worker.agent()["reconnects"], 3)

    def test_a_job_goes_on_without_a_link_and_its_end_is_the_first_that_the_next_one_hears(self):
        worker, first = self.registered()
        self.assigned(first, "AJ_1", "sleep=1s")
        self.lk.script = lambda connection: connection.refuse(503)
        first.reset()
        worker.wait(lambda agent: agent["outbox"] == 1 and agent["jobs"] == 0, "it has ended meanwhile")
        self.assertNotEqual(worker.agent()["state"], "registered")
        self.lk.script = listens
        wait_until(lambda: "SUCCESS" in self.lk.statuses("AJ_1"), "its end is told")
        last = next(one for one in self.lk.connections if one.statuses("AJ_1") and one is not first)
        last.hear("ping")
        first = {heard.name for heard in last.heard[:4]}
        self.assertEqual(first, {"registration", "worker_status", "job_status", "ping"})
        self.assertNotIn("RUNNING", last.statuses("AJ_1"))


class Terminations(Rules):
    def test_a_termination_may_come_at_any_time_and_any_number_of_times(self):
        worker, connection = self.registered()
        connection.say(termination("AJ_nobodys"))
        connection.say(termination("AJ_1"))
        self.assigned(connection, "AJ_1", "sleep=60s")
        for _ in range(3):
            connection.say(termination("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS", 2)
        connection.say(termination("AJ_1"))
        self.assigned(connection, "AJ_2")
        self.said(connection, "AJ_2", "SUCCESS")
        self.assertEqual(set(connection.statuses("AJ_1")[1:]), {"SUCCESS"})
        agent = worker.agent()
        self.assertEqual((agent["terminated"], agent["succeeded"], agent["failed"]), (1, 2, 0))

    def test_one_that_doesnt_listen_gets_its_grace_and_no_more(self):
        worker, connection = self.registered(pool=SCARCE, livekit={"termination_grace": "500ms", **EAGER})
        self.assigned(connection, "AJ_1", "hang")
        connection.say(termination("AJ_1"))
        connection.say(termination("AJ_1"))
        self.said(connection, "AJ_1", "SUCCESS")
        took = self.times(connection, "job_status", "AJ_1")
        self.assertGreater(took[1] - took[0], 0.5)
        self.assertLess(took[1] - took[0], 5)
        worker.ready()

    def test_a_job_terminated_before_it_has_started_never_starts(self):
        book, begun = self.book()
        # Slow enough to warm up that a job waits for it.
        worker, connection = self.registered(command=[*book, "--prewarm", "sleep=3s"],
                                             pool={"warm": 1, "max_children": 2})
        self.assigned(connection, "AJ_1", "sleep=60s")
        connection.say(offer("AJ_2"))
        self.assertTrue(self.answer(connection, "AJ_2").available)
        connection.say(assignment("AJ_2"))
        connection.say(termination("AJ_2"))
        self.said(connection, "AJ_2", "SUCCESS")
        self.assertEqual(set(connection.statuses("AJ_2")), {"SUCCESS"})
        worker.ready()
        self.assertEqual(begun(), ["AJ_1"])


class Truth(Rules):
    def test_full_is_told_with_the_last_place_and_with_a_drain(self):
        worker, connection = self.registered(pool=SCARCE)
        self.assigned(connection, "AJ_1", "sleep=60s")
        connection.wait(lambda: connection.all("worker_status")[-1].status == FULL, "its only place is taken")
        connection.say(termination("AJ_1"))
        connection.wait(lambda: connection.all("worker_status")[-1].status == AVAILABLE, "it can take jobs again")
        worker.run("drain")
        connection.wait(lambda: connection.all("worker_status")[-1].status == FULL, "it drains")
        connection.say(offer("AJ_2"))
        self.assertFalse(self.answer(connection, "AJ_2").available)
        # What is assigned all the same is refused in words.
        connection.say(assignment("AJ_3"))
        self.said(connection, "AJ_3", "FAILED")
        self.assertIn("drain", next(w.error for w in connection.all("job_status") if w.job_id == "AJ_3"))

    def test_a_new_registration_is_followed_by_the_truth(self):
        worker, first = self.registered(pool=SCARCE)
        self.assigned(first, "AJ_1", "sleep=60s")
        first.reset()
        second = self.lk.connection(1)
        second.hear("worker_status")
        # The server takes it for idle until it hears otherwise: nothing is said in between.
        self.assertEqual([heard.name for heard in second.heard[:2]], ["registration", "worker_status"])
        self.assertEqual(second.all("worker_status")[0].status, FULL)
        worker.wait(lambda agent: agent["jobs"] == 1 and agent["state"] == "registered", "the job runs on")

    def test_a_worker_that_stood_still_answers_no_old_offer_and_connects_anew(self):
        worker, connection = self.registered(livekit={**EAGER, "stall_limit": "500ms"})
        worker.freeze()
        connection.say(offer("AJ_old"))
        try:
            # Not a wait for anything: the stall itself.
            connection.pause(1.6)
        except Over:
            self.fail("it isn't frozen")
        connection.say(offer("AJ_new"))
        worker.thaw()
        connection.wait_ended()
        self.assertEqual(connection.all("answer"), [])
        self.assertEqual(connection.all("worker_status")[-1].status, FULL)
        second = self.lk.connection(1)
        second.wait(lambda: second.all("worker_status") and second.all("worker_status")[-1].status == AVAILABLE,
                    "it can take jobs again")
        self.assertIn("stood still", worker.log())

    def test_what_was_assigned_to_a_worker_that_stood_still_runs(self):
        book, begun = self.book()
        worker, connection = self.registered(command=book, pool={"warm": 6, "max_children": 12},
                                             livekit={**EAGER, "stall_limit": "500ms"})
        jobs = [f"AJ_{number}" for number in range(6)]
        for job in jobs:
            connection.say(offer(job))
        for job in jobs:
            self.assertTrue(self.answer(connection, job).available)
        worker.freeze()
        # More than is read in one turn.
        for job in jobs:
            connection.say(assignment(job, metadata="x" * (8 << 10)))
        try:
            # Not a wait for anything: the stall itself.
            connection.pause(1.6)
        except Over:
            self.fail("it isn't frozen")
        worker.thaw()
        connection.wait_ended()
        wait_until(lambda: all("SUCCESS" in self.lk.statuses(job) for job in jobs), "all have run")
        self.assertEqual(sorted(begun()), jobs)
        self.assertEqual((worker.agent()["assigned"], worker.agent()["succeeded"]), (6, 6))
        self.assertIn("stood still", worker.log())
        self.assertNotIn("its assignment was read", worker.log())

    def test_a_short_stall_changes_nothing(self):
        worker, connection = self.registered()
        worker.freeze()
        connection.say(offer("AJ_1"))
        worker.thaw()
        self.assertTrue(self.answer(connection, "AJ_1").available)
        self.assertEqual(worker.agent()["reconnects"], 0)


if __name__ == "__main__":
    unittest.main()
