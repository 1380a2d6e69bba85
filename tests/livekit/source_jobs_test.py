"""Jobs of a real LiveKit server: registered, taken, told of, ended; and what a child gets."""

import base64
import hashlib
import hmac
import os
import socket
import unittest

from andiron_worker import CLERK, PYTHON_CLERK
from contract import wire
from livekit_api import DEADLINE, claims_of, make_token
from source_rig import IMPATIENT, REGISTERED, ServerJobs, SourceTest, wait_until
from websocket_frames import read_head


class Ends(SourceTest):
    def told_of(self, command, metadata, **options):
        """What the server has noted in the end about a job of each metadata: {metadata: (status, error)}."""
        server = self.server()
        tap = self.tap(server)
        worker = self.worker(tap, command=command, **options).ready()
        server.create_room("hall")
        dispatches = {server.create_dispatch("hall", "clerk", one)["id"]: one for one in metadata}
        ended = self.jobs.wait_ended(len(metadata))
        jobs = tap.jobs_of_dispatches("assignment")
        worker.wait(lambda agent: agent["outbox"] == 0 and agent["jobs"] == 0, "the server has read all")
        for job in jobs.values():
            statuses = tap.statuses(job)
            self.assertEqual(statuses[0], "RUNNING", job)
            # One end, said twice where it came soon after the assignment.
            self.assertEqual(len(set(statuses[1:])), 1, statuses)
            self.assertLessEqual(len(statuses), 3)
        return {dispatches[dispatch]: ended[job] for dispatch, job in jobs.items()}

    def check_each_end(self, command):
        told = self.told_of(command, ["", "sleep=200ms", "fail=so sad", "exit=7", "crash", "sleep=20s"],
                            pool={"run_for": "1s", "warm": 6, "max_children": 8, **IMPATIENT})
        self.assertEqual(told[""], ("JS_SUCCESS", ""))
        self.assertEqual(told["sleep=200ms"], ("JS_SUCCESS", ""))
        self.assertEqual(told["exit=7"][0], "JS_FAILED")
        self.assertIn("exited with code 7", told["exit=7"][1])
        self.assertEqual(told["crash"][0], "JS_FAILED")
        self.assertIn("SIGSEGV", told["crash"][1])
        self.assertEqual(told["sleep=20s"][0], "JS_FAILED")
        self.assertIn("ran longer than run_for (1s)", told["sleep=20s"][1])
        self.assertEqual(told["fail=so sad"][0], "JS_FAILED")
        return told

    def test_each_end_of_a_cpp_child_is_told_with_its_text(self):
        self.assertEqual(self.check_each_end(CLERK)["fail=so sad"][1], "so sad")

    def test_each_end_of_a_python_child_is_told_with_its_text(self):
        self.assertIn("so sad", self.check_each_end(PYTHON_CLERK)["fail=so sad"][1])

    def test_a_job_that_hangs_and_doesnt_listen_times_out(self):
        told = self.told_of(CLERK, ["hang"], pool={"run_for": "300ms", **IMPATIENT})
        self.assertEqual(told["hang"][0], "JS_FAILED")
        self.assertIn("ran longer than run_for (300ms)", told["hang"][1])
        self.assertIn("killed by SIG", told["hang"][1])


