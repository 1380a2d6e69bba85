"""Secrets stay where they belong: the API secret and its tokens, the join tokens, and what rooms and dispatches carry
are in no log, command line, status, autopsy, configuration shown, nor in a child's environment."""

import glob
import json
import os
import secrets
import subprocess
import unittest

from andiron_worker import ANDIRON, CLERK
from rig import marked, read
from source_rig import EAGER, IMPATIENT, SourceTest, kill, wait_until

SHORTEST = 16  # so much of a token in a row is too much


class Secrets(SourceTest):
    def canary(self):
        return "canary" + secrets.token_hex(12)

    def assert_absent(self, canaries, place, text):
        if isinstance(text, str):
            text = text.encode()
        for name, canary in canaries.items():
            self.assertNotIn(canary.encode(), text, f"{name} is in {place}")

    def seen_of(self, worker):
        """All that can be read of a worker: {place: text}."""
        places = {"the log": worker.log(), "status -o json": worker.run("status", "-o", "json"),
                  "status": worker.run("status")}
        for verb in (["show"], ["show", "-o", "json"], ["check"]):
            done = subprocess.run([ANDIRON, "config", *verb, "--config", worker.config_path], env=worker.environment,
                                  capture_output=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            places["config " + " ".join(verb)] = done.stdout + done.stderr
        for pid in marked(self.mark):
            places[f"the arguments of {pid}"] = read(f"/proc/{pid}/cmdline")
            if pid != worker.process.pid:
                places[f"the environment of {pid}"] = read(f"/proc/{pid}/environ")
        for path in glob.glob(os.path.join(worker.folder, "**"), recursive=True):
            if os.path.isfile(path) and path not in (worker.config_path, worker.log_path):
                places[path] = read(path)
        return places

    def check(self, worker, canaries):
        # Any part of a token that is worth something: its claims are no secret, its signature is.
        wanted = {}
        for name, canary in canaries.items():
            self.assertGreaterEqual(len(canary), SHORTEST, name)
            wanted[name] = canary
            if canary.count(".") == 2:
                wanted[name + "'s signature"] = canary.rpartition(".")[2][:SHORTEST]
        for place, text in self.seen_of(worker).items():
            self.assertIsNotNone(text, place)
            self.assert_absent(wanted, place, text)


class AtARealServer(Secrets):
    def test_no_secret_is_seen_whatever_happens_to_jobs_and_links(self):
        server = self.server()
        room, metadata = self.canary(), self.canary()
        server.call("RoomService", "CreateRoom", {"roomCreate": True}, {"name": "hall", "metadata": room})
        tap = self.tap(server)
        others = {"command": CLERK, "warm": 1,
                  "env_inherit": ["PATH", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "E2E_MARK"]}
        pool = {"warm": 6, "max_children": 8, "env_inherit": "all", "run_for": "1s", **IMPATIENT}
        worker = self.worker(tap, pool=pool,
                             livekit=EAGER, environment={"LIVEKIT_URL": tap.url}, top={"log_level": "debug"},
                             agents=[{"name": "clerk", "pool": "clerk"}, {"name": "other", "pool": "other"}],
                             pools={"other": others}).ready()
        for words in ("", "fail=as asked", "exit=7", "crash", "hang", "sleep=500ms"):
            # fail= takes the rest of the text: what a child itself says is its own affair.
            server.create_dispatch("hall", "clerk", words if "fail" in words else f"{words} {metadata}")
        self.jobs.wait_assigned(6)
        # They have come through the tap, too, and been read.
        wait_until(lambda: len(tap.heard("assignment")) == 6, "the tap has heard of all")
        worker.wait(lambda agent: agent["assigned"] == 6, "the assignments have been read")
        kill(wait_until(lambda: worker.children("idle"), "a child takes the place of one that works")[0])
        tap.link(0).cut()
        tap.link(1).cut()
        worker.wait(lambda agent: agent["jobs"] == 0 and agent["outbox"] == 0, "all jobs have ended")
        worker.wait_pool(lambda pool: pool["jobs"]["accepted"] == 6, "all have run")
        tokens = [word.token for word in tap.heard("assignment")]
        self.assertEqual(len(tokens), 6)
        wait_until(lambda: len(tap.links) >= 4 and all(link.request for link in tap.links), "it has connected anew")
        bearers = [link.request.headers["authorization"].partition(" ")[2] for link in tap.links]
        canaries = {"the API secret": server.secret, "the room's metadata": room, "the dispatch's metadata": metadata}
        canaries.update({f"join token {number}": token for number, token in enumerate(tokens)})
        canaries.update({f"bearer token {number}": token for number, token in enumerate(bearers)})
        # Not in vain: there were children of both pools, deaths, and tokens that are what they should be.
        self.assertGreaterEqual(len(worker.status()["autopsies"]), 3)
        self.assertEqual(len(worker.status()["pools"]), 2)
        self.check(worker, canaries)
        for pid in marked(self.mark):
            if pid not in (worker.process.pid, server.pid):
                self.assertNotIn(b"LIVEKIT_", read(f"/proc/{pid}/environ"))


class InTheFile(Secrets):
    def test_a_secret_in_the_file_is_seen_nowhere_either(self):
        server = self.hostile(lambda connection: (connection.accept(), connection.register()))
        secret = self.canary()
        worker = self.worker(server, livekit={"key": "the key", "secret": secret, **EAGER}, top={"log_level": "debug"})
        del worker.environment["LIVEKIT_API_SECRET"]
        worker.kill()
        worker.start()
        worker.ready()
        bearer = server.connections[-1].request.headers["authorization"].partition(" ")[2]
        self.check(worker, {"the API secret": secret, "the bearer token": bearer})

    def test_an_error_in_the_file_doesnt_repeat_the_secret(self):
        secret = self.canary()
        livekit = {"url": "ws://localhost", "key": "k", "agents": [{"pool": "p"}]}
        mistakes = [{"secert": secret}, {"secret": [secret]}, {"secret": {"is": secret}}, {"secret": secret, "url": ""},
                    {"secret": secret, "ping_interval": "1h"}]
        for mistake in mistakes:
            config = {"pools": {"p": {"command": ["true"]}}, "sources": {"livekit": {**livekit, **mistake}}}
            code, out, err = self.andiron("config", "check", "--config", self.path("config.yaml", json.dumps(config)))
            self.assertEqual(code, 78, out + err)
            self.assert_absent({"the secret": secret}, f"the error about {mistake}", out + err)


class Echoes(Secrets):
    def test_a_server_that_repeats_the_token_in_its_refusal_doesnt_get_it_into_the_log(self):
        bearers = []

        def echo(connection):
            connection._read_request()
            bearers.append(connection.request.headers["authorization"].partition(" ")[2])
            connection.send_bytes(f"HTTP/1.1 403 {bearers[-1]}\r\nX-You-Said: {bearers[-1]}\r\nContent-Length: "
                                  f"{len(bearers[-1])}\r\n\r\n{bearers[-1]}".encode())
            connection.close()

        def farewell(connection):
            connection.accept()
            connection.register()
            bearers.append(connection.request.headers["authorization"].partition(" ")[2])
            connection.say_payload(b"\x0f\xa0" + bearers[-1][-100:].encode(), 8)

        scripts = [echo, farewell]
        server = self.hostile(lambda connection: scripts[connection.number % 2](connection))
        worker = self.worker(server, livekit=EAGER, top={"log_level": "debug"})
        wait_until(lambda: len(bearers) >= 6, "it has been refused some times")
        self.check(worker, {f"bearer token {number}": token for number, token in enumerate(bearers)})


if __name__ == "__main__":
    unittest.main()
