"""What a worker shows to the network, to files, to its children and to readers of its texts."""

import json
import os
import secrets
import signal
import subprocess
import unittest

from rig import marked
from security_rig import PYTHON, ROOT, WithIntruders, files_below, is_socket, listening, read, wait_until

# Strings that a shell, a path, a command line, a format or a terminal would take for something.
HOSTILE = ["../../../../tmp/pwned", "/etc/passwd", "$(touch pwned)", "`touch pwned`", "; touch pwned;", "| touch pwned",
           "-rf", "--config=/etc/passwd", "@/etc/passwd", "%s%s%n", "${PATH}", "a\nb", "\x1b[2J", "\u202egpj", "'", '"',
           "\\", "*", "~", "a=b", "x" * 256]


class Places(WithIntruders):
    def test_nothing_listens_on_the_network(self):
        # The LiveKit source calls out. As an ordinary user its descriptors can't be looked at: see test_children.
        livekit = {"url": "ws://127.0.0.1:9", "key": "k", "secret": "s", "agents": [{"name": "x", "pool": "a"}]}
        for sources in ({}, {"sources": {"livekit": livekit}} if ROOT else {}):
            worker = self.start_pools({"a": {}, "b": {}}, **sources)
            self.idle("a")
            self.assertEqual(listening(worker.pid), [])
            for pid in self.idle("a") + self.idle("b"):
                self.assertEqual(listening(pid), [])
            worker.terminate()
            self.ends_with(worker, 0)

    def test_a_listener_would_have_been_seen(self):
        program = "import signal, socket; s = socket.create_server(('127.0.0.1', 0)); " \
                  "u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0)); signal.pause()"
        server = self.start([PYTHON, "-c", program])
        found = wait_until(lambda: len(listening(server.pid)) == 2 and listening(server.pid), "it listens")
        self.assertEqual(sorted(line.split()[0] for line in found), ["tcp", "udp"])

    def test_a_worker_leaves_no_file_but_its_socket(self):
        places = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state",
                  "XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config"}
        for place in places.values():
            os.mkdir(os.path.join(self.folder, place), 0o700)
        before = files_below(self.folder)
        environment = {name: os.path.join(self.folder, place) for name, place in places.items()}
        self.socket = os.path.join(self.folder, "run", "andiron", "hearth.sock")
        worker = self.start_pools({"a": {}}, environment, name="hearth")
        self.tell("a", "look")
        new = set(files_below(self.folder)) - set(before)
        self.assertEqual(new, {"config.json", "log", "run/andiron/", "run/andiron/hearth.sock"})
        self.assertTrue(is_socket(self.socket))
        worker.kill()
        worker.wait()
        # What a killed worker leaves has no number in it that anybody could be made to signal.
        self.assertEqual(set(files_below(self.folder)) - set(before), new)
        worker = self.start_pools({"a": {}}, environment, name="hearth")
        worker.terminate()
        self.ends_with(worker, 0)
        self.assertEqual(set(files_below(self.folder)) - set(before), {"config.json", "log", "run/andiron/"})


class StrangersWorker(WithIntruders):
    def test_a_command_gives_no_job_to_a_worker_of_another_user(self):
        if not ROOT:
            self.skipTest("only root may become two other users")
        command = self.as_ordinary_user()
        self.start_pools({"a": {}}, command=command)
        os.chmod(self.socket, 0o666)  # as somebody would who wants to be found
        visitor = ["setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", "--", command[-1]]
        client = self.start([*visitor, "submit", "--socket", self.socket, "a", '["look"]'], stderr=subprocess.PIPE)
        self.ends_with(client, 77)
        self.assertIn(b"not your worker", client.stderr.read())
        self.assertEqual(self.pools()["a"]["jobs"]["accepted"], 0)


class Jobs(WithIntruders):
    def test_no_text_of_a_job_reaches_a_command_line_an_environment_or_a_path(self):
        self.start_pools({"a": {}})
        before, usual = files_below(self.folder), self.tell("a", "look")
        cgroups = self.cgroups()
        for text in HOSTILE:
            with self.subTest(text):
                seen = self.tell("a", "look", text, more=[f"--id={text}"])
                self.assertEqual(seen["arguments"], usual["arguments"])
                self.assertEqual(seen["folder"], self.folder)
                for environment in (seen["environment"], usual["environment"]):
                    self.assertRegex(environment.pop("ANDIRON_CHILD", "a/0.1"), r"^a/\d+\.\d+$")
                self.assertEqual(seen["environment"], usual["environment"])
        self.assertEqual(files_below(self.folder), before)
        self.assertEqual(self.cgroups(), cgroups)

    def cgroups(self):
        """Names of the cgroups that this test's children are in, without their numbers."""
        found = set()
        for pid in marked(self.mark):
            found.update(line.rstrip("0123456789.") for line in read(f"/proc/{pid}/cgroup").decode().split())
        return found


