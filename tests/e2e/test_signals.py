"""Signals: to a batch and to a worker, once and twice, and the worst one."""

import os
import signal
import subprocess
import time

from rig import ANDIRON, DEADLINE, ECHO, FAULT, GONE_WITHIN, EndToEnd, WithWorker, ignores, marked, wait_until
from shows import shows


class ToABatch(EndToEnd):
    def start_batch(self, *arguments):
        return self.start([ANDIRON, "run", "--warm", "2", "--max_children", "2", *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def busy(self, process, lines):
        """Hands over the lines, and returns when a child runs the first of them."""
        process.stdin.write(lines)
        process.stdin.flush()

    def test_the_first_one_reads_no_more_and_lets_end_what_is_under_way(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.start_batch("--", ECHO, "--sleep-ms", "200")
                self.busy(process, b"one\ntwo\n")
                first = process.stdout.readline()
                process.stdin.write(b"three\n")
                process.stdin.flush()
                process.send_signal(number)
                self.ends_with(process, 128 + number)
                rest, err = process.stdout.read(), process.stderr.read()
                self.assertIn((first + rest).split(), ([b"one", b"two"], [b"one", b"two", b"three"]), err)
                self.assertIn(b"reading no more", err)

    def test_the_second_one_kills_at_once(self):
        process = self.start_batch("--", ECHO, "--sleep-ms", "600000")
        self.busy(process, b"one\n")
        wait_until(lambda: len(marked(self.mark)) > 1, "there are children")
        process.send_signal(signal.SIGINT)
        self.assertIn(b"once more", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        self.ends_with(process, 130, 10)
        self.assertEqual(marked(self.mark), [])

    @shows("R12", "R105")
    def test_it_ends_children_that_still_warm_up(self):
        # Deaf to SIGTERM, and no grace or timeout ends: only what kills at once does.
        process = self.start_batch("--stop_grace", "10m", "--init_timeout", "10m", "--", FAULT, "deaf-start")
        self.busy(process, b"one\n")
        wait_until(lambda: sum(ignores(pid, signal.SIGTERM) for pid in marked(self.mark)) == 2, "they are deaf")
        process.send_signal(signal.SIGINT)
        self.assertIn(b"once more", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        self.ends_with(process, 130, 10)
        self.assertEqual(marked(self.mark), [])

    @shows("C1")
    def test_nothing_outlives_a_killed_batch(self):
        process = self.start_batch("--", ECHO, "--sleep-ms", "600000")
        self.busy(process, b"one\n")
        wait_until(lambda: len(marked(self.mark)) > 1, "there are children")
        process.kill()
        process.wait(DEADLINE)
        wait_until(lambda: not marked(self.mark), "no child is left", GONE_WITHIN)


class ToAWorker(WithWorker):
    def busy_worker(self, *arguments):
        worker = self.start_worker("--warm", "1", "--max_children", "2", "--", ECHO, *arguments)
        submitted = self.submit_in_background("default", "payload")
        wait_until(lambda: self.children("busy"), "a job runs")
        return worker, submitted

    @shows("C8", "R103")
    def test_term_and_int_drain_and_end_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                worker, submitted = self.busy_worker("--sleep-ms", "3000")
                worker.send_signal(number)
                out, _ = submitted.communicate(timeout=DEADLINE)
                self.assertEqual((submitted.returncode, out), (0, b"payload"))
                self.ends_with(worker, 0)
                self.assertFalse(os.path.exists(self.socket))

    @shows("C8", "R104")
    def test_a_second_one_ends_it_at_once_and_the_exit_code_tells(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM),
                              (signal.SIGTERM, signal.SIGINT)):
            with self.subTest(first=first, second=second):
                worker, submitted = self.busy_worker("--sleep-ms", "600000")
                worker.send_signal(first)
                wait_until(lambda: "draining" in self.log(), "it drains")
                worker.send_signal(second)
                self.ends_with(worker, 128 + second, 10)
                submitted.wait(DEADLINE)
                self.assertIn(submitted.returncode, (125, 69))
                wait_until(lambda: not marked(self.mark), "no child is left", GONE_WITHIN)

    @shows("R103")
    def test_the_last_results_reach_who_waits_for_them(self):
        path = self.path("large", "0123456789abcdef" * (250 * 1024))
        worker = self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "3000")
        submitted = self.submit_in_background("default", "@" + path)
        wait_until(lambda: self.children("busy"), "a job runs")
        worker.terminate()
        out, err = submitted.communicate(timeout=DEADLINE)
        self.assertEqual((submitted.returncode, err), (0, b""))
        self.assertEqual(len(out), 4000 * 1024)
        self.ends_with(worker, 0)

    @shows("R104")
    def test_a_further_one_waits_for_no_reader_of_the_last_results(self):
        path = self.path("large", "0123456789abcdef" * (250 * 1024))
        worker = self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "3000")
        deaf = self.submit_in_background("default", "@" + path)
        wait_until(lambda: self.children("busy"), "a job runs")
        deaf.send_signal(signal.SIGSTOP)
        worker.terminate()
        wait_until(lambda: "the worker is stopped" in self.log(), "only the reader is waited for")
        worker.terminate()
        self.ends_with(worker, 128 + signal.SIGTERM)
        self.assertNotIn("have not read all", self.log())

    @shows("R103")
    def test_a_drain_is_bounded(self):
        worker = self.start_worker("--warm", "1", "--drain_timeout", "300ms", "--", ECHO, "--sleep-ms", "600000")
        submitted = self.submit_in_background("default", "payload")
        wait_until(lambda: self.children("busy"), "a job runs")
        worker.terminate()
        self.ends_with(worker, 0)
        _, err = submitted.communicate(timeout=DEADLINE)
        self.assertEqual(submitted.returncode, 125)
        self.assertIn(b"KILLED_SHUTDOWN", err)
        self.assertIn(b"drain_timeout (300ms) was over", err)

    @shows("A15", "R105")
    def test_a_signal_while_children_warm_up_ends_it(self):
        worker = self.start_worker("--warm", "2", "--init_timeout", "10m", "--", FAULT, "never-ready")
        wait_until(lambda: self.children("starting"), "children start")
        worker.terminate()
        self.ends_with(worker, 0, 30)

    @shows("C8")
    def test_a_signal_is_heard_from_when_the_socket_is_there(self):
        for _ in range(10):
            with open(self.log_path, "ab") as log:
                worker = self.start([ANDIRON, "start", "--socket", self.socket, "--warm", "1", "--", ECHO], stderr=log)
            # Without a pause: the moments just after it are meant.
            end = time.monotonic() + DEADLINE
            while not os.path.exists(self.socket) and time.monotonic() < end:
                pass
            worker.terminate()
            self.ends_with(worker, 0)

    @shows("C8", "R89")
    def test_hup_is_answered_in_the_log_and_changes_nothing(self):
        worker = self.start_worker("--warm", "1", "--", ECHO)
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload" in self.log(), "the log says that it doesn't reload")
        self.assertEqual(self.submit("default", "a")[0], 0)

    @shows("C8")
    def test_usr1_writes_the_state_to_the_log_at_any_level(self):
        worker = self.start_worker("--warm", "1", "--", ECHO)
        worker.send_signal(signal.SIGUSR1)
        wait_until(lambda: '"pools"' in self.log() or '\\"pools\\"' in self.log(), "the state is in the log")

    @shows("C1", "R43")
    def test_nothing_outlives_a_killed_worker(self):
        worker, _ = self.busy_worker("--sleep-ms", "600000")
        self.assertGreater(len(marked(self.mark)), 1)
        worker.kill()
        worker.wait(DEADLINE)
        wait_until(lambda: not marked(self.mark), "no child is left", GONE_WITHIN)

    @shows("C1", "R43")
    def test_what_its_children_have_left_behind_ends_with_a_killed_worker(self):
        worker = self.start_worker("--warm", "1", "--", FAULT, "escapee")
        if self.status()["worker"]["containment"] != "cgroup":
            worker.terminate()  # in order: killed, it would leave that behind
            worker.wait(DEADLINE)
            self.skipTest("without a cgroup nobody can find it once the worker is dead")
        wait_until(lambda: len(marked(self.mark)) == 3, "the worker, a child, and what it has left behind")
        worker.kill()
        worker.wait(DEADLINE)
        wait_until(lambda: not marked(self.mark), "nothing is left", GONE_WITHIN)

    @shows("C3")
    def test_nothing_outlives_a_worker_that_crashes(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number):
                worker, _ = self.busy_worker("--sleep-ms", "600000")
                worker.send_signal(number)
                self.assertNotEqual(worker.wait(DEADLINE), 0)
                wait_until(lambda: not marked(self.mark), "no child is left", GONE_WITHIN)

    @shows("C8")
    def test_signals_that_mean_nothing_change_nothing(self):
        worker = self.start_worker("--warm", "2", "--max_children", "2", "--", ECHO)
        wait_until(lambda: len(self.children("idle")) == 2, "children are idle")
        before = sorted(child["pid"] for child in self.children())
        for _ in range(2000):
            worker.send_signal(signal.SIGCHLD)
            worker.send_signal(signal.SIGPIPE)
        self.assertEqual(self.client("status")[0], 0)
        self.assertEqual(sorted(child["pid"] for child in self.children()), before)
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))

    @shows("C1")
    def test_a_killed_workers_socket_is_taken_over(self):
        worker = self.start_worker("--warm", "1", "--", ECHO)
        worker.kill()
        worker.wait(DEADLINE)
        self.start_worker("--warm", "1", "--", ECHO)
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))
