"""tools/livekit-server, as a person uses it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from livekit_api import TOOL, http_call, wait_until


def tool(*arguments, timeout=60, **options):
    done = subprocess.run([sys.executable, TOOL, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def answers(url):
    try:
        return http_call(int(url.rpartition(":")[2]), timeout=2)[0] == 200
    except OSError:
        return False


class Tool(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="andiron-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.states = []
        self.addCleanup(lambda: [tool("stop", "--state", state) for state in self.states])

    def state(self, name):
        self.states.append(os.path.join(self.folder, name))
        return self.states[-1]

    def start(self, state, *arguments):
        code, out, err = tool("start", "--state", state, *arguments)
        self.assertEqual(code, 0, err)
        return dict(line.split(" ", 1) for line in out.splitlines())

    def test_it_answers_when_start_returns_and_is_gone_when_stop_returns(self):
        state = self.state("a")
        said = self.start(state)
        self.assertTrue(answers(said["url"]))
        self.assertEqual(tool("stop", "--state", state)[0], 0)
        self.assertFalse(answers(said["url"]))

    def test_the_same_folder_gives_the_same_server_and_another_one_another(self):
        one, other = self.state("a"), self.state("b")
        first, second = self.start(one), self.start(other)
        self.assertNotEqual(first["url"], second["url"])
        self.assertNotEqual(first["secret"], second["secret"])
        tool("stop", "--state", one)
        self.assertTrue(answers(second["url"]))
        again = self.start(one)
        self.assertEqual((again["url"], again["key"], again["secret"]),
                         (first["url"], first["key"], first["secret"]))

    def test_two_in_one_folder_are_refused(self):
        state = self.state("a")
        self.start(state)
        code, _, err = tool("start", "--state", state)
        self.assertEqual(code, 1)
        self.assertIn("is running already", err)

    def test_a_frozen_server_is_stopped_too(self):
        state = self.state("a")
        said = self.start(state)
        descriptor = os.pidfd_open(int(said["pid"]))
        self.addCleanup(os.close, descriptor)
        signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
        self.assertEqual(tool("stop", "--state", state)[0], 0)
        self.assertFalse(answers(said["url"]))

    def test_stop_never_touches_another_process(self):
        # The number is that of a process that isn't the server: this one.
        state = self.state("a")
        os.mkdir(state)
        with open(os.path.join(state, "server.json"), "w") as stream:
            json.dump({"pid": os.getpid(), "started": 1}, stream)
        code, _, err = tool("stop", "--state", state)
        self.assertEqual((code, err), (0, "livekit-server: it isn't running\n"))

    def test_secrets_are_for_the_owner_only(self):
        state = self.state("a")
        self.start(state)
        for name in ("server.json", "server.yaml"):
            self.assertEqual(os.stat(os.path.join(state, name)).st_mode & 0o777, 0o600, name)

    def test_run_dies_with_its_parent(self):
        state = self.state("a")
        script = f"{sys.executable} {TOOL} run --with-parent --state {state} & echo $!; read line"
        parent = subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        pid = int(parent.stdout.readline())
        descriptor = os.pidfd_open(pid)
        self.addCleanup(os.close, descriptor)
        path = os.path.join(state, "server.json")
        wait_until(lambda: os.path.exists(path), "it has written its state")
        with open(path) as stream:
            url = json.load(stream)["url"]
        wait_until(lambda: answers(url), "it answers")
        parent.kill()
        parent.communicate(timeout=10)
        wait_until(lambda: not answers(url), "it is gone")

    def test_install_says_where_the_program_is(self):
        code, out, err = tool("install")
        self.assertEqual(code, 0, err)
        self.assertTrue(os.access(out.strip(), os.X_OK))

    def test_a_machine_without_go_and_without_python_packages_is_told_so(self):
        # A tree of its own, where nothing is installed, and a machine where neither way leads anywhere.
        tree = os.path.join(self.folder, "tree")
        os.makedirs(os.path.join(tree, "tools"))
        copy = shutil.copy(TOOL, os.path.join(tree, "tools"))
        environment = {"PATH": "/nowhere", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0",
                       "HOME": self.folder, "PIP_CONFIG_FILE": "/dev/null"}
        done = subprocess.run([sys.executable, copy, "install"], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn(b"failed", done.stderr)

    def test_wrong_words_are_refused(self):
        for arguments in ((), ("start",), ("stop",), ("fly",), ("start", "--port", "x", "--state", self.folder)):
            self.assertEqual(tool(*arguments)[0], 64, arguments)
        code, out, _ = tool("--help")
        self.assertEqual(code, 0)
        self.assertIn("tools/livekit-server start --state DIR", out)


if __name__ == "__main__":
    unittest.main()