class Programs(WithIntruders):
    def test_an_empty_place_in_the_path_is_not_the_current_folder(self):
        os.mkdir(os.path.join(self.folder, "good"))
        for place in ("", "good/"):
            path = self.path(f"{place}hearth", f"#!/bin/sh\necho ran >{self.folder}/{place or 'evil/'}ran\n"
                                               f"exec {' '.join(self.intruder)}\n")
            os.chmod(path, 0o755)
        os.mkdir(os.path.join(self.folder, "evil"))
        self.start_pools({"a": {"command": ["hearth"], "env": {"PATH": f":{self.folder}/good::/usr/bin:"}}})
        self.tell("a", "look")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "good", "ran")))
        self.assertEqual(os.listdir(os.path.join(self.folder, "evil")), [])

    def test_a_child_that_inherits_nothing_has_nothing_of_the_workers_environment(self):
        tricks = {"LD_PRELOAD": "", "LD_LIBRARY_PATH": "/tmp", "IFS": "/", "BASH_ENV": "/tmp/x", "PYTHONPATH": "/tmp"}
        self.start_pools({"a": {"env_inherit": "none", "env": {"MODE": "x"}}}, tricks)
        # Python itself sets this one where there is no locale.
        environment = {name for name in self.tell("a", "look")["environment"] if name != "LC_CTYPE"}
        self.assertEqual(environment, {"MODE", "ANDIRON_CHANNEL_FD", "ANDIRON_MAX_RESULT", "ANDIRON_CHILD"})


class Secrets(WithIntruders):
    def canary(self):
        return "canary" + secrets.token_hex(12)

    def shown(self):
        """All that can be read of the worker: {place: bytes}."""
        places = {"the log": self.log().encode()}
        for arguments in (("status",), ("status", "-o", "json")):
            code, out, err = self.client(*arguments)
            self.assertEqual(code, 0, err)
            places[" ".join(arguments)] = (out + err).encode()
        for pid in marked(self.mark):
            places[f"the arguments of {pid}"] = read(f"/proc/{pid}/cmdline")
        return places

    def test_secrets_reach_no_child_but_their_own_and_nothing_that_is_shown(self):
        withheld = {"NATS_TOKEN": self.canary(), "NATS_PASSWORD": self.canary(), "NATS_CREDS": self.canary(),
                    "NATS_NKEY_SEED": self.canary(), "LIVEKIT_API_SECRET": self.canary(),
                    "NOTIFY_SOCKET": f"/run/{self.canary()}", "LISTEN_FDNAMES": self.canary()}
        own, payload = self.canary(), self.canary()
        worker = self.start_pools({"a": {"env": {"TOKEN": own}}, "b": {}}, withheld, log_level="debug")
        environment = self.tell("a", "look", payload)["environment"]
        self.assertEqual(environment["TOKEN"], own)
        other = json.dumps(self.tell("b", "look", payload))
        # A death has an autopsy, which is shown.
        self.submit("a", json.dumps(["print_and_exit", "", payload]))
        wait_until(lambda: self.status()["autopsies"], "the autopsy is there")
        worker.send_signal(signal.SIGUSR1)
        wait_until(lambda: "autopsies" in self.log(), "the state is in the log")
        for name, canary in withheld.items():
            self.assertNotIn(canary, json.dumps(environment), name)
            self.assertNotIn(canary, other, name)
        self.assertNotIn(own, other)
        for place, text in self.shown().items():
            for name, canary in {**withheld, "the pool's variable": own, "a payload": payload}.items():
                self.assertNotIn(canary.encode(), text, f"{name} is in {place}")
        for pid in self.idle("b"):
            self.assertNotIn(own.encode(), read(f"/proc/{pid}/environ"))

    def test_config_show_has_a_pools_variables_and_no_secret_of_a_source(self):
        secret, own = self.canary(), self.canary()
        livekit = {"url": "ws://127.0.0.1:9", "key": "k", "secret": secret, "agents": [{"name": "x", "pool": "a"}]}
        config = {"pools": {"a": {"command": ["true"], "env": {"TOKEN": own}}}, "sources": {"livekit": livekit}}
        path = self.path("config.yaml", json.dumps(config))
        for arguments in ((), ("-o", "json")):
            code, out, err = self.andiron("config", "show", path, *arguments)
            self.assertEqual(code, 0, err)
            self.assertNotIn(secret, out + err)
            self.assertIn(own, out)


if __name__ == "__main__":
    unittest.main()
