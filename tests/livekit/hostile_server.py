"""A LiveKit server that lies: what it does is a script of the test's, what the worker says is kept, decoded.

    def script(connection):                 # runs in the connection's own thread
        connection.accept()
        connection.register()
        connection.say(offer("AJ_1"))
        connection.hear("answer")
        connection.say(assignment("AJ_1"), pieces=1)      # byte by byte

    server = HostileServer(script)
    ... a worker connects to server.url ...
    connection = server.connection(1)       # the second one that came
    connection.heard                        # [Heard]: time, name, word
    server.close()

A script that returns leaves the connection open: the reader goes on, pings are answered. Whatever a script may do is a
method of Connection. Nothing waits without a bound, nobody's death is needed: close() ends every thread.
"""

import select
import socket
import struct
import threading
import time

from contract import Heard, agent_job, job_bytes, wire
from livekit_api import DEADLINE, Late, make_token
from websocket_frames import BINARY, CLOSE, PING, PONG, FrameReader, accept_key, frame, read_head

KEY = "devkey"
SECRET = "a secret of the hostile server, known to the worker"


class Over(Exception):
    """The connection has ended; its script ends with it."""


# ---- what a server may say ----


def offer(id, room="room", metadata="", agent_name=""):
    return wire.ToWorker(offer=wire.Offer(job=job_bytes(id, room, metadata, agent_name)))


def assignment(id, room="room", metadata="", agent_name="", token=None, url=""):
    if token is None:
        token = make_token(KEY, SECRET, {"room": room, "roomJoin": True})
    job = job_bytes(id, room, metadata, agent_name)
    return wire.ToWorker(assignment=wire.Assignment(job=job, token=token, url=url))


def termination(id):
    return wire.ToWorker(termination=wire.Termination(job_id=id))


def registered(worker_id="AW_hostile", version="hostile"):
    return wire.ToWorker(registered=wire.Registered(worker_id=worker_id, server=wire.Server(version=version)))


# ---- scripts for those who want only one of the connections to be strange ----


def obliging(connection):
    """Accepts, registers, and then only listens."""
    connection.accept()
    connection.register()


def scripts(*one_for_each):
    """The first connection follows the first script, and so on; the last is for all that follow."""

    def script(connection):
        one_for_each[min(connection.number, len(one_for_each) - 1)](connection)

    return script


