"""A server that cuts, lies, floods, stays silent or freezes: the worker never crashes, comes back, and its status says
how things are."""

import os
import time
import unittest

from contract import wire
from hostile_server import Over, assignment, offer, registered, scripts, termination
from rig import read
from source_rig import EAGER, SourceTest, wait_until
from websocket_frames import BINARY, TEXT, frame

FLOOD = 5000


def listens(connection):
    connection.accept()
    connection.register()


def never_registers(connection):
    connection.accept()


class Hostile(SourceTest):
    def setUp(self):
        super().setUp()
        self.count = 0

    def patient(self, script, **options):
        """A worker at a server that has this script; options are settings of its source."""
        self.lk = self.hostile(script)
        return self.worker(self.lk, livekit={**EAGER, **options})

    def works(self, worker, connection):
        """It is registered there, and does a job."""
        self.count += 1
        id = f"AJ_works{self.count}"
        worker.ready()
        connection.wait(lambda: connection.all("worker_status")[-1].status == wire.WorkerStatus.AVAILABLE, "it is free")
        connection.say(offer(id))
        connection.wait(lambda: any(word.job_id == id and word.available for word in connection.all("answer")), "yes")
        connection.say(assignment(id))
        connection.wait(lambda: "SUCCESS" in connection.statuses(id), "the job is done")

    def last(self):
        return self.lk.connections[-1]


