"""What the kernel may refuse or take away while a worker works: limits, memory, its log, its time."""

import os
import resource
import shutil
import signal
import subprocess
import unittest

from kernel import HOSTILE, Group, descriptors, descriptors_with_free, let_pass, limit, need_root
from rig import ANDIRON, DEADLINE, ECHO, FAULT, GONE_WITHIN, WithWorker, default_interrupt, marked, wait_until
from shows import shows

# What fails is tried again soon.
HASTY = ["--backoff_min", "20ms", "--backoff_max", "100ms", "--breaker_failures", "3", "--breaker_probe", "100ms"]


class Starved(WithWorker):
    """A worker that can start no child for a while: it says so, does the rest of its work, and recovers by itself."""

    def starts_none_until(self, worker, lift, reason):
        """Its one idle child is killed and can't be replaced, while the other has a job; then `lift` makes room."""
        running = self.submit_in_background("default", "x", "--id", "running")
        wait_until(lambda: self.children("busy") and self.children("idle"), "one runs a job, one is idle")
        # All of it once with all that there is: UBSan looks at the type of an object once, and opens a pipe for it.
        self.submit("nowhere", "y")
        first = self.submit_in_background("default", "x", "--id", "first")
        wait_until(lambda: len(self.children("busy")) == 2, "both run jobs")
        self.client("cancel", "first")
        first.wait(DEADLINE)
        wait_until(lambda: self.children("idle"), "one is idle again")
        exited = self.pool()["exited"]
        os.kill(self.children("idle")[0]["pid"], signal.SIGKILL)
        wait_until(lambda: self.pool()["exited"] > exited and self.children("idle"), "another one is idle")
        before = len(descriptors(worker.pid))
        restore = lift()
        os.kill(self.children("idle")[0]["pid"], signal.SIGKILL)
        wait_until(lambda: self.pool()["breaker"] == "open", "the breaker is open")
        self.assertEqual(self.pool()["capacity"], 0)
        self.assertIn(reason, self.log())
        self.assertGreaterEqual(self.pool()["initialize"]["spawn_failed"], 3)
        code, _, err = self.submit("default", "y", "--id", "refused")
        self.assertEqual(code, 75, err)
        # Nothing leaks with the tries, and a kill needs nothing that there isn't.
        self.assertLessEqual(len(descriptors(worker.pid)), before + 1)
        self.assertEqual(self.client("cancel", "running")[0], 0)
        self.assertEqual(running.wait(DEADLINE), 125)
        wait_until(lambda: not self.pool()["children"], "its child has gone, and no other can be started")
        exited = self.pool()["exited"]
        restore()
        wait_until(lambda: self.children("idle"), "a child is idle again")
        self.assertEqual(self.pool()["exited"], exited, "it needed no other child's death")
        self.assertEqual(self.pool()["breaker"], "closed")
        self.assertEqual(worker.poll(), None)

    def start_starved(self, **options):
        return self.start_worker("--warm", "1", "--max_children", "2", *HASTY, "--", ECHO, "--sleep-ms", "600000",
                                 **options)

    @shows("A2")
    def test_a2_no_descriptor_left(self):
        worker = self.start_starved()

        def lift():
            # With what the dead child gives back it is enough for a client, and too little for a child.
            return limit(worker.pid, resource.RLIMIT_NOFILE, descriptors_with_free(worker.pid, 1))

        self.starts_none_until(worker, lift, "Too many open files")

    @shows("A3")
    def test_a3_no_process_left_for_the_user(self):
        need_root("become a user who has no other process")
        user = 60000 + os.getpid() % 5000
        os.chmod(self.folder, 0o755)
        for program in (ANDIRON, ECHO):
            shutil.copy(program, self.folder)
        os.chown(self.folder, user, user)

        def become():
            default_interrupt()
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)

        self.log_path = self.path("log", "")
        with open(self.log_path, "wb") as log:
            worker = self.start([self.path("andiron"), "start", "--socket", self.socket, "--warm", "1",
                                 "--max_children", "2", *HASTY, "--", self.path("echo-child"), "--sleep-ms", "600000"],
                                stderr=log, preexec_fn=become, cwd="/")
        wait_until(lambda: "started" in self.log() or worker.poll() is not None, "the worker says that it has started")

        def allow(processes):
            # Only the user itself may do so, or a root who may exceed limits.
            subprocess.run(["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                            "/usr/bin/prlimit", f"--pid={worker.pid}", f"--nproc={processes}:"], check=True)

        def lift():
            allow(1)
            return lambda: allow(1000)

        self.starts_none_until(worker, lift, "temporarily unavailable")

    @shows("A3")
    def test_a3_no_process_left_in_the_control_group(self):
        group = Group("pids", self)

        def prepare():
            default_interrupt()
            group.enter()

        worker = self.start_starved(preexec_fn=prepare)

        def lift():
            group.limit(1)
            return lambda: group.limit("max")

        self.starts_none_until(worker, lift, "temporarily unavailable")

    @shows("A4")
    def test_a4_children_that_get_no_memory(self):
        self.start_worker("--warm", "1", "--max_children", "2", *HASTY, "--", "/usr/bin/prlimit", "--as=3000000", ECHO)
        wait_until(lambda: self.pool()["breaker"] == "open", "the breaker is open")
        self.assertEqual(self.pool()["capacity"], 0)
        self.assertEqual(self.submit("default", "x")[0], 75)
        self.assertEqual(self.pool()["initialize"]["ready"], 0)


class Logs(WithWorker):
    """A log that takes nothing costs lines, never a job or a turn of the loop."""

    def start_with(self, log, *arguments, **options):
        worker = self.start([ANDIRON, "start", "--socket", self.socket, *arguments], stderr=log, **options)
        wait_until(lambda: os.path.exists(self.socket) or worker.poll() is not None, "the socket is there")
        self.assertIsNone(worker.poll())
        return worker

    def goes_on_and_counts(self, worker):
        for payload in ("a", "b", "c"):
            code, out, err = self.submit("default", payload)
            self.assertEqual((code, out), (0, payload), err)
        wait_until(lambda: self.status()["worker"]["log_lines_dropped"] > 0, "lines that were dropped are counted")
        self.assertLess(self.status()["worker"]["loop_lag_ms"], 10000)
        worker.terminate()
        self.ends_with(worker, 0)

    @shows("B14")
    def test_b14_the_disk_of_the_log_is_full(self):
        with open("/dev/full", "wb") as full:
            worker = self.start_with(full, "--warm", "1", "--", ECHO)
        self.goes_on_and_counts(worker)

    @shows("B14")
    def test_b14_the_log_has_its_largest_size(self):
        def prepare():
            default_interrupt()
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        with open(self.path("log"), "wb") as log:
            worker = self.start_with(log, "--warm", "1", "--", ECHO, preexec_fn=prepare)
        self.goes_on_and_counts(worker)
        self.assertEqual(os.path.getsize(self.path("log")), 100)

    @shows("B15", "R93")
    def test_b15_nobody_reads_the_log(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        worker = self.start_with(writer, "--warm", "1", "--max_children", "2", "--log_rate_limit", "100MiB", "--",
                                 FAULT, "flood")
        os.close(writer)
        self.goes_on_and_counts(worker)

    @shows("B15")
    def test_b15_the_reader_of_the_log_goes_away(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        with open(fifo, "wb") as writer:
            worker = self.start_with(writer, "--warm", "1", "--log_level", "debug", "--", ECHO)
        os.close(reader)
        self.goes_on_and_counts(worker)


class Stopped(WithWorker):
    @shows("C4")
    def test_c4_a_worker_that_was_stopped_kills_nobody(self):
        worker = self.start_worker("--warm", "1", "--max_children", "2", "--ping_interval", "100ms", "--ping_timeout",
                                   "1s", "--init_timeout", "20s", "--ack_timeout", "1s", "--", ECHO, "--sleep-ms",
                                   "8000")
        running = self.submit_in_background("default", "payload")
        wait_until(lambda: self.children("busy") and self.children("idle"), "one runs a job, one is idle")
        before = self.pool()
        worker.send_signal(signal.SIGSTOP)
        let_pass(3)
        worker.send_signal(signal.SIGCONT)
        out, err = running.communicate(timeout=DEADLINE)
        self.assertEqual((running.returncode, out), (0, b"payload"), err)
        self.assertNotIn("was killed", self.log())
        idle = [child["pid"] for child in before["children"] if child["state"] == "idle"]
        self.assertIn(idle[0], [child["pid"] for child in self.children()])

    @shows("C4")
    def test_c4_a_hello_that_came_while_it_was_stopped_counts(self):
        worker = self.start_worker("--warm", "2", "--max_children", "2", "--init_timeout", "8s", "--", ECHO,
                                   "--prewarm-ms", "4000")
        wait_until(lambda: len(self.children("starting")) == 2, "children start")
        worker.send_signal(signal.SIGSTOP)
        let_pass(9)
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: len(self.children("idle")) == 2, "both are idle")
        self.assertEqual(self.pool()["initialize"]["timed_out"], 0)
        self.assertEqual(self.pool()["spawned"], 2)


class Dead(WithWorker):
    @shows("C3")
    def test_c3_nothing_outlives_a_worker_that_crashes(self):
        def prepare():
            default_interrupt()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
            with self.subTest(number):
                worker = self.start_worker("--warm", "2", "--max_children", "3", "--", FAULT, "ignore-term",
                                           preexec_fn=prepare)
                wait_until(lambda: len(self.children("idle")) == 2, "children are idle")
                worker.send_signal(number)
                self.assertNotEqual(worker.wait(DEADLINE), 0)
                wait_until(lambda: not marked(self.mark), "no child is left", GONE_WITHIN)

    @shows("B13", "C2")
    def test_b13_c2_a_child_that_takes_all_memory_is_ended_and_called_so(self):
        group = Group("memory", self)
        group.limit(600 << 20)

        def prepare():
            default_interrupt()
            group.enter()

        worker = self.start_worker("--warm", "1", "--max_children", "2", "--", *HOSTILE, preexec_fn=prepare)
        code, _, err = self.submit("default", "hog")
        self.assertEqual(code, 128 + signal.SIGKILL, err)
        self.assertIn("OOM_KILLED", err)
        self.assertIsNone(worker.poll(), "the worker lives")
        self.assertEqual(self.submit("default", "next")[:2], (0, "next"))
        self.assertEqual(self.pool()["jobs"]["oom_killed"], 1)

    @shows("B12")
    def test_b12_a_fork_bomb_ends_as_one(self):
        group = Group("pids", self)
        group.limit(150)

        def prepare():
            default_interrupt()
            group.enter()

        self.start_worker("--warm", "1", "--max_children", "2", *HASTY, "--run_for", "10s", "--cancel_grace", "100ms",
                          "--stop_grace", "100ms", "--", *HOSTILE, preexec_fn=prepare)
        bomb = self.submit_in_background("default", "fork")
        wait_until(lambda: len(group.members()) > 100, "there are many of them")
        _, err = bomb.communicate(timeout=DEADLINE)
        self.assertEqual(bomb.returncode, 124, err)
        wait_until(lambda: len(group.members()) < 10, "they are gone")
        # The bomb may have kept every other start from a process, so that the breaker is open for its next probe.
        wait_until(lambda: self.children("idle"), "a child is ready again")
        self.assertEqual(self.submit("default", "next")[:2], (0, "next"))


if __name__ == "__main__":
    unittest.main()
