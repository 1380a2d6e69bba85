"""The real `andiron start` with a LiveKit source, for tests: its configuration, its status, its log, its end.

    worker = AndironWorker(folder, server, agent="clerk")     one pool of room-clerk children, one agent
    worker.ready()
    worker.agent()["accepted"], worker.pool()["capacity"]     what `status -o json` says
    worker.end()                                              drained; its exit code

Standard library only. Every wait is bounded. The worker dies with the test's process.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys

from livekit_api import DEADLINE, SOURCE, wait_until

BIN = os.environ.get("ANDIRON_BIN_DIR", os.path.join(SOURCE, "build", "release", "bin"))
ANDIRON = os.path.join(BIN, "andiron")
CLERK = [os.path.join(BIN, "room-clerk")]
PYTHON_CLERK = [sys.executable, os.path.join(SOURCE, "examples", "room_clerk", "room_clerk.py")]
PR_SET_PDEATHSIG = 1


def _dies_with_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class AndironWorker:
    def __init__(self, folder, server, agent="clerk", command=None, pool=None, livekit=None, agents=None,
                 name="worker", environment=None, pools=None, top=None):
        """`server` has url, key and secret. `pool`, `livekit`, `top`: settings over the tests' own; `pools`: others
        beside `pool`, which is named clerk; `agents` replaces `agent`; `environment`: variables beside the tests'."""
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.socket = os.path.join(self.folder, "s")
        self.log_path = os.path.join(self.folder, "log")
        self.config_path = os.path.join(self.folder, "config.yaml")
        settings = {"command": command or CLERK, "warm": 2, "max_children": 4, **(pool or {})}
        source = {"url": server.url, "agents": agents or [{"name": agent, "pool": "clerk"}], **(livekit or {})}
        self.config = {"name": "t", "socket": self.socket, "pools": {"clerk": settings, **(pools or {})},
                       "sources": {"livekit": source}, **(top or {})}
        self.environment = dict(os.environ, LIVEKIT_API_KEY=server.key, LIVEKIT_API_SECRET=server.secret,
                                PYTHONPATH=self._sdk(), **(environment or {}))
        self.process = None
        self.start()

    @staticmethod
    def _sdk():
        return os.pathsep.join(filter(None, [os.path.join(SOURCE, "sdk", "python"), os.environ.get("PYTHONPATH")]))

    def start(self):
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self.config, file)  # JSON is YAML
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([ANDIRON, "start", "--config", self.config_path], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                            preexec_fn=_dies_with_us)
        return self

    # ---- what it says ----

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for_log(self, text, seconds=DEADLINE):
        return wait_until(lambda: text in self.log(), f"the log says {text!r}", seconds)

    def unlogged(self):
        """Lines on its stderr that aren't of its log: reports of a sanitizer, words of the C library."""
        return [line for line in self.log().splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)]

    def run(self, verb, *arguments):
        """A verb of the command at this worker: its stdout, or None if it failed."""
        done = subprocess.run([ANDIRON, verb, "--socket", self.socket, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=DEADLINE, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def status(self):
        """None while it can't be asked."""
        text = self.run("status", "-o", "json")
        return json.loads(text) if text else None

    def agent(self, name=None):
        """What the status says of the agent (the first, or the one of that name); {} while it can't be asked."""
        status = self.status()
        agents = [one for one in status["sources"] if name in (None, one["agent"])] if status else []
        return agents[0] if agents else {}

    def pool(self):
        status = self.status()
        return status["pools"][0] if status else {}

    def children(self, *states):
        """Process ids of its children in these states; in any, without. One that isn't spawned yet has none."""
        children = [child for child in self.pool().get("children", []) if child["pid"] != 0]
        return [child["pid"] for child in children if not states or child["state"] in states]

    # ---- waiting ----

    def wait(self, condition, what, seconds=DEADLINE):
        """`condition` of the agent's status; the status that met it."""

        def look():
            agent = self.agent()
            return agent if agent and condition(agent) else None

        return wait_until(look, what, seconds)

    def wait_pool(self, condition, what, seconds=DEADLINE):
        """The same of the pool's."""

        def look():
            pool = self.pool()
            return pool if pool and condition(pool) else None

        return wait_until(look, what, seconds)

    def registered(self, seconds=DEADLINE):
        return self.wait(lambda agent: agent["state"] == "registered", "registered", seconds)

    def ready(self, children=None, seconds=DEADLINE):
        """Registered, and so many children idle (all warm ones)."""
        self.registered(seconds)
        wanted = children or self.config["pools"]["clerk"]["warm"]
        self.wait_pool(lambda pool: pool["slots"]["idle"] >= wanted, f"{wanted} idle children", seconds)
        return self

    # ---- its life ----

    def signal(self, number):
        self.process.send_signal(number)

    def alive(self):
        return self.process.poll() is None

    def freeze(self):
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self._state() == "T", "the worker is stopped")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def _state(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]

    def end(self, seconds=DEADLINE):
        """Drains it, as an operator would; its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)

    def close(self):
        """Ends it in a hurry, if it is there still."""
        for patience in (0.3, 10):
            if not self.alive():
                return
            self.signal(signal.SIGTERM)
            self.thaw()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        if self.alive():
            self.kill()
            raise AssertionError(f"the worker didn't end:\n{self.log()}")
