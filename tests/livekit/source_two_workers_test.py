"""Several workers at one real LiveKit server: what one doesn't take another does, and nobody offers what it lacks."""

import os
import signal
import unittest

import livekit_api
from andiron_worker import CLERK
from contract import wire
from livekit_api import RawWorker
from source_rig import HONEST, IMPATIENT, REGISTERED, SourceTest, gone, wait_until

FULL = wire.WorkerStatus.FULL
PLENTY = {"warm": 4, "max_children": 8}
SCARCE = {"warm": 1, "max_children": 1, "queue_limit": 0}


class TakingOver(SourceTest):
    def setUp(self):
        super().setUp()
        self.lk = self.server()
        self.lk.create_room("hall")

    def dispatch(self, count, metadata=""):
        for _ in range(count):
            self.lk.create_dispatch("hall", "clerk", metadata)

    def test_what_another_worker_refuses_is_taken(self):
        refusing = RawWorker(self.lk, "clerk", policy=livekit_api.refuse)
        self.addCleanup(refusing.close)
        self.worker(self.lk, pool=PLENTY).ready()
        count = 0
        while len(refusing.all("offer")) < 3:
            self.dispatch(1)
            count += 1
            self.jobs.wait_ended(count)
        self.assertEqual(set(self.jobs.ended().values()), {("JS_SUCCESS", "")})
        self.assertEqual(self.jobs.untaken(), [])

    def test_what_a_full_worker_refuses_is_taken(self):
        scarce = self.worker(self.lk, pool=SCARCE).ready()
        healthy = self.worker(self.lk, pool={"warm": 9, "max_children": 16}).ready()
        count = 0
        # At once, so that they are offered before the server has heard FULL. Which worker it asks is up to chance.
        while scarce.agent()["refused"] == 0:
            self.dispatch(8, "sleep=200ms")
            count += 8
            self.jobs.settled(count)
            scarce.ready()
            healthy.ready()
        self.assertEqual(set(self.jobs.ended().values()), {("JS_SUCCESS", "")})
        self.assertEqual(self.jobs.untaken(), [])
        agent = scarce.agent()
        self.assertEqual(agent["offered"], agent["accepted"] + agent["refused"])

    def test_a_worker_that_is_killed_takes_its_children_with_it_and_the_other_gets_the_jobs(self):
        doomed = self.worker(self.lk, pool=PLENTY).ready()
        self.dispatch(1, "hang")
        self.jobs.wait_assigned()
        children = doomed.children()
        self.worker(self.lk, pool=PLENTY).ready()
        doomed.kill()
        wait_until(lambda: all(map(gone, children)), "its children are gone, the busy one too")
        self.lk.wait_for_log("closing worker", doomed_id := self.jobs.assigned()[0]["workerID"])
        self.dispatch(4)
        self.assertEqual(len(self.jobs.wait_ended(4)), 4)
        self.assertNotIn(doomed_id, [one["workerID"] for one in self.jobs.assigned()[1:]])


class BrokenWarmUps(SourceTest):
    def test_workers_that_cant_warm_up_are_full_and_a_healthy_one_gets_every_job(self):
        server = self.server()
        server.create_room("hall")
        broken = {
            "exits": ["/bin/false"],
            "hangs": ["/bin/sleep", "1000"],
            "says why": [*CLERK, "--prewarm", "fail=the model is missing"],
            "isn't there": ["/nonexistent/child"],
        }
        taps = {name: self.tap(server) for name in broken}
        workers = {name: self.worker(taps[name], name=name.replace(" ", "-").replace("'", ""), command=command,
                                     pool={"init_timeout": "500ms", **IMPATIENT})
                   for name, command in broken.items()}
        healthy = self.worker(server, pool={"warm": 6, "max_children": 8}).ready()
        for worker in workers.values():
            worker.registered()
            worker.wait_pool(lambda pool: sum(pool["initialize"].values()) >= 2, "two of its children have failed")
        for _ in range(6):
            server.create_dispatch("hall", "clerk")
        ended = self.jobs.wait_ended(6)
        self.assertEqual(set(ended.values()), {("JS_SUCCESS", "")})
        self.assertEqual({one["workerID"] for one in self.jobs.assigned()}, {healthy.agent()["worker_id"]})
        for name, worker in workers.items():
            self.assertEqual({word.status for word in taps[name].said("worker_status")}, {FULL}, name)
            self.assertEqual(worker.agent()["offered"], 0)
            # Not as fast as it can: the failures are spaced.
            self.assertLess(worker.pool()["spawned"], 40)

    def test_a_worker_whose_warm_up_recovers_takes_jobs_again(self):
        server = self.server()
        server.create_room("hall")
        cure = self.path("cure")
        command = ["/bin/sh", "-c", f"test -e {cure} && exec {CLERK[0]}"]
        worker = self.worker(server, command=command, pool={"backoff_max": "200ms", "breaker_probe": "200ms"})
        worker.wait_pool(lambda pool: pool["breaker"] == "open", "the breaker is open")
        server.create_dispatch("hall", "clerk")
        wait_until(self.jobs.untaken, "nobody takes it")
        self.path("cure", "")
        worker.ready()
        server.create_dispatch("hall", "clerk")
        self.assertEqual(list(self.jobs.wait_ended(1).values()), [("JS_SUCCESS", "")])


