"""The hostile server does what scripts say, seen by a worker by hand."""

import threading
import unittest

import hostile_server
import livekit_api
from contract import job_of, wire
from hostile_server import HostileServer, assignment, obliging, offer, scripts, termination
from livekit_api import RawWorker


class Asked:
    """What RawWorker asks of a server."""

    def __init__(self, server):
        self.port = server.port

    def agent_token(self):
        return livekit_api.make_token(hostile_server.KEY, hostile_server.SECRET, {"agent": True})

    def wait_known(self, worker_id):
        """It knows whom it has answered."""


class Scripts(unittest.TestCase):
    def serve(self, script):
        server = HostileServer(script)
        self.addCleanup(server.close)
        return server

    def connect(self, server, **options):
        worker = RawWorker(Asked(server), "a", **options)
        self.addCleanup(worker.close)
        return worker

    def test_the_obliging_one_registers_and_answers_pings(self):
        server = self.serve(obliging)
        worker = self.connect(server)
        worker.ping()
        connection = server.connection()
        self.assertEqual([heard.name for heard in connection.heard], ["registration", "ping"])
        self.assertEqual(connection.request.first, "GET /agent?protocol=1 HTTP/1.1")
        self.assertTrue(connection.request.headers["authorization"].startswith("Bearer "))

    def test_messages_may_be_cut_anywhere(self):
        def script(connection):
            obliging(connection)
            connection.say(offer("AJ_1", room="r", metadata="m"), pieces=1)
            connection.hear("answer")
            connection.say(assignment("AJ_1"), pieces=7)
            connection.say(termination("AJ_1"), fragments=3)

        server = self.serve(script)
        worker = self.connect(server, policy=livekit_api.accept)
        self.assertEqual(worker.wait_for("termination").job_id, "AJ_1")
        job = job_of(worker.all("offer")[0])
        self.assertEqual((job.id, job.room.name, job.metadata), ("AJ_1", "r", "m"))
        self.assertTrue(server.connection().all("answer")[0].available)

    def test_statuses_are_told_by_job(self):
        server = self.serve(obliging)
        worker = self.connect(server)
        worker.tell_job("AJ_1", wire.JobStatus.RUNNING)
        worker.tell_job("AJ_2", wire.JobStatus.FAILED, "why")
        worker.tell_job("AJ_1", wire.JobStatus.SUCCESS)
        worker.ping()
        self.assertEqual(server.statuses("AJ_1"), ["RUNNING", "SUCCESS"])
        self.assertEqual(server.statuses("AJ_2"), ["FAILED"])

    def test_what_is_no_message_is_kept_apart(self):
        server = self.serve(obliging)
        worker = self.connect(server)
        worker.send_frame(b"\xff\xff")
        worker.ping()
        self.assertEqual(server.connection().bad, [b"\xff\xff"])

    def test_it_may_refuse_and_then_oblige(self):
        server = self.serve(scripts(lambda connection: connection.refuse(401), obliging))
        with self.assertRaises(livekit_api.Refused) as refused:
            self.connect(server)
        self.assertEqual(refused.exception.status, 401)
        self.connect(server)
        self.assertEqual(len(server.connections), 2)

    def test_it_may_close_reset_or_say_goodbye(self):
        def closing(how):
            def script(connection):
                obliging(connection)
                how(connection)

            return script

        ways = [lambda one: one.close(), lambda one: one.reset(), lambda one: one.say_close(1001)]
        for how in ways:
            server = self.serve(closing(how))
            self.connect(server).wait_closed()

    def test_a_frozen_one_hears_nothing_until_it_thaws(self):
        def script(connection):
            obliging(connection)
            connection.hear("ping")
            connection.freeze()
            connection.say(offer("AJ_1"))  # it may still speak

        server = self.serve(script)
        worker = self.connect(server)
        worker.say(ping=wire.Ping(timestamp=1))
        worker.wait_for("offer")
        worker.say(ping=wire.Ping(timestamp=2))
        self.assertFalse(worker.hears("pong", 2, seconds=0.3))
        server.connection().thaw()
        worker.wait_for("pong", 2)

    def test_it_may_leave_pings_unanswered(self):
        def script(connection):
            connection.answers_pings = False
            obliging(connection)

        server = self.serve(script)
        worker = self.connect(server)
        worker.say(ping=wire.Ping(timestamp=1))
        server.connection().hear("ping")
        self.assertEqual(worker.all("pong"), [])

    def test_a_worker_that_leaves_ends_the_script(self):
        ended = threading.Event()

        def script(connection):
            obliging(connection)
            try:
                connection.hear("answer")
            finally:
                ended.set()

        server = self.serve(script)
        worker = self.connect(server)
        worker.drop()
        self.assertTrue(ended.wait(livekit_api.DEADLINE))
        server.connection().wait_ended()
        self.assertIsNone(server.connection().script_error)

    def test_a_port_may_be_taken_over(self):
        server = self.serve(obliging)
        self.connect(server)
        server.close()
        again = HostileServer(obliging, port=server.port)
        self.addCleanup(again.close)
        self.connect(again).ping()


if __name__ == "__main__":
    unittest.main()
