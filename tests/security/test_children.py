"""Children that attack the worker, each other and the next job: what they can't do, and what remains of them."""

import fcntl
import os
import pty
import signal
import ssl
import socket
import termios
import threading
import unittest

from security_rig import (ANDIRON, NOBODY, REFUSALS, ROOT, WithIntruders, default_interrupt, descriptors,
                          make_certificate, read, wait_until)
from rig import state_of

ONLY_ROOT = "only root may become another user"


def gone(pid):
    return state_of(pid) in "ZX"


class OfAnotherUser(WithIntruders):
    """With `user` set, children are strangers to the worker."""

    def setUp(self):
        if not ROOT:
            self.skipTest(ONLY_ROOT)
        super().setUp()

    def assert_refused(self, tried):
        self.assertLessEqual(set(tried.values()), REFUSALS, tried)

    def test_a_child_can_do_nothing_to_the_worker(self):
        worker = self.start_pools({"a": {"user": "nobody"}})
        self.assert_refused(self.tell("a", "attack", worker.pid))
        self.assertIn(self.tell("a", "connect", self.socket), REFUSALS)
        # Nor where the file's mode would let it.
        os.chmod(self.socket, 0o666)
        self.assertIn(self.tell("a", "connect", self.socket), {"ECONNRESET", "EPIPE"})
        self.assertIsNone(worker.poll())

    def test_children_of_two_users_can_do_nothing_to_each_other(self):
        self.start_pools({"a": {"user": "nobody"}, "b": {"user": "daemon"}})
        self.assert_refused(self.tell("a", "attack", self.idle("b")[0]))
        self.assert_refused(self.tell("b", "attack", self.idle("a")[0]))

    def test_a_child_has_its_users_groups_no_capability_and_no_way_back(self):
        # The worker has groups that its children must not keep.
        self.start_pools({"a": {"user": "nobody"}}, command=["setpriv", "--groups=0,4,6", "--", ANDIRON])
        status = self.tell("a", "look")["status"]
        for kind, number in (("Uid", NOBODY.pw_uid), ("Gid", NOBODY.pw_gid)):
            self.assertEqual(status[kind].split(), [str(number)] * 4)
        self.assertEqual({int(group) for group in status["Groups"].split()},
                         set(os.getgrouplist("nobody", NOBODY.pw_gid)))
        for kind in ("CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(self.tell("a", "become_root"), {"setuid": "EPERM", "setgid": "EPERM", "setgroups": "EPERM"})


class WithoutRoot(WithIntruders):
    def test_a_worker_that_is_not_root_starts_no_child_as_another_user(self):
        command = self.as_ordinary_user()
        self.start_pools({"a": {"user": "daemon", "breaker_failures": 1}}, command=command)
        wait_until(lambda: "become user daemon: Operation not permitted" in self.log(), "the log says why")
        self.assertEqual(self.pools()["a"]["initialize"]["ready"], 0)

    def test_the_memory_of_a_worker_with_a_secret_is_closed_to_its_own_user(self):
        livekit = {"url": "ws://127.0.0.1:9", "key": "key", "agents": [{"name": "x", "pool": "a"}]}
        worker = self.start_pools({"a": {}}, {"LIVEKIT_API_SECRET": "canary-of-the-secret"}, self.as_ordinary_user(),
                                  sources={"livekit": livekit})
        tried = self.tell("a", "attack", worker.pid)
        self.assertEqual(tried.pop("signal"), "done")  # that is how it is between processes of one user
        self.assertLessEqual(set(tried.values()), REFUSALS, tried)
        # What the kernel keeps from its user belongs to root. Its children are as they were: they can be debugged.
        self.assertEqual(os.stat(f"/proc/{worker.pid}/environ").st_uid, 0)
        self.assertEqual(self.tell("a", "look")["dumpable"], 1)

    def test_a_worker_without_a_secret_and_its_children_can_be_debugged(self):
        worker = self.start_pools({"a": {}}, command=self.as_ordinary_user())
        self.assertEqual(os.stat(f"/proc/{worker.pid}/environ").st_uid, NOBODY.pw_uid if ROOT else os.geteuid())
        seen = self.tell("a", "look")
        self.assertEqual(seen["dumpable"], 1)
        self.assertEqual(seen["core"], list(self.limits(worker.pid, "Max core file size")))

    def limits(self, pid, name):
        line = next(line for line in read(f"/proc/{pid}/limits").decode().splitlines() if line.startswith(name))
        return [-1 if word == "unlimited" else int(word) for word in line[len(name):].split()[:2]]


class Frames(WithIntruders):
    def test_a_child_that_answers_for_anothers_job_is_ended_and_the_job_goes_on(self):
        self.start_pools({"honest": {}, "forger": {}})
        gate = os.path.join(self.folder, "gate")
        honest = self.tell_in_background("honest", "wait", gate)
        wait_until(lambda: self.pools()["honest"]["slots"]["busy"] == 1, "the honest child is busy")
        # Numbers are the worker's: the forger's own job is the next one.
        code, _, err = self.submit("forger", '["forge", -1]')
        self.assertEqual(code, 128 + signal.SIGKILL, err)
        self.assertIn("CHILD_CRASHED", err)
        self.assertIn("broke the protocol", err)
        self.assertEqual(self.pools()["honest"]["jobs"]["succeeded"], 0)
        self.path("gate", "")
        self.assertEqual(honest.communicate(timeout=60)[0], b'"waited"')
        self.assertEqual(self.pools()["honest"]["jobs"]["succeeded"], 1)

    def test_the_process_id_in_a_hello_is_not_believed(self):
        self.start_pools({"a": {}})
        for pid in self.idle("a"):  # all of them have said 1
            self.assertIn(b"intruder_child.py", read(f"/proc/{pid}/cmdline"))


class TheNextJob(WithIntruders):
    def test_it_gets_a_process_that_knows_nothing_of_the_last_one(self):
        self.start_pools({"a": {"warm": 1, "max_children": 1}})
        last = self.tell("a", "remember", "the secret of the last job")
        seen = self.tell("a", "look")
        self.assertNotEqual(seen["pid"], last["pid"])
        self.assertEqual(seen["memory"], [])
        self.assertNotIn("SECRET_OF_THE_LAST_JOB", seen["environment"])
        wait_until(lambda: gone(last["pid"]) and gone(last["descendant"]), "nothing of the last job is alive")

    def test_reuse_is_asked_for_and_shares_the_process(self):
        worker = self.start_pools({"a": {"warm": 1, "max_children": 1, "max_jobs_per_child": 0}})
        last = self.tell("a", "remember", "what a model learned")
        self.assertEqual(self.tell("a", "look")["pid"], last["pid"])
        worker.terminate()
        self.ends_with(worker, 0)
        self.assertTrue(gone(last["descendant"]))

    def test_a_cgroup_holds_even_a_descendant_that_has_dropped_its_name(self):
        self.start_pools({"a": {"warm": 1, "max_children": 1}})
        if self.status()["worker"]["containment"] != "cgroup":
            self.skipTest("there is no cgroup that the worker may use")
        escapee = self.tell("a", "escape", {})
        try:
            wait_until(lambda: gone(escapee), "it ends with the child that had the job")
        finally:
            if not gone(escapee):
                os.kill(escapee, signal.SIGKILL)


class Terminal(WithIntruders):
    def test_a_child_of_a_worker_on_a_terminal_has_none(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)

        def on_a_terminal():
            default_interrupt()
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        start = self.start
        self.start = lambda arguments, **options: start(
            arguments, **{"stdin": theirs, "preexec_fn": on_a_terminal, **options} if "start" in arguments else options)
        worker = self.start_pools({"a": {}})
        self.start = start
        os.close(theirs)
        self.assertNotEqual(int(read(f"/proc/{worker.pid}/stat").rpartition(b") ")[2].split()[4]), 0)
        seen = self.tell("a", "terminal")
        self.assertEqual(seen["/dev/tty"], "ENXIO")
        self.assertNotIn("done", seen["TIOCSTI"])
        self.assertEqual((seen["terminals"], seen["session"]), ([], True))
        self.assertEqual(self.tell("a", "look")["descriptors"]["0"], "/dev/null")


class Descriptors(WithIntruders):
    def tls_server(self):
        """Takes one connection at a time, shakes hands, and never answers the request: (port, what it has heard)."""
        certificate, key = make_certificate(self.folder)
        settings = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        settings.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0))
        heard, kept = [], []

        def serve():
            while True:
                try:
                    connection = settings.wrap_socket(listener.accept()[0], server_side=True)
                    kept.append(connection)
                    heard.append(connection.recv(100))
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def close():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in kept:
                connection.close()
            thread.join(10)

        self.addCleanup(close)
        return listener.getsockname()[1], heard, certificate

    def test_children_have_four_whatever_the_worker_has_open(self):
        port, heard, certificate = self.tls_server()
        livekit = {"url": f"wss://127.0.0.1:{port}", "key": "key", "secret": "secret", "ca_file": certificate,
                   "connect_timeout": "1h", "agents": [{"name": "x", "pool": "p0"}]}
        inherited = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, inherited)
        os.set_inheritable(inherited, True)
        names = [f"p{number}" for number in range(6)]
        start = self.start
        self.start = lambda arguments, **options: start(arguments, pass_fds=[inherited], **options)
        worker = self.start_pools({name: {"warm": 2} for name in names}, sources={"livekit": livekit})
        self.start = start
        wait_until(lambda: heard and heard[0].startswith(b"GET /agent"), "the worker speaks TLS")
        clients = [socket.socket(socket.AF_UNIX) for _ in range(5)]
        for client in clients:
            self.addCleanup(client.close)
            client.connect(self.socket)
        gate = os.path.join(self.folder, "gate")
        busy = self.tell_in_background("p5", "wait", gate)
        # Each pool's first child has seen little of this: the next one starts when all is open.
        for name in names:
            seen = self.tell(name, "look")["descriptors"]
            self.assertEqual(sorted(seen), ["0", "1", "2", "3"], seen)
            self.assert_four(self.idle(name))
        self.assertGreater(len(descriptors(worker.pid)) if self.readable(worker.pid) else 100, 50)
        self.path("gate", "")
        busy.communicate(timeout=60)

    def readable(self, pid):
        return os.access(f"/proc/{pid}/fd", os.R_OK)

    def assert_four(self, pids):
        for pid in pids:
            found = descriptors(pid)
            if gone(pid):
                continue
            self.assertEqual(sorted(found), [0, 1, 2, 3], found)
            self.assertEqual(found[0], "/dev/null")
            self.assertRegex(found[1], r"^pipe:")
            self.assertRegex(found[2], r"^pipe:")
            self.assertRegex(found[3], r"^socket:")
        # No two of them share any but /dev/null.
        targets = [target for pid in pids for number, target in descriptors(pid).items() if number > 0]
        self.assertEqual(len(targets), len(set(targets)))


class Hostile(WithIntruders):
    def test_floods_of_some_children_leave_the_jobs_of_others_in_order(self):
        flood = {name: {"command": [*self.intruder, name], "warm": 1, "max_children": 1, "init_timeout": "1h",
                        "max_starting": 1, "backoff_min": "1ms", "backoff_max": "1ms", "breaker_failures": 0}
                 for name in ("progress", "lines", "pongs")}
        self.start_pools({"good": {"warm": 2, "max_jobs_per_child": 0}, **flood})
        wait_until(lambda: self.pools()["pongs"]["exited"] > 1, "floods have begun, and one was ended")
        for number in range(10):
            self.assertEqual(self.tell("good", "wait", "/"), "waited", number)
        pools = self.pools()
        self.assertEqual(pools["good"]["jobs"]["succeeded"], 10)
        self.assertEqual(pools["progress"]["slots"]["starting"], 1)


if __name__ == "__main__":
    unittest.main()
