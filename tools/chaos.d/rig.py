"""A worker in the foreground, started for one run: its folder, its socket, its log."""

import json
import os
import subprocess
import time
import uuid

import control
import outside
import pools as pool_settings
from checks import at_rest

DEADLINE = 60.0
LOOKS = 20  # the least of them before a wait is given up


class Failed(Exception):
    """Something that has to come didn't come in time."""


def wait_until(condition, what, seconds=DEADLINE):
    """Returns the condition's first value that is true. A machine that stands still uses up the time, not the looks."""
    looks = 0
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        looks += 1
        if time.monotonic() > end and looks > LOOKS:
            raise Failed(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)


class Rig:
    """Workers of one name and socket, one after the other; all that they start carries this run's mark."""

    def __init__(self, programs, messages, folder, pools):
        self.programs = programs
        self.name = "chaos_" + uuid.uuid4().hex[:8]
        self.mark = uuid.uuid4().hex
        self.socket = os.path.join(folder, "socket")
        self.log_path = os.path.join(folder, "worker.log")
        self._messages = messages
        self._config = os.path.join(folder, "andiron.yaml")
        pool_settings.write_config(self._config, self.name, self.socket, pools)
        self.process = None

    def start(self):
        """Returns at once: the worker comes up meanwhile."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANDIRON_")}
        environment[outside.MARK] = self.mark
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.programs.andiron, "start", "--config", self._config],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=environment,
            )

    def connect(self):
        def connected():
            if self.process.poll() is not None:
                raise Failed(f"the worker ended with {self.process.returncode} as it started")
            try:
                return control.Control(self.socket, self._messages, "chaos")
            except OSError:
                return None

        return wait_until(connected, "the worker opens its socket")

    def status(self):
        """As the command prints it. None: no worker answers."""
        command = [self.programs.andiron, "status", "--socket", self.socket, "-o", "json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=DEADLINE, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def rest(self, seconds=DEADLINE):
        """The status at rest; the last one if it doesn't come to rest in time."""
        end = time.monotonic() + seconds
        while True:
            status = self.status()
            if status is not None and (at_rest(status) or time.monotonic() > end):
                return status
            time.sleep(0.05)

    def children(self):
        return outside.marked(self.mark, without={self.process.pid})

    def stop(self):
        """Ends it in order. The exit code."""
        self.process.terminate()
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failed(f"the worker doesn't end within {DEADLINE:g} s of SIGTERM\n{self._state()}") from None

    def _state(self):
        """What it waits for, who is left of its children, and the end of its log."""
        threads = [f"  thread {name} {state} in {place}" for name, state, place in outside.waits_of(self.process.pid)]
        left = [f"  left: {pid} {child}" for pid, child in self.children().items()]
        log = [f"  {line.get('message')}" for line in list(self.log())[-20:]]
        return "\n".join(threads + left + log)

    def log(self):
        """Its lines so far, as dictionaries."""
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # cut by the death of the worker

    def end(self):
        """Whatever has happened: nothing of this run stays."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in outside.marked(self.mark):
            outside.kill_marked(pid, self.mark)
