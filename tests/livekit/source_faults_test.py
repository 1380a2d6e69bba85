"""Faults around a real LiveKit server: it is killed or stands still, the link is cut, the worker or a child stands
still or dies at the worst moment. No job is forgotten, none runs twice, and everything goes on by itself."""

import os
import signal
import threading
import time
import unittest

from rig import BIN
from source_rig import DEADLINE, EAGER, HONEST, IMPATIENT, SourceTest, kill, wait_until

PLENTY = {"warm": 4, "max_children": 8}


class Faults(SourceTest):
    def setUp(self):
        super().setUp()
        self.lk = self.server()
        self.lk.create_room("hall")

    def dispatch(self, metadata="", count=1):
        for _ in range(count):
            self.lk.create_dispatch("hall", "clerk", metadata)

    def works(self, worker, jobs=1):
        """Registered, and the next jobs end well."""
        worker.ready()
        before = len(self.jobs.ended())
        self.dispatch(count=jobs)
        ended = self.jobs.wait_ended(before + jobs)
        self.assertEqual({ended[id] for id in list(ended)[before:]}, {("JS_SUCCESS", "")})


class ServerDeaths(Faults):
    def test_a_server_killed_under_load_is_told_of_every_end_when_it_is_back(self):
        command, notes = self.note_taker()
        worker = self.worker(self.lk, command=command, pool=PLENTY, livekit=EAGER).ready()
        self.dispatch("hold=" + self.path("early"), 2)
        self.dispatch("hold=" + self.path("late"), 2)
        jobs = {one["jobID"] for one in self.jobs.wait_assigned(4)}
        worker.wait_pool(lambda pool: pool["running"] == 4, "all run")
        children = worker.children("busy")
        self.lk.kill()
        # Two end while nobody is there to be told, two run on.
        self.path("early", "")
        agent = worker.wait(lambda agent: agent["outbox"] == 2, "two ends wait")
        self.assertIn(agent["state"], ("connecting", "backing_off"))
        self.assertEqual(agent["jobs"], 2)
        self.assertLessEqual(set(worker.children("busy")), set(children))
        self.lk.start()
        worker.registered()
        self.path("late", "")
        worker.wait(lambda agent: agent["outbox"] == 0 and agent["jobs"] == 0, "all is told")
        # The server that was told has never heard of them: this is its word for it.
        wait_until(lambda: set(self.jobs.unknown()) >= jobs, "the server has been told of each")
        self.assertEqual(sorted(note["job"]["id"] for note in notes()), sorted(jobs))
        agent = worker.agent()
        self.assertEqual((agent["succeeded"], agent["unacknowledged"]), (4, 0))
        self.lk.create_room("hall")
        self.works(worker)

    def running(self, **livekit):
        """A worker with a job that ends as soon as there is the file "go"."""
        command, _ = self.note_taker()
        worker = self.worker(self.lk, command=command, livekit={**EAGER, **livekit}).ready()
        self.dispatch("hold=" + self.path("go"))
        worker.wait_pool(lambda pool: pool["running"] == 1, "it runs")
        return worker, self.jobs.wait_assigned()[0]["jobID"]

    def test_a_server_that_stands_still_for_a_moment_is_the_same_server_afterwards(self):
        worker, job = self.running()
        self.lk.freeze()
        self.path("go", "")
        worker.wait(lambda agent: agent["succeeded"] == 1, "the job ends meanwhile")
        self.assertEqual(worker.agent()["outbox"], 1)
        self.lk.thaw()
        self.assertEqual(self.jobs.wait_ended(1), {job: ("JS_SUCCESS", "")})
        worker.wait(lambda agent: agent["outbox"] == 0, "it has read it")
        self.assertEqual(worker.agent()["reconnects"], 0)
        self.works(worker)

    def test_a_server_that_stands_still_for_long_is_given_up_and_found_again(self):
        worker, job = self.running(ping_interval="200ms", ping_timeout="1s", connect_timeout="500ms")
        self.lk.freeze()
        self.path("go", "")
        worker.wait_for_log("no answer to a ping")
        worker.wait_for_log("no connection within 0.5")  # a new one isn't answered either
        agent = worker.agent()
        self.assertNotEqual(agent["state"], "registered")
        self.assertEqual(agent["outbox"], 1)
        self.lk.thaw()
        worker.registered()
        worker.wait(lambda agent: agent["outbox"] == 0, "the end is told")
        wait_until(lambda: job in self.jobs.ended() or job in self.jobs.unknown(), "the server has been told")
        self.works(worker)


