"""Where a worker may find itself: without /proc, as process 1, with its control group taken away, with a child that
can't be killed."""

import os
import shutil
import signal
import subprocess
import unittest

from kernel import Group, need_root, read
from rig import ANDIRON, DEADLINE, ECHO, FAULT, GATE, WithWorker, marked, state_of, wait_until
from shows import shows


def cgroup_of_the_worker(pid):
    """Its own directory in cgroup2, and a skip if it has none."""
    mounts = [line.split()[4] for line in read("/proc/self/mountinfo").decode().splitlines() if " - cgroup2 " in line]
    for folder, names, _ in os.walk(mounts[0]) if mounts else ():
        for name in names:
            if name.startswith("andiron-") and name.endswith(f"-{pid}"):
                return os.path.join(folder, name)
    raise unittest.SkipTest("the worker has no control group here: no cgroup2 that this user may write to")


class WithoutProc(WithWorker):
    @shows("C14")
    def test_c14_jobs_kills_and_the_stop_work(self):
        need_root("hide /proc")
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"  # looks into /proc
        self.log_path = self.path("log")
        with open(self.log_path, "wb") as log:
            worker = self.start(["/usr/bin/unshare", "--mount", "--propagation", "private", ANDIRON, "start",
                                 "--socket", self.socket, "--warm", "1", "--max_children", "2", "--", *GATE],
                                stderr=log)
        wait_until(lambda: self.log() and os.path.exists(self.socket) and self.children("idle"), "a child is idle")
        subprocess.run(["/usr/bin/nsenter", "--target", str(worker.pid), "--mount", "/usr/bin/mount", "-t", "tmpfs",
                        "none", "/proc"], check=True)
        before = self.children("idle")[0]["pid"]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: [child for child in self.children("idle") if child["pid"] != before], "it is replaced")
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))
        running = self.submit_in_background("default", "wait " + self.path("never"))
        busy = wait_until(lambda: self.children("busy"), "a job runs")[0]
        os.kill(busy["pid"], signal.SIGKILL)
        self.assertEqual(running.wait(DEADLINE), 128 + signal.SIGKILL)
        worker.terminate()
        self.ends_with(worker, 0)


class ProcessOne(WithWorker):
    @shows("C11")
    def test_c11_it_serves_reaps_and_stops(self):
        need_root("make a namespace of processes")
        self.log_path = self.path("log")
        with open(self.log_path, "wb") as log:
            outside = self.start(["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", ANDIRON,
                                  "start", "--socket", self.socket, "--warm", "1", "--max_children", "2", "--", FAULT,
                                  "escapee"], stderr=log)
        wait_until(lambda: "started" in self.log() or outside.poll() is not None, "the worker says that it has started")
        self.assertEqual(self.status()["worker"]["pid"], 1)
        self.assertEqual(self.submit("default", "a")[:2], (0, "a"))
        worker = int(read(f"/proc/{outside.pid}/task/{outside.pid}/children").split()[0])
        wait_until(lambda: self.pool()["exited"] >= 1, "the child of the first job has gone")
        # What it left behind came to the worker, which is process 1: killed, reaped, and not a zombie.
        wait_until(lambda: not [pid for pid in self.descendants(worker) if state_of(pid) == "Z"], "no zombie is left")
        os.kill(worker, signal.SIGTERM)
        self.ends_with(outside, 0)

    @shows("C11")
    def test_c11_the_children_of_workers_outside_are_left_alone(self):
        need_root("make a namespace of processes")
        self.start_worker("--warm", "1", "--", ECHO)
        child = wait_until(lambda: self.children("idle"), "a child is idle")[0]["pid"]
        log = self.path("inner-log", "")
        with open(log, "wb") as stream:
            # Of the same name, in the same control group; the pids of the worker outside mean nothing to it.
            self.start(["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", ANDIRON, "start",
                        "--socket", self.path("inner"), "--warm", "1", "--", ECHO], stderr=stream)
        wait_until(lambda: b"started" in read(log), "the worker inside has started")
        self.assertEqual([idle["pid"] for idle in self.children("idle")], [child])
        self.assertEqual(self.pool()["exited"], 0)
        self.assertNotIn(b"leftovers_killed", read(log))

    @staticmethod
    def descendants(pid):
        found = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += [int(child) for child in read(f"/proc/{pid}/task/{thread}/children").split()]
        return found


class ControlGroup(WithWorker):
    @shows("C13")
    def test_c13_the_directory_is_removed_under_it(self):
        worker = self.start_worker("--warm", "0", "--max_children", "2", "--max_jobs_per_child", "1", "--", ECHO)
        if self.status()["worker"]["containment"] != "cgroup":
            self.skipTest("containment here is " + self.status()["worker"]["containment"] + ": no cgroup to take away")
        folder = cgroup_of_the_worker(worker.pid)
        wait_until(lambda: not os.listdir(folder) or self.removed(folder), "the directory is removed")
        for payload in ("a", "b"):
            self.assertEqual(self.submit("default", payload)[:2], (0, payload))
        self.assertEqual(self.log().count("a child runs without its cgroup"), 1)
        worker.terminate()
        self.ends_with(worker, 0)

    @staticmethod
    def removed(folder):
        try:
            os.rmdir(folder)
        except OSError:
            return False
        return True


class Unkillable(WithWorker):
    @shows("B9", "R40")
    def test_b9_a_frozen_child_goes_to_quarantine_and_its_slot_goes_on(self):
        group = Group("freezer", self)
        if group.version != 1:
            self.skipTest("only the freezer of version 1 holds a process against SIGKILL; this machine has version 2")
        self.start_worker("--warm", "0", "--max_children", "1", "--kill_grace", "300ms", "--stop_grace", "100ms",
                          "--cancel_grace", "100ms", "--", ECHO, "--sleep-ms", "600000")
        self.addCleanup(group.set, "freezer.state", "THAWED")
        running = self.submit_in_background("default", "x", "--id", "running")
        child = wait_until(lambda: self.children("busy"), "a job runs")[0]
        group.add(child["pid"])
        group.set("freezer.state", "FROZEN")
        self.assertEqual(self.client("cancel", "running")[0], 0)
        _, err = running.communicate(timeout=DEADLINE)
        self.assertEqual(running.returncode, 125)
        self.assertIn(b"CANCELLED", err)
        wait_until(lambda: self.pool()["quarantined"] == 1, "it is in quarantine")
        self.assertEqual(state_of(child["pid"]), "D")
        second = self.submit_in_background("default", "y", "--id", "second")
        wait_until(lambda: [busy for busy in self.children("busy") if busy["pid"] != child["pid"]],
                   "the slot has another child")
        group.set("freezer.state", "THAWED")
        wait_until(lambda: self.pool()["quarantined"] == 0, "the late death is noticed")
        wait_until(lambda: state_of(child["pid"]) == "X", "and reaped")
        self.assertEqual(self.client("cancel", "second")[0], 0)
        second.wait(DEADLINE)


if __name__ == "__main__":
    unittest.main()