class Cuts(Hostile):
    def test_the_end_may_come_after_any_byte(self):
        talk = b"".join(frame(message.SerializeToString()) for message in
                        (registered(), offer("AJ_1"), assignment("AJ_1"), termination("AJ_1")))
        cuts = [*range(0, len(talk), 3), len(talk)]

        def script(connection):
            if connection.number >= len(cuts):
                return listens(connection)
            connection.accept()
            connection.send_bytes(talk[:cuts[connection.number]])
            # By turns in good order and not; and sometimes the worker has read it, sometimes not.
            if connection.number % 3 == 0:
                connection.hear("registration")
            connection.reset() if connection.number % 2 else connection.close()

        worker = self.patient(script, backoff_min="10ms", backoff_max="20ms")
        connection = self.lk.connection(len(cuts), 60)
        self.works(worker, connection)
        # The job that was assigned once or twice before the end has run once.
        self.assertLessEqual(worker.pool()["jobs"]["accepted"], 2)
        self.assertEqual(worker.agent()["state"], "registered")

    def test_the_end_may_come_within_the_upgrade(self):
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        cuts = [0, 1, 12, len(answer) // 2, len(answer)]

        def script(connection):
            if connection.number >= len(cuts):
                return listens(connection)
            connection.send_bytes(answer[:cuts[connection.number]])
            connection.close()

        worker = self.patient(script)
        self.works(worker, self.lk.connection(len(cuts)))

    def test_pieces_and_fragments_are_put_together(self):
        worker = self.patient(listens)
        connection = self.lk.connection()
        self.works(worker, connection)
        connection.say(offer("AJ_1"), pieces=1)
        connection.hear("answer", 2)
        connection.say(assignment("AJ_1", metadata="x" * 3000), fragments=7)
        connection.wait(lambda: "SUCCESS" in connection.statuses("AJ_1"), "the job is done")
        self.assertEqual(worker.agent()["reconnects"], 0)


class Nonsense(Hostile):
    def test_what_means_nothing_is_passed_over(self):
        worker = self.patient(listens)
        connection = self.lk.connection()
        self.works(worker, connection)
        connection.say(registered("AW_again"))
        connection.say(wire.ToWorker())
        connection.say_payload(b"\xfa\x3f\x03abc")  # a field of a later contract
        connection.say(wire.ToWorker(pong=wire.Pong(last_timestamp=1 << 62)))
        connection.say(wire.ToWorker(pong=wire.Pong(last_timestamp=-1)))
        self.works(worker, connection)
        self.assertEqual((worker.agent()["reconnects"], worker.agent()["worker_id"]), (0, "AW_hostile"))

    def test_what_cant_be_read_ends_the_link_and_a_new_one_is_made(self):
        wrong = [
            lambda connection: connection.say_payload(b"\xff\xff\xff"),
            lambda connection: connection.say_payload(b"{}", TEXT),
            lambda connection: connection.say_payload(b"\x00" * ((2 << 20) + 1)),
            lambda connection: connection.send_bytes(b"\x82\x7f" + b"\xff" * 8),  # a frame of 2^64 bytes
            lambda connection: connection.send_bytes(b"\xff" * 100),
            lambda connection: connection.send_bytes(frame(b"x", BINARY, mask=True)),
            lambda connection: connection.say_close(1011),
            lambda connection: connection.say(offer("")),
            lambda connection: connection.say(wire.ToWorker(offer=wire.Offer(job=b"\xff"))),
        ]

        def script(connection):
            listens(connection)
            if connection.number < len(wrong):
                wrong[connection.number](connection)

        worker = self.patient(script)
        connection = self.lk.connection(len(wrong))
        self.works(worker, connection)
        # Each of them was the end of its link, and only that.
        self.assertEqual(worker.agent()["reconnects"], len(wrong))
        self.assertEqual(len(self.lk.connections), len(wrong) + 1)
        self.assertIn("dropped: the server's message can't be read: a job without an id", worker.log())
        self.assertIn("dropped: the server sent a text message", worker.log())
        self.assertNotRegex(worker.log(), "can't be read.*can't be read")

    def test_a_wrong_upgrade_is_refused(self):
        def wrong(connection):
            connection.accept(key="bm90IHRoZSBrZXk=")
            connection.say(registered())

        worker = self.patient(scripts(wrong, wrong, listens))
        self.works(worker, self.lk.connection(2))
        self.assertEqual(self.lk.connections[0].heard, [])

    def test_a_message_as_large_as_may_be_is_read(self):
        worker = self.patient(listens, max_message="64KiB")
        connection = self.lk.connection()
        self.works(worker, connection)
        room = "x" * ((64 << 10) - len(offer("AJ_1", room="").SerializeToString()) - 12)
        connection.say(offer("AJ_1", room=room))
        connection.hear("answer", 2)
        connection.say(offer("AJ_2", room=room + "x" * 64))
        connection.wait_ended()
        self.works(worker, self.lk.connection(1))


class Refusals(Hostile):
    def test_refused_credentials_are_said_and_tried_again(self):
        worker = self.patient(lambda connection: connection.refuse(401))
        worker.wait(lambda agent: agent["state"] in ("connecting", "backing_off") and "401" in agent["last_error"],
                    "it says why")
        self.lk.connection(3)
        self.lk.script = listens
        worker.registered()
        self.works(worker, self.last())
        self.assertIn("LIVEKIT_API_SECRET", worker.log())

    def test_tries_are_spaced_more_and_more_and_never_end(self):
        def refuses(connection):
            times.append(time.monotonic())
            connection.refuse(503, "Not now")

        times = []
        worker = self.patient(refuses, backoff_min="40ms", backoff_max="640ms")
        wait_until(lambda: len(times) >= 12, "twelve tries")
        spaces = [after - before for before, after in zip(times, times[1:])]
        self.assertGreaterEqual(min(spaces), 0.04)
        self.assertLess(spaces[0], 0.08 + 0.5)
        # Drawn from ever more; that all of six draws from 40 to 640 ms are as short as that doesn't happen.
        self.assertGreater(max(spaces[5:]), 0.12)
        self.assertLess(max(spaces), 0.64 + 1)
        agent = worker.agent()
        self.assertIn(agent["state"], ("connecting", "backing_off"))
        self.assertIn("503", agent["last_error"])
        self.lk.script = listens
        worker.registered()

    def test_no_server_at_all(self):
        worker = self.patient(listens)
        worker.registered()
        port = self.lk.port
        self.lk.close()
        worker.wait(lambda agent: agent["state"] == "backing_off" and "refused" in agent["last_error"], "it says so")
        self.lk = self.hostile(listens, port=port)
        self.works(worker, self.lk.connection())


class Silence(Hostile):
    def test_each_silence_of_a_server_has_an_end(self):
        def never_answers(connection):
            connection.pause(60)

        worker = self.patient(never_answers, connect_timeout="400ms")
        worker.wait(lambda agent: agent["state"] == "connecting", "it waits for the upgrade")
        worker.wait_for_log("no connection within 0.4")
        hung = f"waited for the answer of 127.0.0.1:{self.lk.port} to our request"
        self.assertIn(hung, worker.log())
        worker.wait(lambda agent: hung in agent["last_error"], "its status says so too")
        self.lk.script = never_registers
        worker.wait(lambda agent: agent["state"] == "registering", "it waits for the registration")
        worker.wait_for_log("no registration within 0.4")
        self.lk.script = listens
        worker.registered()
        self.works(worker, self.last())

    def test_a_server_that_answers_no_pings_is_given_up(self):
        def deaf(connection):
            connection.answers_pings = False
            listens(connection)

        worker = self.patient(scripts(deaf, listens), ping_interval="100ms", ping_timeout="500ms")
        first = self.lk.connection(0)
        first.wait_ended()
        self.works(worker, self.lk.connection(1))
        self.assertIn("no answer to a ping", worker.log())

    def test_a_server_that_only_listens_is_left_alone(self):
        worker = self.patient(listens, ping_interval="100ms", ping_timeout="500ms")
        connection = self.lk.connection()
        connection.answers_frame_pings = False
        connection.hear("ping", 15)
        self.works(worker, connection)
        self.assertEqual(worker.agent()["reconnects"], 0)

    def test_a_server_that_pauses_while_its_machine_takes_the_bytes_is_left_alone(self):
        dead_after = 1
        worker = self.patient(listens, ping_interval="100ms", ping_timeout="100s", dead_after=f"{dead_after}s")
        connection = self.lk.connection()
        self.works(worker, connection)
        pings = len(connection.all("ping"))
        connection.freeze()
        # Not a wait for anything: the pause itself.
        connection.pause(2.5 * dead_after)
        connection.thaw()
        connection.hear("ping", pings + 15)
        self.works(worker, connection)
        self.assertEqual((worker.agent()["reconnects"], len(self.lk.connections)), (0, 1))

    def test_a_server_that_reads_no_more_is_given_up_and_what_waits_for_it_is_bounded(self):
        worker = self.patient(listens, ping_interval="100s", ping_timeout="200s", dead_after="1s")
        first = self.lk.connection()
        self.works(worker, first)
        first.freeze()
        # Whoever doesn't read and goes on asking gets no more answers in the end.
        self.flood_until_over(first)
        second = self.lk.connection(1)
        self.works(worker, second)
        first.thaw()
        first.wait_ended()

    @staticmethod
    def flood_until_over(connection):
        name = "x" * 200
        try:
            for first in range(0, 500_000, 1000):
                connection.send_bytes(b"".join(frame(offer(f"AJ_{name}{number}").SerializeToString())
                                               for number in range(first, first + 1000)))
        except Over:
            return
        raise AssertionError("it swallowed 100 MB of offers without an end")


class Floods(Hostile):
    def flood(self, connection, prefix):
        """As many offers as that, as fast as can be; each must be answered, once. The answers."""
        before = len(connection.all("answer"))
        data = b"".join(frame(offer(f"{prefix}{number}").SerializeToString()) for number in range(FLOOD))
        connection.send_bytes(data)
        connection.hear("answer", before + FLOOD)
        answers = connection.all("answer")[before:]
        self.assertEqual(sorted(word.job_id for word in answers),
                         sorted(f"{prefix}{number}" for number in range(FLOOD)))
        return answers

    @staticmethod
    def memory(worker):
        for line in read(f"/proc/{worker.process.pid}/status").decode().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) >> 10
        return 0

    def test_each_offer_of_a_flood_is_answered_once_in_bounded_memory(self):
        # A sanitizer keeps what was freed: as little of that as it can.
        environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        self.lk = self.hostile(listens)
        worker = self.worker(self.lk, livekit=EAGER, environment=environment, pool={"queue_limit": 0})
        connection = self.lk.connection()
        self.works(worker, connection)
        accepted = [word for word in self.flood(connection, "AJ_a") if word.available]
        self.assertLessEqual(len(accepted), 4)
        before = self.memory(worker)
        self.flood(connection, "AJ_b")
        self.assertLess(self.memory(worker) - before, 16)
        agent = worker.agent()
        self.assertEqual(agent["offered"], 2 * FLOOD + 1)
        self.assertEqual(agent["offered"], agent["accepted"] + agent["refused"])
        self.works_when_free(worker, connection)

    def works_when_free(self, worker, connection):
        # Places of offers that nobody assigned come free by themselves.
        worker.wait_pool(lambda pool: pool["reserved"] == 0, "no place is held")
        self.works(worker, connection)

    def test_assignments_that_nobody_asked_for_run_or_fail_in_words(self):
        self.lk = self.hostile(listens)
        worker = self.worker(self.lk, livekit=EAGER, pool={"queue_limit": 20, "warm": 2, "max_children": 2})
        connection = self.lk.connection()
        self.works(worker, connection)
        jobs = [f"AJ_{number}" for number in range(200)]
        for job in jobs:
            connection.say(assignment(job))
        wait_until(lambda: all({"SUCCESS", "FAILED"} & set(connection.statuses(job)) for job in jobs[-1:] + jobs[:1]),
                   "the first and the last have ended")
        wait_until(lambda: worker.agent()["jobs"] == 0, "all have ended")
        ends = {word.job_id: word for word in connection.all("job_status") if word.status != wire.JobStatus.RUNNING}
        self.assertEqual(len(ends), len(jobs) + 1)
        failed = [word.error for word in ends.values() if word.status == wire.JobStatus.FAILED]
        self.assertGreater(len(failed), 100)
        self.assertEqual(set(failed), {"not started: no child is free and the queue is full"})

    def test_a_flood_of_nonsense_stops_nothing_else(self):
        worker = self.patient(listens)
        connection = self.lk.connection()
        self.works(worker, connection)
        connection.send_bytes(b"".join(frame(termination(f"AJ_{number}").SerializeToString())
                                       for number in range(FLOOD)))
        self.works(worker, connection)
        self.assertEqual((worker.agent()["terminated"], worker.agent()["reconnects"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
