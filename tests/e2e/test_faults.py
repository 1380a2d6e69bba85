"""Starting under odd conditions: what a worker inherits must not hurt it or reach its children."""

import fcntl
import os
import signal
import struct
import subprocess
import termios

from rig import ANDIRON, DEADLINE, ECHO, FAULT, WithWorker, default_interrupt, wait_until
from shows import shows


def unread(pipe):
    """The bytes that wait in it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def is_full(pipe, looks):
    """Whether it holds something and takes no more: the same bytes for twenty looks. (Long lines don't share its pages,
    so that it is full with less than its 64 KiB.)"""
    looks.append(unread(pipe))
    return looks[-1] > 0 and looks[-20:] == [looks[-1]] * 20


class Inherited(WithWorker):
    def works(self, **options):
        worker = self.start_worker("--warm", "1", "--max_children", "2", "--", ECHO, **options)
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))
        self.assertEqual(self.submit("default", "b")[:2], (0, "b"))
        worker.terminate()
        self.ends_with(worker, 0)

    @shows("C9")
    def test_an_ignored_sigchld(self):
        def prepare():
            default_interrupt()
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        self.works(preexec_fn=prepare)

    @shows("C9")
    def test_every_signal_blocked(self):
        def prepare():
            default_interrupt()
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

        self.works(preexec_fn=prepare)

    @shows("C10")
    def test_stdin_and_stdout_closed(self):
        def prepare():
            default_interrupt()
            os.close(0)
            os.close(1)

        self.works(preexec_fn=prepare)

    @shows("C10")
    def test_all_three_closed(self):
        def prepare():
            default_interrupt()
            for descriptor in range(3):
                os.close(descriptor)

        worker = self.start([ANDIRON, "start", "--socket", self.socket, "--warm", "1", "--", ECHO], preexec_fn=prepare)
        wait_until(lambda: os.path.exists(self.socket), "the socket is there")
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))
        worker.terminate()
        self.ends_with(worker, 0)

    @shows("C10", "R46", "R47")
    def test_descriptors_are_not_handed_on_to_children(self):
        inherited = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(inherited, True)
        self.start_worker("--warm", "1", "--", FAULT, "good", pass_fds=[inherited])
        os.close(inherited)
        child = wait_until(lambda: self.children("idle"), "a child is idle")[0]
        self.assertEqual(sorted(os.listdir(f"/proc/{child['pid']}/fd")), ["0", "1", "2", "3"])
        self.assertEqual(os.readlink(f"/proc/{child['pid']}/fd/0"), "/dev/null")

    def test_a_batch_with_stdout_closed_writes_to_nowhere(self):
        def prepare():
            default_interrupt()
            os.close(1)

        process = self.start([ANDIRON, "run", "--", ECHO], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=prepare)
        process.communicate(b"a\n", DEADLINE)
        self.assertEqual(process.returncode, 0)


class Places(WithWorker):
    def test_two_workers_on_one_socket_the_second_says_so(self):
        self.start_worker("--warm", "1", "--", ECHO)
        code, _, err = self.andiron("start", "--socket", self.socket, "--", ECHO)
        self.assertEqual(code, 75)
        self.assertIn(self.socket, err)
        self.assertIn("andiron stop", err)
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))

    def test_something_that_is_not_a_socket_is_left_alone(self):
        path = self.path("file", "precious")
        code, _, err = self.andiron("start", "--socket", path, "--", ECHO)
        self.assertEqual(code, 78)
        self.assertIn(path, err)
        with open(path, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "precious")

    @shows("B1")
    def test_children_that_misbehave_cost_no_slot(self):
        self.start_worker("--warm", "2", "--max_children", "2", "--stop_grace", "200ms", "--", FAULT, "ignore-term")
        wait_until(lambda: len(self.children("idle")) == 2, "children are idle")
        for child in self.children():
            os.kill(child["pid"], signal.SIGKILL)
        wait_until(lambda: self.pool()["spawned"] >= 4 and len(self.children("idle")) == 2, "both slots are filled")

    @shows("R93")
    def test_a_log_that_nobody_reads_stops_nothing(self):
        worker = self.start([ANDIRON, "start", "--socket", self.socket, "--warm", "1", "--max_jobs_per_child", "0",
                             "--log_rate_limit", "64MiB", "--", FAULT, "flood"], stderr=subprocess.PIPE)
        wait_until(lambda: os.path.exists(self.socket), "the socket is there")
        wait_until(lambda: self.children("idle"), "a child is idle")
        looks = []
        wait_until(lambda: is_full(worker.stderr, looks), "the pipe is full")
        for number in range(20):
            self.assertEqual(self.submit("default", f"{number}")[:2], (0, f"{number}"))
        self.assertGreaterEqual(unread(worker.stderr), looks[-1])
        worker.terminate()
        self.ends_with(worker, 0)
