"""What the worker relies on about the pinned server, asked of the server itself with workers by hand.

Where a later server breaks one of these, the worker has to be looked at again.
"""

import json
import shutil
import tempfile
import threading
import time
import unittest
import unittest.mock
import uuid

import livekit_api
from contract import job_of, wire
from livekit_api import RawWorker, Server

# Longer than the server needs to ask the next worker (about 1 ms) or to give a job up.
SOON = 1.5


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="andiron-")
        cls.server = Server(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        shutil.rmtree(cls.folder)

    def setUp(self):
        # Each test has a room and an agent of its own: the server remembers both.
        self.agent = "agent" + uuid.uuid4().hex[:8]
        self.room = "room" + uuid.uuid4().hex[:8]
        self.server.create_room(self.room)

    def worker(self, **options):
        worker = RawWorker(self.server, options.pop("agent_name", self.agent), **options)
        self.addCleanup(worker.close)
        return worker

    def dispatch(self, metadata=""):
        return self.server.create_dispatch(self.room, self.agent, metadata)["id"]

    def assigned(self, worker, metadata=""):
        """A job that runs on this worker, by its id, and its dispatch."""
        count = len(worker.all("assignment"))
        worker.policy = livekit_api.accept
        dispatch = self.dispatch(metadata)
        return job_of(worker.wait_for("assignment", count + 1)).id, dispatch

    def listed_statuses(self, dispatch):
        """What ListDispatch says of the dispatch's jobs. They appear there up to 5 s after the assignment."""

        def jobs():
            listed = self.server.list_dispatch(self.room)
            return [job for one in listed if one["id"] == dispatch for job in one["state"]["jobs"]]

        livekit_api.wait_until(jobs, "the dispatch lists its job")
        return [job["state"]["status"] for job in jobs()]


class Connecting(Rules):
    def test_a_connection_needs_a_token_of_this_servers_for_agents(self):
        wrong = [
            "",
            "not.a.token",
            livekit_api.make_token(self.server.key, "another secret" * 3, {"agent": True}),
            livekit_api.make_token("nobody", self.server.secret, {"agent": True}),
            livekit_api.make_token(self.server.key, self.server.secret, {"roomCreate": True}),
            livekit_api.make_token(self.server.key, self.server.secret, {"agent": True}, seconds=-120),
        ]
        for token in wrong:
            with self.assertRaises(livekit_api.Refused) as refused:
                self.worker(token=token)
            self.assertEqual(refused.exception.status, 401)

    def test_a_registered_worker_has_an_id_and_knows_the_server(self):
        worker = self.worker()
        self.assertTrue(worker.worker_id.startswith("AW_"))
        self.assertEqual(worker.all("registered")[0].server.version, "1.13.5")

    def test_each_connection_is_another_worker(self):
        self.assertNotEqual(self.worker().worker_id, self.worker().worker_id)

    def test_a_ping_is_answered_also_before_the_registration(self):
        worker = self.worker(register=False)
        worker.ping()
        worker.register(self.agent)
        worker.ping()

    def test_what_it_cant_take_closes_the_connection(self):
        registration = wire.ToServer(registration=wire.Registration(agent_name=self.agent)).SerializeToString()
        for bytes in (b"", b"\xff\xff\xff", registration, b"\x00" * ((2 << 20) + 1)):
            worker = self.worker()
            worker.send_frame(bytes)
            worker.wait_closed()

    def test_a_message_of_nearly_two_mebibytes_is_taken(self):
        worker = self.worker()
        worker.tell_job("AJ_nobodys", wire.JobStatus.FAILED, "e" * ((2 << 20) - 100))
        worker.ping()


class Offers(Rules):
    def test_a_job_is_offered_then_assigned_with_a_token_for_its_room(self):
        worker = self.worker()
        id, dispatch = self.assigned(worker, "for the clerk")
        offered, assigned = job_of(worker.all("offer")[0]), job_of(worker.all("assignment")[0])
        self.assertEqual(offered.id, id)
        self.assertEqual(assigned.room.name, self.room)
        self.assertEqual(assigned.metadata, "for the clerk")
        self.assertEqual(assigned.agent_name, self.agent)
        self.assertEqual(assigned.dispatch_id, dispatch)
        assignment = worker.all("assignment")[0]
        self.assertEqual(assignment.url, "")
        claims = livekit_api.claims_of(assignment.token)
        self.assertEqual((claims["sub"], claims["video"]["room"]), ("agent-" + id, self.room))
        self.assertEqual(claims["kind"], "agent")

    def test_a_room_can_be_created_with_its_agents(self):
        worker = self.worker(policy=livekit_api.accept)
        self.server.create_room(self.room + "2", [{"agent_name": self.agent, "metadata": "m"}])
        self.assertEqual(job_of(worker.wait_for("assignment")).metadata, "m")

    def test_a_worker_may_ask_for_a_job_of_its_own(self):
        worker = self.worker(policy=livekit_api.accept)
        worker.simulate(self.room)
        self.assertEqual(job_of(worker.wait_for("assignment")).room.name, self.room)

    def test_a_refused_job_goes_to_the_next_worker(self):
        refusing = self.worker(policy=livekit_api.refuse)
        # Less attractive, so that the other one is asked first most of the time.
        taking = self.worker(policy=livekit_api.accept)
        taking.tell_load(load=0.69)
        taking.ping()
        while not refusing.all("offer"):
            count = len(taking.all("assignment"))
            self.dispatch()
            taking.wait_for("assignment", count + 1)

    def test_a_job_whose_worker_closes_goes_to_the_next_worker(self):
        closing = self.worker(policy=lambda worker, name, word: worker.drop() if name == "offer" else None)
        taking = self.worker(policy=livekit_api.accept)
        taking.tell_load(load=0.69)
        taking.ping()
        while not closing.closed:
            count = len(taking.all("assignment"))
            self.dispatch()
            taking.wait_for("assignment", count + 1)

    def test_a_full_worker_is_offered_nothing(self):
        full = self.worker()
        full.tell_load(full=True)
        full.ping()
        self.dispatch()
        self.assertFalse(full.hears("offer", seconds=SOON))
        # Nor is the job kept for who comes later, or for who changes their mind.
        later = self.worker()
        full.tell_load()
        self.assertFalse(full.hears("offer", seconds=SOON))
        self.assertEqual(later.all("offer"), [])
        # It wasn't the worker: now there is an offer.
        later.close()
        self.dispatch()
        full.wait_for("offer")

    def test_a_full_worker_is_offered_nothing_beside_one_that_refuses(self):
        full, refusing = self.worker(), self.worker(policy=livekit_api.refuse)
        full.tell_load(full=True, load=1)
        full.ping()
        for count in range(1, 6):
            self.dispatch()
            refusing.wait_for("offer", count)
        self.assertEqual(full.all("offer"), [])

    def test_a_load_of_0_7_gets_no_offers_while_nobody_has_less(self):
        loaded = self.worker()
        loaded.tell_load(load=0.7)
        loaded.ping()
        self.dispatch()
        self.assertFalse(loaded.hears("offer", seconds=SOON))

    def test_a_load_of_0_7_gets_offers_once_somebody_has_less(self):
        # Load chooses the node; on the node any available worker may be asked, in proportion to 1 - load.
        loaded, idle = self.worker(policy=livekit_api.accept), self.worker(policy=livekit_api.accept)
        loaded.tell_load(load=0.7)
        loaded.ping()
        while not loaded.all("assignment"):
            count = len(idle.all("assignment"))
            self.dispatch()
            livekit_api.wait_until(lambda: loaded.all("assignment") or len(idle.all("assignment")) > count,
                                   "one of the two has the job")

    def test_a_load_of_0_69_gets_offers(self):
        worker = self.worker()
        worker.tell_load(load=0.69)
        worker.ping()
        self.dispatch()
        worker.wait_for("offer")


class LateAnswers(Rules):
    def answer_after(self, seconds):
        """A worker of an agent of its own that answers so late, and a second one beside it, less loaded than no one."""
        agent, room = self.agent + str(seconds), self.room + str(seconds)
        self.server.create_room(room)

        def policy(worker, name, word):
            if name == "offer":
                timer = threading.Timer(seconds, worker.answer, (job_of(word).id, True))
                timer.daemon = True
                timer.start()

        worker = self.worker(agent_name=agent, policy=policy)
        self.server.create_dispatch(room, agent)
        worker.wait_for("offer")
        second = self.worker(agent_name=agent, policy=livekit_api.accept)
        return worker, second

    def test_two_and_a_half_seconds_are_in_time_and_three_and_a_half_lose_the_job(self):
        in_time, beside = self.answer_after(2.5)
        late, beside_late = self.answer_after(3.5)
        in_time.wait_for("assignment", seconds=4)
        self.assertFalse(late.hears("assignment", seconds=4))
        # A silent worker loses the job for everybody: nobody else is asked.
        self.assertEqual(beside.all("offer") + beside_late.all("offer"), [])
        self.assertFalse(late.closed)


class Statuses(Rules):
    def test_a_status_sent_20_ms_after_the_assignment_is_never_lost(self):
        worker = self.worker()
        for _ in range(10):
            id, _ = self.assigned(worker)
            threading.Event().wait(0.02)  # the rule: not a wait for anything
            worker.tell_job(id, wire.JobStatus.RUNNING)
            worker.tell_job(id, wire.JobStatus.SUCCESS)
            self.server.wait_for_log("job ended", id)
        worker.ping()
        self.assertNotIn("unknown job", "\n".join(self.server.log_lines(id)))

    def test_a_failure_is_logged_with_its_text(self):
        worker = self.worker()
        id, _ = self.assigned(worker)
        threading.Event().wait(0.02)
        worker.tell_job(id, wire.JobStatus.FAILED, "exited with code 7")
        self.server.wait_for_log("job ended", id, "exited with code 7")

    def test_statuses_may_be_repeated_and_be_about_nobodys_jobs(self):
        worker = self.worker()
        id, _ = self.assigned(worker)
        threading.Event().wait(0.02)
        for _ in range(3):
            worker.tell_job(id, wire.JobStatus.SUCCESS)
        worker.tell_job("AJ_nobodys", wire.JobStatus.FAILED, "never heard of")
        worker.ping()
        self.assertFalse(worker.closed)
        self.assertEqual(len(self.server.log_lines("job ended", id)), 1)

    def test_a_new_connection_may_tell_the_end_of_the_old_ones_job_and_stays(self):
        worker = self.worker()
        id, _ = self.assigned(worker)
        worker.close()
        again = self.worker()
        again.tell_job(id, wire.JobStatus.SUCCESS)
        again.ping()

    def test_the_dispatch_says_running_whatever_the_worker_tells(self):
        worker = self.worker()
        id, dispatch = self.assigned(worker)
        threading.Event().wait(0.02)
        worker.tell_job(id, wire.JobStatus.SUCCESS)
        self.server.wait_for_log("job ended", id)
        self.assertEqual(self.listed_statuses(dispatch), ["JS_RUNNING"])


class Endings(Rules):
    def test_deleting_a_dispatch_terminates_its_job(self):
        worker = self.worker()
        id, dispatch = self.assigned(worker)
        worker.tell_job(id, wire.JobStatus.RUNNING)
        self.server.delete_dispatch(self.room, dispatch)
        self.assertEqual(worker.wait_for("termination").job_id, id)
        # The job goes on until the worker says otherwise; nothing more comes.
        worker.tell_job(id, wire.JobStatus.SUCCESS)
        worker.ping()

    def test_an_answer_that_the_server_couldnt_write_costs_no_dispatch(self):
        """Seen of 1.13.5 under load: its other thread changed the dispatch while this one wrote it down."""
        call = livekit_api.http_call
        lost = []

        def losing(port, path, *rest):
            status, answer = call(port, path, *rest)
            if path.endswith("/ListDispatch"):
                return status, answer
            lost.append(json.loads(answer)["id"])
            return 500, (b'{"code": "internal", "msg": "twirp error unknown: marshaling livekit.AgentDispatch: '
                         b'size mismatch (see https://github.com/golang/protobuf/issues/1609): ..."}')

        other = self.dispatch("other words"), self.dispatch("words")
        with unittest.mock.patch.object(livekit_api, "http_call", losing):
            ours = self.dispatch("words")
            self.server.delete_dispatch(self.room, ours)
        self.assertEqual(lost, [ours, ours])
        listed = {one["id"] for one in self.server.list_dispatch(self.room) if one["agent_name"] == self.agent}
        self.assertEqual(listed, set(other))

    def test_deleting_a_room_that_nobody_joined_says_nothing_to_the_worker(self):
        worker = self.worker()
        self.assigned(worker)
        self.server.delete_room(self.room)
        self.assertFalse(worker.hears("termination", seconds=SOON))

    def test_the_job_of_a_worker_that_is_gone_goes_to_nobody(self):
        worker = self.worker()
        id, dispatch = self.assigned(worker)
        second = self.worker(policy=livekit_api.accept)
        worker.close()
        self.assertFalse(second.hears("offer", seconds=SOON))
        self.assertEqual(self.listed_statuses(dispatch), ["JS_RUNNING"])


class Lives(unittest.TestCase):
    """What the server does when it is itself struck: a server for each test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="andiron-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Server(self.folder)
        self.addCleanup(self.server.close)

    def test_a_restarted_server_is_at_the_same_place_and_knows_nobody(self):
        worker = RawWorker(self.server, "a")
        self.addCleanup(worker.close)
        url = self.server.url
        self.server.restart()
        worker.wait_closed()
        self.assertEqual(self.server.url, url)
        again = RawWorker(self.server, "a", policy=livekit_api.serve)
        self.addCleanup(again.close)
        self.server.create_room("r")
        self.server.create_dispatch("r", "a")
        again.wait_for("assignment")

    def test_a_frozen_server_goes_on_where_it_was(self):
        worker = RawWorker(self.server, "a")
        self.addCleanup(worker.close)
        self.server.freeze()
        worker.say(ping=wire.Ping(timestamp=1))
        self.assertFalse(worker.hears("pong", seconds=0.5))
        begun = time.monotonic()
        self.server.thaw()
        worker.wait_for("pong")
        self.assertLess(time.monotonic() - begun, 5)


if __name__ == "__main__":
    unittest.main()