class Cuts(Faults):
    def test_jobs_survive_any_number_of_cuts(self):
        tap = self.tap(self.lk)
        book, begun = self.book()
        worker = self.worker(tap, command=book, pool=PLENTY, livekit=EAGER).ready()
        for number in range(4):
            self.dispatch("sleep=300ms", 2)
            # What is lost on the way nobody can run: that the server has said it isn't enough.
            worker.wait(lambda agent: agent["assigned"] == 2 * number + 2, "the assignments have been read")
            tap.link(number).cut()
            worker.wait(lambda agent: agent["reconnects"] == number + 1 and agent["state"] == "registered", "back")
            worker.ready()
        worker.wait(lambda agent: agent["jobs"] == 0 and agent["outbox"] == 0, "all is told")
        jobs = list(tap.jobs_of_dispatches("assignment").values())
        self.assertEqual(len(jobs), 8)
        self.assertEqual(sorted(begun()), sorted(jobs))
        for job in jobs:
            self.assertEqual(set(tap.statuses(job)) - {"RUNNING"}, {"SUCCESS"})


class Stalls(Faults):
    def setUp(self):
        super().setUp()
        self.t = self.tap(self.lk)
        self.frozen = self.worker(self.t, pool=PLENTY, livekit={**EAGER, "stall_limit": "500ms"}).ready()
        self.healthy = self.worker(self.lk, pool={"warm": 8, "max_children": 16}).ready()

    def offer_to_the_frozen_one(self):
        """Dispatches until it has been offered two jobs; which worker is asked is up to chance."""
        self.frozen.freeze()
        self.dispatches = 0
        while len(self.t.heard("offer")) < 2:
            self.dispatch()
            self.dispatches += 1
            count = self.dispatches
            wait_until(lambda: len(self.t.heard("offer")) + len(self.jobs.assigned()) >= count, "a worker is asked")

    def check_that_it_connects_anew(self):
        agent = self.frozen.wait(lambda agent: agent["reconnects"] == 1 and agent["state"] == "registered", "back")
        self.assertIn("stood still", self.frozen.log())
        self.assertEqual(self.t.link(0).all_said("answer"), [])
        self.works(self.healthy, 6)
        self.assertEqual(len(self.t.links), 2)
        return agent

    def test_a_worker_that_stood_still_answers_no_old_offer(self):
        self.offer_to_the_frozen_one()
        offers = set(self.t.jobs_of_dispatches().values())
        # The server waits for it as long as it does, and gives these jobs up: that is the server's part.
        wait_until(lambda: len(self.jobs.untaken()) == len(offers), "the server gives up")
        self.assertEqual(set(self.jobs.untaken()) & set(HONEST), set())
        self.frozen.thaw()
        agent = self.check_that_it_connects_anew()
        self.assertEqual((agent["accepted"], agent["refused"]), (0, 0))

    def test_the_jobs_offered_to_a_worker_that_stood_still_go_to_another(self):
        begun = time.monotonic()
        self.offer_to_the_frozen_one()
        # The stall itself: longer than its limit, shorter than the server's patience.
        threading.Event().wait(max(0.0, begun + 1.5 - time.monotonic()))
        self.frozen.thaw()
        self.jobs.settled(self.dispatches)
        self.assertEqual(self.jobs.untaken(), [])
        self.assertEqual(set(self.jobs.ended().values()), {("JS_SUCCESS", "")})
        # Another link is another worker to the server: it may have asked this one, too.
        self.check_that_it_connects_anew()