class Terminations(SourceTest):
    def running(self, metadata, **options):
        self.lk = self.server()
        self.t = self.tap(self.lk)
        worker = self.worker(self.t, **options).ready()
        self.lk.create_room("hall")
        dispatch = self.lk.create_dispatch("hall", "clerk", metadata)["id"]
        job = self.jobs.wait_assigned()[0]["jobID"]
        self.t.wait_said("job_status", lambda word: word.job_id == job and word.status == wire.JobStatus.RUNNING)
        return worker, dispatch, job

    def test_a_dispatch_is_listed_and_deleting_it_cancels_its_job(self):
        worker, dispatch, job = self.running("sleep=60s")
        listed = wait_until(lambda: [job for one in self.lk.list_dispatch("hall") if one["id"] == dispatch
                                     for job in one["state"]["jobs"]], "the dispatch lists its job")
        self.assertEqual([(one["id"], one["state"]["status"]) for one in listed], [(job, "JS_RUNNING")])
        self.lk.delete_dispatch("hall", dispatch)
        worker.wait(lambda agent: agent["terminated"] == 1 and agent["succeeded"] == 1, "the job ends as it was asked")
        self.assertEqual(self.jobs.wait_ended(1), {job: ("JS_SUCCESS", "")})
        pool = worker.pool()
        self.assertEqual((pool["jobs"]["cancelled"], pool["running"]), (1, 0))
        # Heard and obeyed, not killed: that is no death to write about.
        self.assertEqual(worker.status()["autopsies"], [])

    def test_a_job_that_doesnt_listen_has_its_grace_and_is_killed_then(self):
        worker, dispatch, job = self.running(
            "hang", livekit={"termination_grace": "300ms"}, pool={"warm": 1, "max_children": 1, **IMPATIENT})
        child = worker.children("busy")
        self.lk.delete_dispatch("hall", dispatch)
        worker.wait(lambda agent: agent["terminated"] == 1 and agent["jobs"] == 0, "the job has ended")
        worker.ready()
        self.assertNotEqual(worker.children("idle"), child)
        self.assertEqual(set(self.t.statuses(job)[1:]), {"SUCCESS"})


class Payload(SourceTest):
    def test_a_child_gets_the_job_and_a_token_of_the_servers_for_its_identity(self):
        server = self.server()
        command, notes = self.note_taker()
        self.worker(server, command=command).ready()
        server.create_room("hall")
        dispatch = server.create_dispatch("hall", "clerk", "fail=for the clerk")["id"]
        ended = self.jobs.wait_ended(1)
        note, = notes()
        job = note["job"]
        self.assertEqual(list(ended), [job["id"]])
        self.assertEqual((job["room"]["name"], job["metadata"], job["agentName"], job["dispatchId"]),
                         ("hall", "fail=for the clerk", "clerk", dispatch))
        self.assertTrue(job["room"]["sid"].startswith("RM_"))
        self.assertEqual((note["url"], note["identity"], note["name"]),
                         (server.url, "agent-" + job["id"], "clerk"))
        # The token is the server's word.
        text, _, signature = note["token"].rpartition(".")
        digest = hmac.new(server.secret.encode(), text.encode(), hashlib.sha256).digest()
        self.assertEqual(base64.urlsafe_b64decode(signature + "="), digest)
        claims = claims_of(note["token"])
        self.assertEqual((claims["sub"], claims["name"], claims["kind"]), (note["identity"], "clerk", "agent"))
        self.assertEqual((claims["video"]["room"], claims["video"]["roomJoin"]), ("hall", True))

    def test_the_agents_permissions_are_those_in_its_token(self):
        server = self.server()
        agents = [{"name": "clerk", "permissions": ["subscribe", "hidden"]}]
        command, notes = self.note_taker()
        self.worker(server, command=command, agents=agents).ready()
        server.create_room("hall")
        server.create_dispatch("hall", "clerk")
        self.jobs.wait_ended(1)
        video = claims_of(notes()[0]["token"])["video"]
        self.assertEqual([video.get(name, False) for name in
                          ("canSubscribe", "canPublish", "canPublishData", "canUpdateOwnMetadata", "hidden")],
                         [True, False, False, False, True])

    def test_the_clerks_of_both_languages_read_the_same(self):
        for name, command in {"cpp": CLERK, "python": PYTHON_CLERK}.items():
            server = self.server(name)
            self.worker(server, command=[*command, "--book", self.path(name + ".book")]).ready()
            server.create_room("hall-" + name)
            server.create_dispatch("hall-" + name, "clerk")
            job, = self.jobs.wait_ended(1)
            with open(self.path(name + ".book"), encoding="utf-8") as book:
                self.assertTrue(book.readline().startswith(f"begin {job} hall-{name} "))


