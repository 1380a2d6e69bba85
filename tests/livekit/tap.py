"""Between a worker and a server that is real: passes everything on, and keeps what each has said, decoded.

    tap = Tap(server)                       has the url, key and secret that a worker needs
    ... a worker connects to tap.url ...
    link = tap.link()                       its present connection; tap.links has them all
    link.said, link.heard                   [Heard] of the worker, and of the server to it
    link.inject(wire.ToServer(...))         as if the worker had said it
    tap.before_worker = lambda heard: ...   called before a message goes to the worker; while it waits, so does the link

Whole messages are passed on as they come, so a peer that stops reading is still a peer that stops reading. Every wait
is bounded; close() ends every thread.
"""

import socket
import threading
import time

from contract import Heard, job_of, wire
from livekit_api import DEADLINE, Late, wait_until
from websocket_frames import BINARY, FrameReader, frame, read_head


class TapLink:
    def __init__(self, tap, near, far):
        self.said = []
        self.heard = []
        self.request = None  # the head of the worker's request
        self.ended = threading.Event()
        self._tap = tap
        self._near = near  # towards the worker
        self._far = far
        self._sending = threading.Lock()  # towards the server
        self._threads = [
            threading.Thread(target=self._carry, args=arguments, daemon=True)
            for arguments in ((near, self._to_server), (far, self._to_worker))
        ]
        for thread in self._threads:
            thread.start()

    def all_said(self, name):
        return [heard.word for heard in list(self.said) if heard.name == name]

    def all_heard(self, name):
        return [heard.word for heard in list(self.heard) if heard.name == name]

    def inject(self, message):
        self._write_to_server(message.SerializeToString(), BINARY)

    def cut(self):
        """Ends it for both."""
        for one in (self._near, self._far):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.ended.set()

    def _carry(self, source, deliver):
        try:
            head, rest = read_head(lambda: source.recv(65536))
            if head is not None:
                self.request = self.request or head  # the worker speaks first
                lines = [head.first] + [f"{name}: {value}" for name, value in head.headers.items()]
                (self._far if source is self._near else self._near).sendall("\r\n".join(lines + ["", ""]).encode())
                self._pass_frames(source, rest, deliver)
        except OSError:
            pass
        self.cut()

    @staticmethod
    def _pass_frames(source, data, deliver):
        reader = FrameReader()
        while True:
            for opcode, payload in reader.feed(data):
                deliver(payload, opcode)
            data = source.recv(1 << 16)
            if not data:
                return

    def _to_server(self, payload, opcode):
        if opcode == BINARY:
            self.said.append(Heard(time.monotonic(), wire.ToServer.FromString(payload)))
        self._write_to_server(payload, opcode)

    def _write_to_server(self, payload, opcode):
        with self._sending:
            self._far.sendall(frame(payload, opcode, mask=True))

    def _to_worker(self, payload, opcode):
        if opcode == BINARY:
            heard = Heard(time.monotonic(), wire.ToWorker.FromString(payload))
            if self._tap.before_worker is not None:
                self._tap.before_worker(heard)
            self.heard.append(heard)
        self._near.sendall(frame(payload, opcode))

    def _join(self):
        self.cut()
        for thread in self._threads:
            thread.join(DEADLINE)
        self._near.close()
        self._far.close()


class Tap:
    def __init__(self, server):
        self.key, self.secret = server.key, server.secret
        self.before_worker = None
        self.links = []
        self._server = server
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                near.close()
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._server.port), timeout=DEADLINE)
            except OSError:
                near.close()  # as refused as it can be from here
                continue
            far.settimeout(None)
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links.append(TapLink(self, near, far))

    def link(self, number=0, seconds=DEADLINE):
        """The number-th connection that came, from 0."""
        wait_until(lambda: len(self.links) > number, f"connection {number} of the worker", seconds)
        return self.links[number]

    # ---- what was said over all connections, in order ----

    def said(self, name):
        return [word for link in list(self.links) for word in link.all_said(name)]

    def heard(self, name):
        return [word for link in list(self.links) for word in link.all_heard(name)]

    def wait_said(self, name, condition=lambda word: True, seconds=DEADLINE):
        """The first word of that name that the worker has said and that meets the condition."""
        return wait_until(lambda: next(filter(condition, self.said(name)), None), f"{name} of the worker", seconds)

    def wait_heard(self, name, condition=lambda word: True, seconds=DEADLINE):
        return wait_until(lambda: next(filter(condition, self.heard(name)), None), f"{name} for the worker", seconds)

    def statuses(self, job_id):
        return [wire.JobStatus.Status.Name(word.status) for word in self.said("job_status") if word.job_id == job_id]

    def jobs_of_dispatches(self, name="offer"):
        """{dispatch: job id}, of all offers or assignments."""
        jobs = [job_of(word) for word in self.heard(name)]
        return {job.dispatch_id: job.id for job in jobs}

    def close(self):
        self._closing = True
        try:
            # Wakes the thread that waits in accept().
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        except OSError:
            pass
        self._thread.join(DEADLINE)
        self._listener.close()
        for link in self.links:
            link._join()


__all__ = ["Late", "Tap", "TapLink"]