class Connection:
    """One connection of a worker's. Its methods are for the script; any thread may look at `heard`."""

    def __init__(self, server, number, plain):
        self.number = number
        self.request = None       # the head of the worker's request, after accept() or refuse()
        self.heard = []           # every message of the worker's: Heard
        self.bad = []             # what wasn't a message: bytes
        self.close_code = None    # of the worker's close frame, if it sent one
        self.answers_pings = True
        self.answers_frame_pings = True
        self.script_error = None
        self._server = server
        self._socket = plain
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._frozen = False
        self._reset_wanted = False
        self._wake, self._woken = socket.socketpair()  # for the reader
        self._reader = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    # ---- the handshake ----

    def accept(self, key=None):
        """Reads the request and upgrades; `key` for a wrong Sec-WebSocket-Accept."""
        rest = self._read_request()
        key = key or accept_key(self.request.headers.get("sec-websocket-key", ""))
        self.send_bytes(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         f"Sec-WebSocket-Accept: {key}\r\n\r\n").encode())
        self._reader = threading.Thread(target=self._read, args=(rest,), daemon=True)
        self._reader.start()

    def refuse(self, status=401, text="Unauthorized"):
        """Reads the request and says no."""
        self._read_request()
        self.send_bytes(f"HTTP/1.1 {status} {text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.close()

    def register(self, **options):
        """Hears the registration and answers it; the registration."""
        registration = self.hear("registration")
        self.say(registered(**options))
        return registration

    def _read_request(self):
        self.request, rest = read_head(lambda: self._socket.recv(65536))
        if self.request is None:
            raise Over
        return rest

    # ---- saying ----

    def say(self, message, pieces=None, fragments=1):
        """One message of the contract; `pieces`: so many bytes at a time; `fragments`: so many frames."""
        self.say_payload(message.SerializeToString(), pieces=pieces, fragments=fragments)

    def say_payload(self, payload, opcode=BINARY, pieces=None, fragments=1):
        """Any bytes as one message."""
        size = max(1, -(-len(payload) // fragments))
        parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
        data = b"".join(frame(part, opcode if index == 0 else 0, final=index == len(parts) - 1)
                        for index, part in enumerate(parts))
        self.send_bytes(data, pieces)

    def send_bytes(self, data, pieces=None):
        """Bytes as they are, also such that aren't frames."""
        with self._sending:
            try:
                for at in range(0, len(data), pieces or max(1, len(data))):
                    self._socket.sendall(data[at:at + (pieces or len(data))])
            except OSError:
                raise Over from None

    # ---- hearing ----

    def hear(self, name, count=1, seconds=DEADLINE):
        """Waits for the count-th message of that name: its word."""
        self.wait(lambda: len(self.all(name)) >= count, f"{count} of {name}", seconds)
        return self.all(name)[count - 1]

    def all(self, name):
        return [heard.word for heard in list(self.heard) if heard.name == name]

    def statuses(self, job_id):
        """What was told about the job, in order: names of wire.JobStatus.Status."""
        return [wire.JobStatus.Status.Name(word.status) for word in self.all("job_status") if word.job_id == job_id]

    def wait(self, condition, what, seconds=DEADLINE):
        with self._changed:
            value = self._changed.wait_for(lambda: condition() or self._ended, seconds)
            if condition():
                return condition()
            if value:
                raise Over
            raise Late(f"not within {seconds} s: {what}; heard {self.heard}")

    def wait_ended(self, seconds=DEADLINE):
        """Until the connection is over, whoever ended it."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended, seconds):
                raise Late(f"not within {seconds} s: the end of connection {self.number}; heard {self.heard}")

    @property
    def ended(self):
        return self._ended

    def pause(self, seconds):
        """Nothing for that long; Over if the connection ends meanwhile."""
        with self._changed:
            if self._changed.wait_for(lambda: self._ended, seconds):
                raise Over

    def freeze(self):
        """Reads nothing more: the worker's bytes stay in the kernel, which acknowledges them while it has room."""
        self._frozen = True
        self._poke()

    def thaw(self):
        self._frozen = False
        self._poke()

    def _read(self, data):
        reader = FrameReader()
        try:
            while True:
                for opcode, payload in reader.feed(data):
                    self._take(opcode, payload)
                data = self._receive()
                if not data:
                    return
        except (OSError, Over):
            pass
        finally:
            self._note_end()

    def _poke(self):
        try:
            self._wake.send(b".")
        except OSError:
            pass  # closed, as all of it

    def _receive(self):
        while True:
            if self._reset_wanted:
                # Here, since a descriptor closed under another thread's recv() lives on until that returns.
                self._socket.close()
                return b""
            if self._ended:
                return b""
            pending = getattr(self._socket, "pending", lambda: 0)()  # what TLS has read already
            if pending and not self._frozen:
                return self._socket.recv(1 << 16)
            ready, _, _ = select.select([self._woken] if self._frozen else [self._socket, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(4096)
            elif self._socket in ready:
                return self._socket.recv(1 << 16)

    def _take(self, opcode, payload):
        if opcode == PING and self.answers_frame_pings:
            self.send_bytes(frame(payload, PONG))
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            raise Over
        elif opcode == BINARY:
            self._note(payload)

    def _note(self, payload):
        try:
            heard = Heard(time.monotonic(), wire.ToServer.FromString(payload))
        except Exception:  # what protobuf raises for bytes of no message differs by version
            self.bad.append(payload)
            return
        with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()
        if heard.name == "ping" and self.answers_pings:
            now = time.time_ns() // 1_000_000
            self.say(wire.ToWorker(pong=wire.Pong(last_timestamp=heard.word.timestamp, timestamp=now)))

    # ---- the end ----

    def say_close(self, code=1000):
        """A close frame, as a server that goes in good order."""
        self.say_payload(struct.pack("!H", code), CLOSE)

    def close(self):
        """No more bytes in either direction."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._note_end()

    def reset(self):
        """Ends with a TCP reset: what is on the way is lost."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._reset_wanted = True
        if self._reader is None:
            self._socket.close()
            self._note_end()
        else:
            self._poke()
            self.wait_ended()

    def _note_end(self):
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._poke()

    def _run(self):
        try:
            self._server.script(self)
        except Over:
            pass
        except Exception as error:
            self.script_error = error
            self.close()
        if self._reader is None:
            self._note_end()

    def _join(self):
        self.close()
        self._thread.join(DEADLINE)
        if self._reader is not None:
            self._reader.join(DEADLINE)
        for one in (self._socket, self._wake, self._woken):
            one.close()


class HostileServer:
    """Listens on a port of 127.0.0.1. `script` may be changed; it counts for the connections that come after that."""

    def __init__(self, script=obliging, tls=None, port=0):
        self.script = script
        self.connections = []
        self._tls = tls  # an ssl.SSLContext
        self._changed = threading.Condition()
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self.port}"
        self.key, self.secret = KEY, SECRET
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                plain.close()
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                plain = self._secure(plain)
                if plain is None:
                    continue
            with self._changed:
                connection = Connection(self, len(self.connections), plain)
                self.connections.append(connection)
                self._changed.notify_all()
            connection._thread.start()

    def _secure(self, plain):
        plain.settimeout(DEADLINE)
        try:
            secured = self._tls.wrap_socket(plain, server_side=True)
            secured.settimeout(None)
            return secured
        except OSError:
            plain.close()
            return None

    def connection(self, number=0, seconds=DEADLINE):
        """The number-th connection, from 0, when it has come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.connections) > number, seconds):
                raise Late(f"not within {seconds} s: connection {number}")
            return self.connections[number]

    def heard(self, name):
        """Every word of that name, over all connections."""
        return [word for connection in list(self.connections) for word in connection.all(name)]

    def statuses(self, job_id):
        """What was told about the job over all connections, in order."""
        return [status for connection in list(self.connections) for status in connection.statuses(job_id)]

    def stop_listening(self):
        """New connections are refused; those that there are live on. A new HostileServer may have the port."""
        self._closing = True
        try:
            # Wakes the thread that waits in accept().
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            pass
        self._thread.join(DEADLINE)
        self._listener.close()

    def close(self):
        self.stop_listening()
        for connection in self.connections:
            connection._join()


__all__ = ["Connection", "HostileServer", "KEY", "Over", "SECRET", "agent_job", "assignment", "obliging", "offer",
           "registered", "scripts", "termination"]
