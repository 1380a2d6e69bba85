"""Cancels: how they reach each kind of handler, and the races at a job's end."""

import os
import tempfile
import time
import unittest

from andiron import _child_pb2 as pb
from fake_worker import FakeWorker, seconds_since


class PlainHandlers(unittest.TestCase):
    def test_a_cancel_interrupts_a_system_call_within_100_ms(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            fastest = min(self.cancel_sleeping(worker, job) for job in range(1, 6))
        self.assertLess(fastest, 0.1)

    def cancel_sleeping(self, worker, job):
        worker.run(job, "sleep")
        worker.expect("ack")
        start = time.monotonic()
        worker.cancel(job)
        self.assertEqual(worker.end(job).end, pb.Result.CANCELLED)
        return seconds_since(start)

    def test_a_cancel_that_comes_just_before_a_system_call_is_heard_in_it(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "sleep_through_first_interrupt")
            worker.expect("ack")
            self.assertEqual(worker.line(), "begun\n")
            worker.cancel(1)
            self.assertEqual(worker.end(1).end, pb.Result.CANCELLED)

    def test_a_second_cancel_does_not_hit_the_clean_up_after_the_first(self):
        with FakeWorker("plain") as worker, tempfile.TemporaryDirectory() as work:
            worker.ready()
            flag = os.path.join(work, "flag")
            worker.run(1, f"slow_clean_up {flag}")
            worker.expect("ack")
            self.assertEqual(worker.line(), "begun\n")
            worker.cancel(1)
            self.assertEqual(worker.line(), "cleaning up\n")
            worker.cancel(1)
            self.wait_until_seen(worker)
            open(flag, "w").close()
            self.assertEqual(worker.line(), "cleaned up\n")
            self.assertEqual(worker.end(1).end, pb.Result.CANCELLED)

    def test_a_cancel_of_a_job_that_waits_its_turn_leaves_the_running_one_alone(self):
        with FakeWorker("plain") as worker, tempfile.TemporaryDirectory() as work:
            worker.ready()
            flag = os.path.join(work, "flag")
            for job, payload in ((1, f"until_file {flag}"), (2, "echo")):
                worker.run(job, payload)
                worker.expect("ack")
            worker.cancel(2)
            self.wait_until_seen(worker)
            open(flag, "w").close()
            self.assertEqual(worker.end(1).output, b"file seen")
            self.assertEqual(worker.end(2).end, pb.Result.CANCELLED)

    def wait_until_seen(self, worker):
        """What was sent before has been handled when the answer to a ping comes."""
        worker.send(ping=pb.Ping(sequence=1))
        worker.expect("pong")

    def test_a_handler_that_catches_it_and_returns_has_succeeded(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "swallow")
            worker.expect("ack")
            self.assertEqual(worker.line(), "begun\n")
            worker.cancel(1)
            result = worker.end(1)
            self.assertEqual((result.end, result.output), (pb.Result.SUCCEEDED, b"swallowed"))

    def test_a_handler_that_waits_for_the_cancel_is_told_not_interrupted(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "wait 0.001")
            self.assertEqual(worker.result(1).output, b"False")
            # A thread that sleeps may also wait for the interpreter's lock, so once in a while this is too early.
            self.assertIn(b"True", (self.cancel_waiting(worker, job) for job in range(2, 50)))

    def cancel_waiting(self, worker, job):
        worker.run(job, "wait_announced 60")
        worker.expect("ack")
        self.assertEqual(worker.line(), "waiting\n")
        self.wait_until_seen(worker)
        worker.until_main_thread_sleeps()
        worker.cancel(job)
        return worker.end(job).output

    def test_giving_up_unasked_is_a_failure(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "give_up")
            self.assertEqual(worker.result(1).end, pb.Result.FAILED)

    def test_a_late_cancel_does_not_hit_the_next_job(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            for job in range(1, 200):
                worker.run(job, "briefly 0.0005")
                worker.cancel(job - 1)
                self.assertEqual(worker.result(job).end, pb.Result.SUCCEEDED)

    def test_a_cancel_at_a_jobs_very_end_gives_one_result_and_harms_nothing(self):
        ends = set()
        with FakeWorker("plain") as worker:
            worker.ready()
            for job in range(1, 400):
                worker.run(job, f"briefly {job % 20 * 0.00005}")
                worker.expect("ack")
                worker.cancel(job)
                ends.add(worker.end(job).end)
            worker.run(1000, "echo")
            self.assertEqual(worker.result(1000).output, b"echo")
        self.assertLessEqual(ends, {pb.Result.SUCCEEDED, pb.Result.CANCELLED})

    def test_a_cancel_that_comes_twice_or_for_no_job_is_harmless(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.cancel(12345)
            worker.run(1, "sleep")
            worker.expect("ack")
            worker.cancel(1)
            worker.cancel(1)
            self.assertEqual(worker.end(1).end, pb.Result.CANCELLED)
            worker.run(2, "echo")
            self.assertEqual(worker.result(2).output, b"echo")


class ThreadedHandlers(unittest.TestCase):
    def test_jobs_run_at_once_on_threads_of_their_own(self):
        with FakeWorker("threads") as worker:
            worker.ready()
            worker.run(1, "meet")
            worker.run(2, "meet")
            results = []
            while len(results) < 2:
                message = worker.receive()
                if message.WhichOneof("kind") == "result":
                    results.append(message.result)
            self.assertEqual({result.end for result in results}, {pb.Result.SUCCEEDED})
            self.assertEqual(len({result.output for result in results}), 2)

    def test_a_handler_that_looks_ends_cancelled(self):
        with FakeWorker("threads") as worker:
            worker.ready()
            worker.run(1, "poll")
            worker.expect("ack")
            worker.cancel(1)
            self.assertEqual(worker.end(1).end, pb.Result.CANCELLED)

    def test_giving_up_unasked_is_a_failure(self):
        with FakeWorker("threads") as worker:
            worker.ready()
            worker.run(1, "give_up")
            self.assertEqual(worker.result(1).end, pb.Result.FAILED)


class AsyncHandlers(unittest.TestCase):
    def test_results_and_failures(self):
        for mode in ("async", "async-object"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, "echo")
                self.assertEqual(worker.result(1).output, b"echo")
                worker.run(2, "fail")
                self.assertTrue(worker.result(2).error.endswith("ValueError: async failure\n"))
                worker.run(3, "leave")
                self.assertIn("SystemExit: 3", worker.result(3).error)
                worker.run(4, "wait")
                self.assertIn("would block the event loop", worker.result(4).error)

    def test_a_cancel_reaches_the_task_it_is_meant_for(self):
        with FakeWorker("async") as worker:
            worker.ready()
            for job in range(1, 11):
                worker.run(job, "sleep")
                worker.expect("ack")
            for job in (5, 1, 10):
                worker.cancel(job)
                self.assertEqual(worker.end(job).end, pb.Result.CANCELLED)
            worker.run(11, "echo")
            self.assertEqual(worker.result(11).output, b"echo")

    def test_a_cancel_at_any_moment_gives_one_result(self):
        ends = set()
        with FakeWorker("async") as worker:
            worker.ready()
            for job in range(1, 400):
                worker.run(job, "echo")
                worker.cancel(job)
                ends.add(worker.result(job).end)
        self.assertLessEqual(ends, {pb.Result.SUCCEEDED, pb.Result.CANCELLED})

    def test_a_cancelled_error_that_nobody_asked_for_is_a_failure(self):
        with FakeWorker("async") as worker:
            worker.ready()
            worker.run(1, "cancelled_by_itself")
            self.assertEqual(worker.result(1).end, pb.Result.FAILED)


if __name__ == "__main__":
    unittest.main()
