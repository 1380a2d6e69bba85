"""What the kernel can do to a worker: limits from outside, control groups. What isn't there is said, by a skip."""

import os
import resource
import signal
import time
import unittest

from rig import read, wait_until

PYTHON = "/usr/bin/python3"
HOSTILE = [PYTHON, os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_child.py")]


def need_root(what):
    if os.geteuid() != 0:
        raise unittest.SkipTest(f"only root may {what}")


def descriptors(pid):
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))


def descriptors_with_free(pid, count):
    """The limit under which it may open so many more."""
    taken = descriptors(pid)
    return next(number for number in range(10**6) if number - sum(1 for other in taken if other < number) == count)


def limit(pid, which, soft):
    """Sets the soft limit of a running process; returns a function that puts back what it was."""
    before = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (soft, before[1]))
    return lambda: resource.prlimit(pid, which, before)


def let_pass(seconds):
    """Time that must pass: for what must NOT happen."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "time passes", seconds + 10)


def write(path, text):
    with open(path, "w", encoding="ascii") as stream:
        stream.write(str(text))


def controller_folder(controller):
    """Where a group with this controller can be made; version 1 or 2, whichever this machine has."""
    own = {}
    for line in read("/proc/self/cgroup").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            own[name] = path
    for line in read("/proc/self/mountinfo").decode().splitlines():
        fields, _, source = line.partition(" - ")
        mount = fields.split()[4]
        kind, _, options = source.split(" ", 2)
        if kind == "cgroup" and controller in options.split(","):
            return 1, mount + own.get(controller, "/").rstrip("/")
        if kind == "cgroup2" and controller in read(mount + "/cgroup.controllers").decode().split():
            return 2, mount + own.get("", "/").rstrip("/")
    raise unittest.SkipTest(f"this machine has no cgroup controller '{controller}', neither version 1 nor 2")


class Group:
    """A control group of the test's own."""

    LIMITS = {("memory", 1): "memory.limit_in_bytes", ("memory", 2): "memory.max",
              ("pids", 1): "pids.max", ("pids", 2): "pids.max"}

    def __init__(self, controller, test):
        need_root("make control groups")
        self.controller = controller
        self.version, parent = controller_folder(controller)
        self.path = os.path.join(parent, f"andiron-e2e-{test.mark[:12]}")
        try:
            if self.version == 2:
                write(parent + "/cgroup.subtree_control", "+" + controller)
            os.mkdir(self.path)
        except OSError as error:
            raise unittest.SkipTest(f"no control group can be made in {parent}: {error}") from error
        test.addCleanup(self.remove)

    def enter(self):
        """For preexec_fn: this process, and with it all its descendants."""
        write(self.path + "/cgroup.procs", "0")

    def add(self, pid):
        write(self.path + "/cgroup.procs", pid)

    def limit(self, value):
        if self.version == 1 and value == "max" and self.controller == "memory":
            value = -1
        write(os.path.join(self.path, self.LIMITS[self.controller, self.version]), value)

    def members(self):
        return [int(pid) for pid in read(self.path + "/cgroup.procs").split()]

    def set(self, file, value):
        write(os.path.join(self.path, file), value)

    def remove(self):
        for pid in self.members():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.members(), "nobody is left in the control group")
        os.rmdir(self.path)
