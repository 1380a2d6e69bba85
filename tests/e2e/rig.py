"""What the end-to-end tests share: the program, a place of one's own, and waiting for conditions under a deadline.

Every process that a test starts inherits a mark in its environment: whatever carries it when the test has ended was
left behind. Nothing here waits without a bound.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

BIN = os.environ["ANDIRON_BIN_DIR"]
ANDIRON = os.path.join(BIN, "andiron")
ECHO = os.path.join(BIN, "echo-child")
FAULT = os.path.join(BIN, "fault-child")
GATE = ["/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate_child.py")]

# Not ANDIRON_*: children must inherit it.
MARK = "E2E_MARK"
# Long enough for a slow machine under sanitizers; a test that needs it has failed.
DEADLINE = 60
# How long what dies with its worker may take to be gone.
GONE_WITHIN = 2
# The least of them before a wait is given up.
LOOKS = 20
# Of the worker's log, when a test has failed.
LOG_LINES = 200


class Late(AssertionError):
    """A condition didn't come true in time."""


def wait_until(condition, what, seconds=DEADLINE):
    """Returns the condition's first value that is true. A machine that stands still uses up the time, not the looks."""
    looks = 0
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        looks += 1
        if time.monotonic() > end and looks > LOOKS:
            raise Late(f"not within {seconds} s: {what}")
        pause.wait(0.01)


def read(path):
    """The file's bytes; none if it, or its process, is gone."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def marked(mark):
    """The processes alive that carry the mark."""
    needle = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and needle in read(f"/proc/{name}/environ") and state_of(int(name)) not in "ZX":
            found.append(int(name))
    return found


def state_of(pid):
    """R, S, T, Z ...; X if there is no such process."""
    stat = read(f"/proc/{pid}/stat")
    return stat.rpartition(b") ")[2][:1].decode() or "X"


def ignores(pid, number):
    """Whether a signal that comes to the process does nothing."""
    for line in read(f"/proc/{pid}/status").decode().splitlines():
        if line.startswith("SigIgn:"):
            return int(line.split()[1], 16) >> (number - 1) & 1 == 1
    return False


def peak_memory(pid):
    """VmHWM in bytes."""
    for line in read(f"/proc/{pid}/status").decode().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def default_interrupt():
    # A test that was itself started in the background would hand on an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class EndToEnd(unittest.TestCase):
    """A folder of its own, and the promise that no process outlives the test."""

    def setUp(self):
        self.mark = uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix="andiron-")
        self.socket = os.path.join(self.folder, "s")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ANDIRON_")}
        self.environment[MARK] = self.mark
        self.started = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(DEADLINE)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        pass
        try:
            wait_until(lambda: not marked(self.mark), "no process is left", DEADLINE)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as stream:
                stream.write(content if isinstance(content, bytes) else content.encode())
        return path

    def start(self, arguments, **options):
        """A process of the test's, that ends with it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("env", self.environment)
        options.setdefault("preexec_fn", default_interrupt)
        process = subprocess.Popen(arguments, **options)
        self.started.append(process)
        return process

    def andiron(self, *arguments, stdin=b"", timeout=DEADLINE, **options):
        """Runs the command to its end: its exit code, stdout and stderr."""
        process = self.start([ANDIRON, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **options)
        out, err = process.communicate(stdin if isinstance(stdin, bytes) else stdin.encode(), timeout)
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def ends_with(self, process, code, seconds=DEADLINE):
        self.assertEqual(process.wait(seconds), code)


class WithWorker(EndToEnd):
    """Has a worker in the foreground, its log in a file."""

    def setUp(self):
        super().setUp()
        self.log_path = self.path("log")
        self.addCleanup(self.print_log_of_failed)

    def print_log_of_failed(self):
        """What the worker has said of it: a failure on a machine that is gone by now must explain itself."""
        result = self._outcome.result
        if any(test is self for test, _ in result.failures + result.errors):
            print(f"the worker's log in {self.id()}:", *self.log().splitlines()[-LOG_LINES:], sep="\n  ",
                  file=sys.stderr)

    def start_worker(self, *arguments, **options):
        with open(self.log_path, "wb") as log:
            worker = self.start([ANDIRON, "start", "--socket", self.socket, *arguments], stderr=log, **options)
        wait_until(lambda: "started" in self.log() or worker.poll() is not None, "the worker says that it has started")
        self.assertIsNone(worker.poll(), self.log())
        return worker

    def log(self):
        return read(self.log_path).decode(errors="replace")

    def client(self, verb, *arguments, **options):
        return self.andiron(verb, "--socket", self.socket, *arguments, **options)

    def submit(self, *arguments, **options):
        return self.client("submit", *arguments, **options)

    def status(self):
        code, out, err = self.client("status", "-o", "json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def pool(self):
        return self.status()["pools"][0]

    def children(self, state=None):
        return [child for child in self.pool()["children"] if state in (None, child["state"])]

    def submit_in_background(self, *arguments):
        return self.start([ANDIRON, "submit", "--socket", self.socket, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
