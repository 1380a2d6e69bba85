"""The worker's end of the channel, for tests: starts a child for real and talks to it under deadlines."""

import os
import select
import socket
import subprocess
import sys
import time

from andiron import _child_pb2 as pb
from andiron._channel import frame

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 30.0  # seconds: generous, since nothing waits for it but a failing test


class FakeWorker:
    """Used with `with`: at its end the child is gone, whatever happened."""

    def __init__(self, *arguments, program="child.py", max_result=None):
        self.channel, theirs = socket.socketpair()
        environment = dict(os.environ, ANDIRON_CHANNEL_FD=str(theirs.fileno()))
        if max_result is not None:
            environment["ANDIRON_MAX_RESULT"] = str(max_result)
        environment.pop("PYTHONUNBUFFERED", None)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, program), *arguments],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # line() asks the pipe whether there is more, and it has to know
        )
        theirs.close()
        self._received = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.channel.close()

    # ---- to the child ----

    def send(self, **kind):
        self.send_bytes(frame(pb.ToChild(**kind).SerializeToString()))

    def send_bytes(self, encoded):
        self.channel.settimeout(DEADLINE)
        self.channel.sendall(encoded)

    def run(self, job, payload=b"", run_for_ms=0):
        payload = payload.encode() if isinstance(payload, str) else payload
        self.send(run=pb.Run(job=job, id=f"job-{job}", payload=payload, run_for_ms=run_for_ms))

    def cancel(self, job):
        self.send(cancel=pb.Cancel(job=job))

    def stop(self):
        self.send(stop=pb.Stop())

    # ---- from the child ----

    def receive(self):
        """The next message; None when the channel has ended."""
        while True:
            message = self._take_message()
            if message is not None:
                return message
            self.channel.settimeout(DEADLINE)
            try:
                chunk = self.channel.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not chunk:
                return None
            self._received += chunk

    def _take_message(self):
        length = 0
        for index, byte in enumerate(self._received[:5]):
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                end = index + 1 + length
                if len(self._received) < end:
                    return None
                message = pb.FromChild.FromString(bytes(self._received[index + 1 : end]))
                del self._received[:end]
                return message
        return None

    def expect(self, kind):
        message = self.receive()
        if message is None:
            raise AssertionError(f"expected {kind}, but the channel ended; stderr: {self.errors()}")
        if message.WhichOneof("kind") != kind:
            raise AssertionError(f"expected {kind}, got {message}")
        return getattr(message, kind)

    def ready(self):
        return self.expect("hello")

    def result(self, job):
        """Of a job whose Ack has not been read yet."""
        assert self.expect("ack").job == job
        return self.end(job)

    def end(self, job):
        result = self.expect("result")
        assert result.job == job, f"expected the result of {job}, got {result}"
        return result

    def line(self):
        """The next line of the log."""
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        return self.process.stdout.readline().decode() if ready else ""

    def until_main_thread_sleeps(self):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with open(f"/proc/{self.process.pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "S":
                    return
        raise AssertionError("the child's main thread never sleeps")

    def exit_code(self):
        return self.process.wait(DEADLINE)

    def errors(self):
        """What it wrote to stderr; for a child that has ended or is about to."""
        self.process.wait(DEADLINE)
        return self.process.stderr.read().decode()


def seconds_since(start):
    return time.monotonic() - start
