"""A client of a worker's control socket (proto/control.proto), for one thread. Every wait has an end.

The messages' classes are made by protoc when the program starts: nothing generated is committed.
"""

import json
import os
import socket
import subprocess
import sys
import time


class WorkerGone(Exception):
    """The connection has ended."""


def load_messages(root, work):
    """The Python module of proto/control.proto, made in `work`."""
    proto = os.path.join(root, "proto")
    subprocess.run(["protoc", f"-I{proto}", f"--python_out={work}", "control.proto"], check=True)
    sys.path.insert(0, work)
    import control_pb2

    return control_pb2


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class Control:
    """`client` is the name that the worker logs."""

    def __init__(self, path, messages, client):
        self._messages = messages
        self._received = bytearray()
        self._next_request = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(path)
        self._send(hello=messages.ClientHello(protocol_version=1, client=client))
        hello = self.receive(time.monotonic() + 10)
        if hello is None or hello.WhichOneof("kind") != "hello":
            raise WorkerGone(f"no hello from the worker, but {hello}")

    def close(self):
        self._socket.close()

    def submit(self, pool, payload, name, run_for_ms=None):
        """Returns the request's number, and the moment just before it was sent (monotonic, in ns)."""
        request = self._number()
        submit = self._messages.Submit(request=request, pool=pool, id=name, payload=payload)
        if run_for_ms is not None:
            submit.run_for_ms = run_for_ms
        moment = time.monotonic_ns()
        self._send(submit=submit)
        return request, moment

    def ask_status(self):
        """The answer comes through receive(), among the others."""
        self._send(status=self._messages.StatusRequest(request=self._number()))

    def status(self):
        """For a client with no jobs open."""
        self.ask_status()
        reply = self.receive(time.monotonic() + 10)
        if reply is None:
            raise WorkerGone("no status within 10 s")
        return json.loads(reply.status.json)

    def stop(self):
        """Drains and ends the worker; returns when the connection has ended or the worker says that it is done."""
        self._send(stop=self._messages.Stop(request=self._number(), wait=True))
        try:
            self.receive(time.monotonic() + 30)
        except WorkerGone:
            pass

    def receive(self, deadline):
        """The next message; None when the deadline has passed. Raises WorkerGone."""
        while True:
            message = self._take()
            if message is not None:
                return message
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                chunk = self._socket.recv(1 << 18)
            except socket.timeout:
                return None
            except OSError as error:
                raise WorkerGone(str(error)) from error
            if not chunk:
                raise WorkerGone("the worker closed the connection")
            self._received += chunk

    def _number(self):
        self._next_request += 1
        return self._next_request

    def _send(self, **kind):
        encoded = self._messages.ToWorker(**kind).SerializeToString()
        self._socket.settimeout(10)
        try:
            self._socket.sendall(varint(len(encoded)) + encoded)
        except OSError as error:
            raise WorkerGone(str(error)) from error

    def _take(self):
        length = 0
        for index, byte in enumerate(self._received[:5]):
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                begin = index + 1
                if len(self._received) < begin + length:
                    return None
                message = self._messages.FromWorker.FromString(bytes(self._received[begin : begin + length]))
                del self._received[: begin + length]
                return message
        return None