class Load(SourceTest):
    def setUp(self):
        super().setUp()
        self.lk = self.server()
        self.lk.create_room("hall")
        self.t = self.tap(self.lk)
        self.seen = 0

    def next_told(self, condition, what):
        """The next load that was told, from where the last search ended, for which that holds."""

        def look():
            told = self.t.said("worker_status")
            for index in range(self.seen, len(told)):
                if condition(told[index]):
                    self.seen = index + 1
                    return told[index]
            return None

        return wait_until(look, what)

    def test_the_load_follows_what_can_be_taken(self):
        command, _ = self.note_taker()
        hold = "hold=" + self.path("go")
        worker = self.worker(self.t, command=command, pool={"warm": 2, "max_children": 2, "queue_limit": 0}).ready()
        idle = self.next_told(lambda told: told.status != FULL and told.load == 0, "two places free, no load")
        self.assertEqual(idle.job_count, 0)
        self.lk.create_dispatch("hall", "clerk", hold)
        half = self.next_told(lambda told: told.status != FULL and told.load > 0, "one of two works")
        self.assertAlmostEqual(half.load, 0.34, places=2)
        self.assertEqual(half.job_count, 1)
        self.lk.create_dispatch("hall", "clerk", hold)
        self.next_told(lambda told: told.status == FULL and told.job_count == 2, "both work: FULL")
        self.path("go", "")
        self.next_told(lambda told: told.status != FULL and told.load == 0 and told.job_count == 0, "both are free")
        self.jobs.wait_ended(2)
        # The server takes a new registration for idle: the truth is the next word.
        self.assertEqual([heard.name for heard in self.t.link().said[:2]], ["registration", "worker_status"])
        for told in self.t.said("worker_status"):
            self.assertTrue(told.status == FULL or told.load < 0.69, told)
        # Not more than the changes were.
        self.assertLess(len(self.t.said("worker_status")), 30)
        self.assertEqual(worker.agent()["refused"], 0)

    def test_fewer_ready_children_than_min_ready_are_full(self):
        agents = [{"name": "clerk", "min_ready": 2}]
        # A child that is replaced in a moment changes nothing: these take longer.
        worker = self.worker(self.t, agents=agents, command=[*CLERK, "--prewarm", "sleep=500ms"],
                             pool={"warm": 2, "max_children": 4}).ready()
        self.next_told(lambda told: told.status != FULL, "two are ready")
        os.kill(worker.children("idle")[0], signal.SIGKILL)
        self.next_told(lambda told: told.status == FULL, "only one is")
        self.next_told(lambda told: told.status != FULL, "two are again")

    def test_a_draining_worker_is_full_and_a_resumed_one_isnt(self):
        worker = self.worker(self.t).ready()
        self.next_told(lambda told: told.status != FULL, "it can take jobs")
        worker.run("drain")
        self.next_told(lambda told: told.status == FULL, "it drains")
        self.lk.create_dispatch("hall", "clerk")
        wait_until(self.jobs.untaken, "nobody takes it")
        worker.run("resume")
        self.next_told(lambda told: told.status != FULL, "it takes jobs again")
        self.lk.create_dispatch("hall", "clerk")
        self.jobs.wait_ended(1)


class Drains(SourceTest):
    BURST = 40

    def test_a_drain_during_a_burst_loses_nothing(self):
        server = self.server()
        server.create_room("hall")
        book, begun = self.book()
        leaving = self.worker(server, command=book, pool=PLENTY).ready()
        self.worker(server, command=book, pool=PLENTY).ready()
        leaving_id = leaving.agent()["worker_id"]
        for number in range(self.BURST):
            server.create_dispatch("hall", "clerk", "sleep=100ms")
            if number == self.BURST // 3:
                leaving.signal(signal.SIGTERM)
            # A pace that the one that stays can keep.
            self.jobs.settled(number - 2)
        self.jobs.settled(self.BURST)
        self.assertEqual(leaving.process.wait(30), 0)
        ended, untaken = self.jobs.ended(), self.jobs.untaken()
        self.assertEqual(len(ended) + len(untaken), self.BURST)
        self.assertEqual(set(ended.values()), {("JS_SUCCESS", "")})
        self.assertEqual(sorted(begun()), sorted(ended))
        for error in untaken:
            self.assertTrue(error.startswith(HONEST), error)
        self.assertLessEqual(len(untaken), self.BURST // 10)
        self.assertIn(leaving_id, [one["workerID"] for one in self.jobs.assigned()])
        self.assertEqual(len(self.jobs.lines(REGISTERED)), 2)

    def test_the_last_words_of_a_worker_that_ends_are_heard(self):
        server = self.server()
        server.create_room("hall")
        worker = self.worker(server, pool=IMPATIENT, top={"drain_timeout": "3s"}).ready()
        server.create_dispatch("hall", "clerk", "sleep=60s")
        server.create_dispatch("hall", "clerk", "sleep=200ms")
        worker.wait(lambda agent: agent["assigned"] == 2, "both are its own")
        self.assertEqual(worker.end(), 0)
        ended = sorted(self.jobs.wait_ended(2).values())
        self.assertEqual([status for status, _ in ended], ["JS_FAILED", "JS_SUCCESS"])
        self.assertIn("drain_timeout (3s) was over", ended[0][1])


if __name__ == "__main__":
    unittest.main()