class Registrations(SourceTest):
    def test_two_agents_share_a_pool(self):
        server = self.server(agent="left")
        right = ServerJobs(server, "right")
        tap = self.tap(server)
        agents = [{"name": "left", "pool": "clerk"}, {"name": "right", "pool": "clerk"}]
        command, _ = self.note_taker()
        worker = self.worker(tap, command=command, agents=agents,
                             pool={"warm": 1, "max_children": 1, "queue_limit": 0})

        def both_are(status):
            told = [link.all_said("worker_status")[-1:] for link in list(tap.links)]
            return len(told) == 2 and all(words and words[0].status == status for words in told)

        wait_until(lambda: both_are(wire.WorkerStatus.AVAILABLE), "both can take a job")
        server.create_room("hall")
        server.create_dispatch("hall", "left", "hold=" + self.path("go"))
        self.jobs.wait_assigned()
        # Its only child works for the left one: the right one is FULL too.
        wait_until(lambda: both_are(wire.WorkerStatus.FULL), "both are FULL")
        self.assertEqual((worker.agent("left")["jobs"], worker.agent("right")["jobs"]), (1, 0))
        self.path("go", "")
        self.jobs.wait_ended(1)
        wait_until(lambda: both_are(wire.WorkerStatus.AVAILABLE), "both can take a job again")
        server.create_dispatch("hall", "right")
        right.wait_ended(1)
        self.assertEqual((worker.agent("left")["succeeded"], worker.agent("right")["succeeded"]), (1, 1))

    def test_the_unnamed_agent_gets_a_job_of_each_new_room(self):
        server = self.server(agent="")
        self.worker(server, agents=[{"pool": "clerk"}]).ready()
        server.create_room("hall")
        assigned, = self.jobs.wait_assigned()
        self.assertEqual(assigned["room"], "hall")
        self.assertEqual(list(self.jobs.wait_ended(1).values()), [("JS_SUCCESS", "")])

    def test_the_server_offers_what_the_worker_itself_asks_for(self):
        # simulate_job: by way of the tap, since the worker has no use for it.
        server = self.server()
        tap = self.tap(server)
        self.worker(tap).ready()
        tap.link().inject(wire.ToServer(simulation=wire.Simulation(room=wire.Room(name="hall"))))
        job, = self.jobs.wait_ended(1)
        self.assertEqual(self.jobs.wait_ended(1)[job], ("JS_SUCCESS", ""))
        self.assertEqual(tap.statuses(job)[:2], ["RUNNING", "SUCCESS"])


class Participants(SourceTest):
    def join(self, server, room, identity):
        """A participant that signals, and sends no media; gone when the test ends."""
        token = make_token(server.key, server.secret, {"room": room, "roomJoin": True}, sub=identity, name="Ann")
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
        self.addCleanup(connection.close)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(f"GET /rtc?access_token={token}&protocol=9&sdk=js HTTP/1.1\r\nHost: localhost\r\n"
                           f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                           f"Sec-WebSocket-Version: 13\r\n\r\n".encode())
        head, _ = read_head(lambda: connection.recv(65536))
        self.assertIn(" 101 ", head.first)

    def serve(self, type):
        server = self.server()
        tap = self.tap(server)
        command, self.notes = self.note_taker()
        self.worker(tap, command=command, agents=[{"name": "clerk", "type": type, "pool": "clerk"}]).ready()
        return server, tap

    def note(self):
        self.jobs.wait_ended(1)
        return self.notes()[0]

    def test_a_participant_agent_gets_a_job_for_each_participant(self):
        server, _ = self.serve("participant")
        server.create_room("hall", [{"agent_name": "clerk", "metadata": "m"}])
        self.join(server, "hall", "ann")
        job = self.note()["job"]
        self.assertEqual((job["type"], job["participant"]["identity"], job["participant"]["name"], job["metadata"]),
                         ("PARTICIPANT", "ann", "Ann", "m"))

    def test_a_publisher_agent_gets_a_job_for_a_publisher(self):
        server, tap = self.serve("publisher")
        self.assertEqual(self.jobs.lines(REGISTERED)[0]["jobType"], "JT_PUBLISHER")
        participant = wire.Participant(identity="ann")
        tap.link().inject(wire.ToServer(simulation=wire.Simulation(
            type=wire.PUBLISHER, room=wire.Room(name="hall"), participant=participant)))
        job = self.note()["job"]
        self.assertEqual((job["type"], job["participant"]["identity"]), ("PUBLISHER", "ann"))


if __name__ == "__main__":
    unittest.main()
