"""A cut cable: no byte arrives any more, either way, and nobody says so. The worker finds out by itself, its jobs go
on, and all is told when the cable is back.

This process has a network of its own, of which there is nothing but the loopback, and takes that down.
"""

import ctypes
import fcntl
import os
import socket
import struct
import unittest

from hostile_server import assignment, offer
from source_rig import EAGER, SourceTest

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def enter_own_network():
    """For this process and its children, for good. Only root may without a user namespace, in which everybody keeps
    their number."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    user, group = os.getuid(), os.getgid()
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise unittest.SkipTest(f"this machine allows no network namespace: {os.strerror(ctypes.get_errno())}")
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def set_cable(whole):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP if whole else 0))


def setUpModule():
    enter_own_network()


def listens(connection):
    connection.accept()
    connection.register()


class CutCable(SourceTest):
    def setUp(self):
        super().setUp()
        set_cable(True)
        self.addCleanup(set_cable, True)
        self.lk = self.hostile(listens)

    def running(self, **livekit):
        """A worker with a job that ends as soon as there is the file "go", and its connection."""
        command, _ = self.note_taker()
        worker = self.worker(self.lk, command=command, livekit={**EAGER, **livekit}).ready()
        connection = self.lk.connection()
        metadata = "hold=" + self.path("go")
        connection.say(offer("AJ_1", metadata=metadata))
        connection.hear("answer")
        connection.say(assignment("AJ_1", metadata=metadata))
        connection.wait(lambda: "RUNNING" in connection.statuses("AJ_1"), "it runs")
        worker.wait(lambda agent: agent["jobs"] == 1, "it is counted")
        return worker, connection

    def end_the_job(self, worker):
        self.path("go", "")
        worker.wait(lambda agent: agent["jobs"] == 0 and agent["outbox"] == 1, "its end waits for a server")

    def check_that_it_is_given_up_and_found_again(self, why, **livekit):
        worker, first = self.running(connect_timeout="500ms", **livekit)
        set_cable(False)
        worker.wait_for_log(why)
        # There is no way to a new one either.
        worker.wait_for_log("no connection within 0.5")
        self.assertEqual(first.statuses("AJ_1"), ["RUNNING"])
        self.end_the_job(worker)
        set_cable(True)
        second = self.lk.connection(1)
        second.wait(lambda: "SUCCESS" in second.statuses("AJ_1"), "the end is told")
        worker.wait(lambda agent: agent["outbox"] == 0 and agent["reconnects"] == 1, "and known to be read")

    def test_bytes_that_nobody_acknowledges_are_its_end(self):
        self.check_that_it_is_given_up_and_found_again(
            "has acknowledged none of", dead_after="1s", ping_interval="200ms", ping_timeout="200s")

    def test_pings_that_nobody_answers_are_its_end(self):
        self.check_that_it_is_given_up_and_found_again(
            "no answer to a ping", dead_after="200s", ping_interval="200ms", ping_timeout="1s")

    def test_a_cable_that_is_back_in_time_has_cost_nothing(self):
        worker, first = self.running(dead_after="100s", ping_interval="200ms", ping_timeout="100s")
        set_cable(False)
        self.end_the_job(worker)
        heard = len(first.heard)
        set_cable(True)
        first.wait(lambda: "SUCCESS" in first.statuses("AJ_1"), "the end is told")
        worker.wait(lambda agent: agent["outbox"] == 0, "and known to be read")
        self.assertGreater(len(first.heard), heard)
        self.assertEqual((worker.agent()["reconnects"], len(self.lk.connections)), (0, 1))


if __name__ == "__main__":
    unittest.main()