class Children(Faults):
    WATCHED = {"ack_timeout": "300ms", "ping_interval": "200ms", "ping_timeout": "600ms", **IMPATIENT}

    def test_a_job_whose_child_stands_still_runs_in_another(self):
        tap = self.tap(self.lk)
        book, begun = self.book()
        worker = self.worker(tap, command=book, pool={"warm": 2, "max_children": 3, **self.WATCHED}).ready()
        struck = []

        def strike(heard):
            # Held here: the worker has said yes, and hears of the job when none of its idle children goes on.
            if heard.name == "assignment" and not struck:
                struck.extend(child for child in worker.children("idle") if kill(child, signal.SIGSTOP))

        tap.before_worker = strike
        self.dispatch()
        (job, end), = self.jobs.wait_ended(1).items()
        if end[0] == "JS_FAILED":  # it was handed to two of them before the kernel had said what they are
            self.assertIn("two children in turn", end[1])
            self.assertEqual(begun(), [])
        else:
            self.assertEqual((end, begun()), (("JS_SUCCESS", ""), [job]))
        wait_until(lambda: not set(struck) & set(worker.children()), "they are replaced")
        self.works(worker)

    def test_an_idle_child_that_stands_still_is_replaced(self):
        worker = self.worker(self.lk, pool={"warm": 1, "max_children": 2, **self.WATCHED}).ready()
        child, = worker.children("idle")
        kill(child, signal.SIGSTOP)
        worker.wait_pool(lambda pool: pool["exited"] == 1 and pool["slots"]["idle"] == 1, "it is replaced")
        self.works(worker)

    def test_a_busy_child_that_stands_still_is_ended_and_its_job_failed(self):
        worker = self.worker(self.lk, pool={"warm": 1, "max_children": 2, **self.WATCHED}).ready()
        self.dispatch("sleep=60s")
        worker.wait_pool(lambda pool: pool["running"] == 1, "it runs")
        kill(worker.children("busy")[0], signal.SIGSTOP)
        (status, error), = self.jobs.wait_ended(1).values()
        self.assertEqual(status, "JS_FAILED")
        self.assertIn("stopped", error)
        self.works(worker)

    def test_a_killed_child_is_a_failed_job_with_the_signal_named(self):
        worker = self.worker(self.lk).ready()
        self.dispatch("sleep=60s")
        worker.wait_pool(lambda pool: pool["running"] == 1, "it runs")
        kill(worker.children("busy")[0])
        (status, error), = self.jobs.wait_ended(1).values()
        self.assertEqual(status, "JS_FAILED")
        self.assertIn("SIGKILL", error)

    def test_children_that_die_between_an_offer_and_its_assignment_cost_no_job(self):
        tap = self.tap(self.lk)
        worker = self.worker(tap, pool={"warm": 2, "max_children": 3, **IMPATIENT}).ready()
        struck = []

        def strike(heard):
            # Held here: the worker has said yes, and hears of the job when all its idle children are dead.
            if heard.name == "assignment":
                struck.append([child for child in worker.children("idle") if kill(child)])
                wait_until(lambda: not set(struck[-1]) & set(worker.children()), "their deaths are known")

        tap.before_worker = strike
        for count in range(1, 4):
            self.dispatch()
            self.assertEqual(set(self.jobs.wait_ended(count).values()), {("JS_SUCCESS", "")})
            worker.ready()
        self.assertEqual(len(struck), 3)
        self.assertGreaterEqual(min(map(len, struck)), 2)

    def test_children_that_die_just_before_an_offer_leave_no_job_without_an_end(self):
        tap = self.tap(self.lk)
        worker = self.worker(tap, pool={"warm": 2, "max_children": 3, **IMPATIENT}).ready()

        def strike(heard):
            if heard.name == "offer":
                for child in worker.children("idle"):
                    kill(child)

        tap.before_worker = strike
        for count in range(1, 6):
            self.dispatch()
            self.jobs.settled(count)
            worker.ready()
        self.assertEqual(len(self.jobs.assigned()), len([word for word in tap.said("answer") if word.available]))
        for status, error in self.jobs.ended().values():
            self.assertTrue(status == "JS_SUCCESS" or "two children in turn" in error, error)
        for error in self.jobs.untaken():
            self.assertTrue(error.startswith(HONEST), error)


class HangingNames(SourceTest):
    """A look-up that hangs in the resolver can't be interrupted. The worker ends all the same."""

    url, key, secret = "ws://nowhere.test:7880", "devkey", "a secret of nobody"

    def looks_up(self):
        asked = self.path("asked")
        worker = self.worker(self, environment={
            "LD_PRELOAD": os.path.join(BIN, "hanging-names.so"), "HANGING_NAMES": asked,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        wait_until(lambda: os.path.exists(asked), "the name is looked up")
        worker.wait_pool(lambda pool: pool["slots"]["idle"] >= 2, "it is ready")
        return worker

    def check_that_all_is_said(self, worker):
        self.assertIn("hangs in the resolver", worker.log())
        self.assertRegex(worker.log().splitlines()[-1], "ended")
        self.assertFalse(os.path.exists(worker.socket))

    def test_a_drain_ends(self):
        worker = self.looks_up()
        self.assertEqual(worker.end(), 0)
        self.check_that_all_is_said(worker)

    def test_a_forced_end_ends(self):
        worker = self.looks_up()
        # Two numbers, so that none is lost; which comes first is up to the kernel.
        worker.signal(signal.SIGTERM)
        worker.signal(signal.SIGINT)
        self.assertIn(worker.process.wait(DEADLINE), (128 + signal.SIGTERM, 128 + signal.SIGINT))
        self.check_that_all_is_said(worker)

    def test_a_second_signal_ends_the_wait_for_it(self):
        worker = self.looks_up()
        worker.signal(signal.SIGTERM)
        worker.wait_for_log("the worker is stopped")
        worker.signal(signal.SIGTERM)
        self.assertIn(worker.process.wait(DEADLINE), (128 + signal.SIGTERM, 0))
        self.check_that_all_is_said(worker)


if __name__ == "__main__":
    unittest.main()
