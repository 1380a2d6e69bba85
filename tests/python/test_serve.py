"""What every kind of child does: warm-up, results, logs, and the ways to end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from andiron import _child_pb2 as pb
from andiron._channel import frame
from fake_worker import DEADLINE, HERE, FakeWorker, seconds_since
from shows import shows

ERROR_MAX = 64 << 10


class WarmUp(unittest.TestCase):
    def test_hello_names_the_protocol_and_the_process(self):
        with FakeWorker("plain") as worker:
            hello = worker.ready()
            self.assertEqual(hello.protocol_version, 1)
            self.assertEqual(hello.sdk_name, "python")
            self.assertEqual(hello.pid, worker.process.pid)

    def test_progress_comes_before_hello_and_within_its_limits(self):
        for mode in ("prewarm", "prewarm-run-async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                first = worker.expect("progress")
                self.assertEqual((first.percent, first.text), (10, "ten"))
                second = worker.expect("progress")
                self.assertEqual(second.percent, 100)
                self.assertLessEqual(pb.FromChild(progress=second).ByteSize(), 4096)
                self.assertEqual(worker.expect("progress").percent, -1)
                worker.ready()

    def test_progress_after_the_warm_up_is_not_sent(self):
        with FakeWorker("prewarm") as worker:
            for _ in range(3):
                worker.expect("progress")
            worker.ready()
            worker.run(1, "late_progress")
            self.assertEqual(worker.result(1).output, b"quiet")

    def test_an_async_warm_up_goes_with_either_kind_of_handler(self):
        for mode, payload in (("prewarm-async", "echo"), ("prewarm-async-run-async", "echo")):
            with self.subTest(mode), FakeWorker(mode) as worker:
                self.assertEqual(worker.expect("progress").percent, 50)
                worker.ready()
                worker.run(1, payload)
                self.assertEqual(worker.result(1).output, b"echo")

    def test_the_thread_that_reads_the_channel_begins_after_the_warm_up(self):
        with FakeWorker("prewarm-alone") as worker:
            worker.ready()
            worker.run(1, "threads_then_and_now")
            self.assertEqual(worker.result(1).output, b"1 2")

    def test_a_warm_up_that_raises_ends_the_child_with_its_traceback(self):
        with FakeWorker("prewarm-fails") as worker:
            self.assertIsNone(worker.receive())
            self.assertEqual(worker.exit_code(), 1)
            self.assertIn("RuntimeError: the model is missing", worker.errors())

    def test_a_child_that_gets_no_thread_for_its_channel_was_never_ready(self):
        for mode in ("no-threads", "no-threads-async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                self.assertIsNone(worker.receive(), "it said that it was ready")
                self.assertEqual(worker.exit_code(), 1)
                self.assertIn("RuntimeError: can't start new thread", worker.errors())


class Results(unittest.TestCase):
    def test_bytes_text_and_nothing_are_results(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            for job, (payload, output) in enumerate(
                [("echo", b"echo"), ("text", "grüße".encode()), ("nothing", b"")], 1
            ):
                worker.run(job, payload)
                result = worker.result(job)
                self.assertEqual((result.end, result.output), (pb.Result.SUCCEEDED, output))

    def test_another_type_is_a_failure_that_names_it(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "number")
            result = worker.result(1)
            self.assertEqual(result.end, pb.Result.FAILED)
            self.assertIn("int", result.error)

    def test_a_job_knows_its_name_and_limit(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "describe", run_for_ms=1500)
            self.assertEqual(worker.result(1).output, b"job-1 1.5 False <andiron.Job 'job-1', 8 bytes>")
            worker.run(2, "describe")
            self.assertTrue(worker.result(2).output.startswith(b"job-2 None"))

    def test_an_exception_is_a_failure_and_the_child_goes_on(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "fail")
            result = worker.result(1)
            self.assertEqual(result.end, pb.Result.FAILED)
            self.assertTrue(result.error.endswith("ValueError: no such thing as job-1\n"), result.error)
            self.assertIn("in fail", result.error)
            self.assertNotIn("_modes.py", result.error)
            worker.run(2, "surrogate")
            self.assertIn("udc80", worker.result(2).error)
            worker.run(3, "leave")
            self.assertIn("SystemExit: 3", worker.result(3).error)
            worker.run(4, "echo")
            self.assertEqual(worker.result(4).end, pb.Result.SUCCEEDED)

    def test_an_error_is_cut_to_its_last_64_kib(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "fail_long 10")
            overhead = len(worker.result(1).error) - 10
            for job, size in ((2, ERROR_MAX - overhead), (3, ERROR_MAX - overhead + 1)):
                worker.run(job, f"fail_long {size}")
                error = worker.result(job).error
                self.assertEqual(len(error), ERROR_MAX)
                self.assertEqual(error.startswith("[the beginning is cut]"), job == 3)
                self.assertTrue(error.endswith("xxx\n"))

    def test_an_output_larger_than_the_worker_takes_is_a_failure_and_the_child_goes_on(self):
        for mode in ("plain", "threads"):
            with self.subTest(mode), FakeWorker(mode, max_result=100) as worker:
                worker.ready()
                worker.run(1, b"echo " + b"x" * 96)
                result = worker.result(1)
                self.assertEqual(result.end, pb.Result.FAILED)
                self.assertEqual(result.error, "the job's output has 101 bytes, max_result is 100")
                worker.run(2, b"echo " + b"x" * 95)
                self.assertEqual(len(worker.result(2).output), 100)

    def test_large_payloads_and_frames_in_small_pieces(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            payload = b"echo " + os.urandom(4 << 20)
            worker.run(1, payload)
            self.assertEqual(worker.result(1).output, payload)
            for byte in frame(pb.ToChild(run=pb.Run(job=2, id="pieces", payload=b"echo")).SerializeToString()):
                worker.send_bytes(bytes([byte]))
            self.assertEqual(worker.result(2).output, b"echo")


class Liveness(unittest.TestCase):
    @shows("R87")
    def test_a_job_is_acknowledged_before_it_runs_and_pings_are_answered_while_it_does(self):
        for mode, payload in (("plain", "sleep"), ("threads", "sleep"), ("async", "sleep"), ("async", "block")):
            with self.subTest(mode=mode, payload=payload), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, payload)
                self.assertEqual(worker.expect("ack").job, 1)
                worker.send(ping=pb.Ping(sequence=7))
                self.assertEqual(worker.expect("pong").sequence, 7)

    def test_prints_reach_the_log_while_the_job_runs(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "say")
            self.assertEqual(worker.line(), "a line\n")


class Ends(unittest.TestCase):
    def test_stop_lets_the_running_job_end_and_exits_with_0(self):
        for mode, payload in (("plain", "wait 60"), ("threads", "wait 60"), ("async", "sleep")):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, payload)
                worker.expect("ack")
                worker.stop()
                worker.send(ping=pb.Ping(sequence=1))
                worker.expect("pong")
                self.assertIsNone(worker.process.poll())
                worker.cancel(1)
                worker.end(1)
                self.assertEqual(worker.exit_code(), 0)
                self.assertEqual(worker.line(), "served\n")

    def test_stop_of_an_idle_child_exits_with_0(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.stop()
                self.assertEqual(worker.exit_code(), 0)

    def test_an_idle_child_ends_in_order_by_sigterm_alone(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, "echo")
                worker.result(1)
                worker.until_main_thread_sleeps()
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.exit_code(), 0)
                self.assertEqual(worker.line(), "served\n")

    def test_an_idle_child_that_hears_stop_and_sigterm_at_once_ends_in_order(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, "echo")
                worker.result(1)
                # Held until it has both: else it might be gone after the first.
                worker.process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, worker.process.pid, os.WSTOPPED)
                worker.process.send_signal(signal.SIGTERM)
                worker.stop()
                worker.process.send_signal(signal.SIGCONT)
                self.assertEqual(worker.exit_code(), 0)
                self.assertEqual(worker.line(), "served\n")

    def test_a_child_with_a_job_is_ended_by_sigterm(self):
        for mode, payload in (
            ("plain", "native"),
            ("plain", "sleep"),
            ("threads", "native"),
            ("threads", "sleep"),
            ("async", "native"),
            ("async", "block"),
            ("async", "sleep"),
        ):
            with self.subTest(mode=mode, payload=payload), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, payload)
                worker.expect("ack")
                if payload != "sleep":
                    self.assertEqual(worker.line(), "begun\n")
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.exit_code(), -signal.SIGTERM)

    def test_sigterm_is_heard_whichever_thread_takes_it(self):
        # own_...: it sets another wakeup descriptor, and takes it away again.
        for mode, payload in (
            ("plain-elsewhere", "echo"),
            ("plain-elsewhere", "own_loop"),
            ("threads-elsewhere", "echo"),
            ("async-elsewhere", "echo"),
            ("async-elsewhere", "own_handler_of_the_loop"),
        ):
            with self.subTest(mode=mode, payload=payload), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, payload)
                worker.result(1)
                worker.until_main_thread_sleeps()
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.exit_code(), 0)
                self.assertEqual(worker.line(), "served\n")

    def test_a_last_job_after_stop_is_ended_by_sigterm_whichever_thread_takes_it(self):
        for mode in ("plain-elsewhere", "threads-elsewhere", "async-elsewhere"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, "sleep")
                worker.expect("ack")
                worker.stop()
                worker.send(ping=pb.Ping(sequence=1))
                worker.expect("pong")
                worker.until_main_thread_sleeps()
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.exit_code(), -signal.SIGTERM)

    def test_a_handler_of_sigterm_that_a_job_has_made_stays(self):
        # A plain handler that sleeps would hear a signal that comes just before only when it wakes up: it naps.
        for mode, until_cancelled in (("plain", "poll"), ("async", "sleep")):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                worker.run(1, "take_sigterm")
                worker.result(1)
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.line(), "mine\n")
                worker.run(2, until_cancelled)
                worker.expect("ack")
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.line(), "mine\n")
                worker.cancel(2)
                self.assertEqual(worker.end(2).end, pb.Result.CANCELLED)
                worker.stop()
                self.assertEqual(worker.exit_code(), 0)
                self.assertEqual(worker.line(), "served\n")

    def test_after_serve_the_program_has_its_signals_and_descriptors_back(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), tempfile.TemporaryDirectory() as work:
                flag = os.path.join(work, "flag")
                with FakeWorker(mode, flag) as worker:
                    worker.ready()
                    worker.run(1, "echo")
                    worker.result(1)
                    worker.process.send_signal(signal.SIGTERM)
                    for line in ("served", "descriptors are as before", "cleaning up"):
                        self.assertEqual(worker.line(), line + "\n")
                    # The worker may not know yet: what isn't acknowledged goes to another child.
                    worker.run(2, "echo")
                    worker.stop()
                    worker.send(ping=pb.Ping(sequence=1))
                    worker.expect("pong")
                    open(flag, "w").close()
                    self.assertEqual(worker.line(), "cleaned up\n")
                    worker.process.send_signal(signal.SIGTERM)
                    self.assertEqual(worker.exit_code(), -signal.SIGTERM)

    def test_a_job_that_comes_when_the_programs_own_handler_has_ended_serve_isnt_acknowledged(self):
        for mode in ("plain-exits", "threads-exits", "async-exits"):
            with self.subTest(mode), tempfile.TemporaryDirectory() as work:
                with FakeWorker(mode, os.path.join(work, "flag")) as worker:
                    worker.ready()
                    worker.process.send_signal(signal.SIGTERM)
                    for line in ("descriptors are as before", "cleaning up"):
                        self.assertEqual(worker.line(), line + "\n")
                    worker.run(1, "echo")
                    worker.send(ping=pb.Ping(sequence=1))
                    worker.expect("pong")

    def test_a_wakeup_descriptor_of_the_program_is_its_own(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), FakeWorker(mode, "own-wakeup") as worker:
                worker.ready()
                worker.run(1, "echo")
                worker.result(1)
                worker.process.send_signal(signal.SIGUSR1)
                worker.stop()
                for line in ("served", f"it got [{int(signal.SIGUSR1)}]", "wakeup descriptor is as before"):
                    self.assertEqual(worker.line(), line + "\n")
                self.assertEqual(worker.exit_code(), 0)

    @shows("R45")
    def test_without_its_channel_the_child_exits_at_once_also_within_a_job(self):
        for mode, payload in (
            ("plain", ""),
            ("plain", "sleep"),
            ("threads", "sleep"),
            ("async", "sleep"),
            ("async", "block"),
        ):
            with self.subTest(mode=mode, payload=payload), FakeWorker(mode) as worker:
                worker.ready()
                if payload:
                    worker.run(1, payload)
                    worker.expect("ack")
                start = time.monotonic()
                worker.channel.close()
                self.assertEqual(worker.exit_code(), 0)
                self.assertLess(seconds_since(start), 5)

    def test_what_is_not_the_protocol_ends_the_child_with_a_reason(self):
        for name, encoded, reason in (
            ("endless length", b"\xff" * 6, "length is malformed"),
            ("length over 2 GiB", b"\xff\xff\xff\xff\x0f", "length is malformed"),
            ("not a message", b"\x02\xff\xff", "isn't a message"),
            ("unknown kind", frame(b"\x7a\x00"), "unknown kind"),
        ):
            with self.subTest(name), FakeWorker("plain") as worker:
                worker.ready()
                worker.send_bytes(encoded)
                self.assertEqual(worker.exit_code(), 70)
                self.assertIn(reason, worker.errors())


class Surroundings(unittest.TestCase):
    def test_started_by_hand_it_says_so(self):
        done = self.run_by_hand({})
        self.assertEqual(done.returncode, 64)
        self.assertIn("andiron run FILE -- python3 child.py", done.stderr)

    def test_a_descriptor_that_is_no_channel_is_named(self):
        for value in ("nonsense", "0", "999"):
            with self.subTest(value):
                done = self.run_by_hand({"ANDIRON_CHANNEL_FD": value})
                self.assertEqual(done.returncode, 64)
                self.assertIn(f"ANDIRON_CHANNEL_FD={value} isn't a channel", done.stderr)

    def run_by_hand(self, more):
        return subprocess.run(
            [sys.executable, os.path.join(HERE, "child.py"), "plain"],
            env=dict(os.environ, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    def test_programs_that_a_job_starts_know_nothing_of_the_channel(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "grandchild")
            output = worker.result(1).output.decode()
            self.assertEqual(output.splitlines()[0], "unset")
            self.assertNotIn("socket", output)

    def test_a_forked_grandchild_does_not_keep_the_channel_open(self):
        with FakeWorker("plain") as worker:
            worker.ready()
            worker.run(1, "fork")
            grandchild = int(worker.result(1).output)
            try:
                worker.process.kill()
                self.assertIsNone(worker.receive())
            finally:
                os.kill(grandchild, signal.SIGKILL)

    def test_sigterm_ends_a_forked_process_and_no_other(self):
        for mode in ("plain", "threads", "async"):
            with self.subTest(mode), FakeWorker(mode) as worker:
                worker.ready()
                for job in range(1, 4):
                    worker.run(job, "terminate_fork")
                    result = worker.result(job)
                    self.assertEqual((result.end, result.output), (pb.Result.SUCCEEDED, b"-15"))
                worker.run(4, "echo")
                self.assertEqual(worker.result(4).output, b"echo")
                worker.stop()
                self.assertEqual(worker.exit_code(), 0)


if __name__ == "__main__":
    unittest.main()
