"""What the tests of the LiveKit source share: a server, workers, what the server has noted about jobs, who is alive.

Each test has a server of its own. When it has ended, each worker must have been sound, and no process be left.
"""

import json
import os
import signal
import sys

from andiron_worker import CLERK, AndironWorker
from hostile_server import HostileServer
from livekit_api import DEADLINE, SOURCE, Late, Server, wait_until
from rig import MARK, EndToEnd, state_of
from tap import Tap

# Ends children quickly that don't listen.
IMPATIENT = {"cancel_grace": "100ms", "stop_grace": "100ms"}
# Finds a new link quickly, says its last words quickly, and doesn't take a slow machine for a stall of its own.
EAGER = {"backoff_min": "20ms", "backoff_max": "100ms", "flush_timeout": "300ms", "stall_limit": "20s"}


# Words of the server's log: what happened to a job, or to the request for one.
ASSIGNED = "assigned job to worker"
ENDED = "job ended"
UNKNOWN = "received job update for unknown job"
UNTAKEN = "failed to send job request"
REGISTERED = "worker registered"
# Why a request found no worker although each that was asked has said so, or was known to be full.
HONEST = ("no workers with sufficient capacity", "no servers available", "no response from servers")


class ServerJobs:
    """What a server's log says about the jobs of one agent. A server that is restarted goes on in the same log."""

    def __init__(self, server, agent="clerk"):
        self._server = server
        self._agent = agent
        self._read = 0
        self._lines = {text: [] for text in (ASSIGNED, ENDED, UNKNOWN, UNTAKEN, REGISTERED)}

    def lines(self, text):
        """The fields of each line that says this, in order."""
        with open(self._server.log_path, "rb") as log:
            log.seek(self._read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.decode(errors="replace").split("\n"):
            words = line.split("\t")
            if len(words) > 4 and words[4] in self._lines:
                said = json.loads(words[5])
                if said.get("agentName") == self._agent:
                    self._lines[words[4]].append(said)
        return self._lines[text]

    def assigned(self):
        return self.lines(ASSIGNED)

    def unknown(self):
        """The ids of jobs of which a worker has said something, and that the server didn't know."""
        return [one["jobID"] for one in self.lines(UNKNOWN)]

    def wait_assigned(self, count=1, seconds=DEADLINE):
        """The first `count` assignments."""
        return wait_until(lambda: len(self.assigned()) >= count and self.assigned()[:count],
                          f"{count} jobs are assigned", seconds)

    def ended(self):
        """{job id: (status, error)}; none may end twice."""
        ended = self.lines(ENDED)
        found = {one["jobID"]: (one["status"], one["error"]) for one in ended}
        assert len(found) == len(ended), f"a job has ended twice: {ended}"
        return found

    def wait_ended(self, count, seconds=DEADLINE):
        return wait_until(lambda: len(self.ended()) >= count and self.ended(), f"{count} jobs have ended", seconds)

    def untaken(self):
        """For each request that found no worker, why."""
        return [one["error"] for one in self.lines(UNTAKEN)]

    def settled(self, count, seconds=DEADLINE):
        """Until each of so many dispatches is an ended job, or was taken by none."""

        def look():
            assigned = len(self.assigned())
            return assigned + len(self.untaken()) >= count and len(self.ended()) >= assigned

        wait_until(look, f"{count} dispatches are settled", seconds)


class SourceTest(EndToEnd):
    def setUp(self):
        super().setUp()
        self.workers = []
        self.told = []

    def run(self, result=None):
        """A test that fails tells what its workers said."""
        before = len(result.failures) + len(result.errors) if result is not None else 0
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            print("\n".join(self.told), file=sys.stderr)
        return result

    def server(self, name="server", agent="clerk"):
        server = Server(self.path(name))
        self.addCleanup(server.close)
        self.jobs = ServerJobs(server, agent)
        return server

    def hostile(self, script, **options):
        server = HostileServer(script, **options)
        self.addCleanup(server.close)
        return server

    def tap(self, server):
        tap = Tap(server)
        self.addCleanup(tap.close)
        return tap

    def worker(self, server, **options):
        options.setdefault("name", f"worker{len(self.workers)}")
        environment = {MARK: self.mark, **options.pop("environment", {})}
        worker = AndironWorker(self.folder, server, environment=environment, **options)
        self.workers.append(worker)
        self.addCleanup(self._close, worker)
        return worker

    def _close(self, worker):
        status = worker.status() if worker.alive() else None
        self.told.append(f"status of {worker.folder}: {status}\nlog:\n{worker.log()}")
        worker.close()
        self.assertEqual(worker.unlogged(), [])
        for pool in status["pools"] if status else []:
            self.assertEqual(pool["contained"], 0)

    # ---- what children write down ----

    def note_taker(self):
        """A command of source_child.py, which knows "hold=FILE", and the function that reads what it noted."""
        path = self.path("notes")

        def notes():
            if not os.path.exists(path):
                return []
            with open(path, encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]

        return [sys.executable, os.path.join(SOURCE, "tests", "livekit", "source_child.py"), path], notes

    def book(self, name="book"):
        """A command of room-clerk with its book, and the function that reads the ids of the jobs begun."""
        path = self.path(name)

        def begun():
            if not os.path.exists(path):
                return []
            with open(path, encoding="utf-8") as file:
                return [line.split()[1] for line in file if line.startswith("begin ")]

        return [*CLERK, "--book", path], begun


def kill(pid, number=signal.SIGKILL):
    """False if it had gone already."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def gone(pid):
    return state_of(pid) in "ZX"


__all__ = ["EAGER", "HONEST", "IMPATIENT", "Late", "REGISTERED", "ServerJobs", "SourceTest", "gone", "kill",
           "wait_until"]
