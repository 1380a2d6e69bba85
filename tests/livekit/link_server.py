#!/usr/bin/env python3
"""A server that does what it is told: HTTP, WebSocket, TLS and proxy, right and wrong, with the standard library only.

    link_server.py SCRIPTS [ADDRESS]

SCRIPTS is a JSON list of scripts, one per connection in the order of their coming (the last is for all further ones);
a script is a list of steps [NAME, ARGUMENT...], see class Connection. Says "port N" on stdout, then a line for each
thing that it sees. Ends when its stdin ends.
"""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
import warnings

PATIENCE_S = 60
OUT = threading.Lock()


def say(*words):
    with OUT:
        print(*words, flush=True)


class Ended(Exception):
    """The peer has closed."""


class Connection:
    """One connection and its script: each step is a method."""

    def __init__(self, sock):
        self.sock = sock
        self.cut = 0
        self.key = ""

    # ---- bytes ----

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise Ended()
            data += part
        return data

    def write(self, data):
        if not self.cut:
            self.sock.sendall(data)
            return
        for i in range(0, len(data), self.cut):
            self.sock.sendall(data[i:i + self.cut])

    def head(self):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += self.read(1)
        lines = data.decode().split("\r\n")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        say("request", lines[0])
        for name in ("host", "authorization", "proxy-authorization"):
            if name in headers:
                say(name, headers[name])
        return lines[0], headers

    # ---- steps ----

    def do_cut(self, size):
        """From now on each write goes out in pieces of that size."""
        self.cut = size

    def do_tls(self, certificate, key, oldest_only=False):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if oldest_only:
            warnings.simplefilter("ignore")
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.load_cert_chain(certificate, key)
        context.sni_callback = lambda _sock, name, _context: say("sni", name)
        self.sock = context.wrap_socket(self.sock, server_side=True)
        say("tls", self.sock.version(), self.sock.selected_alpn_protocol())

    def do_request(self):
        _, headers = self.head()
        self.key = headers.get("sec-websocket-key", "")

    def do_upgrade(self, accept=None, filler=0):
        self.do_request()
        digest = hashlib.sha1((self.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"X-Filler: {'f' * filler}\r\n"
                  f"Sec-WebSocket-Accept: {accept or base64.b64encode(digest).decode()}\r\n\r\n")
        self.write(answer.encode())

    def do_answer(self, status, header="X-Nothing: 1"):
        self.do_request()
        self.write(f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: 3\r\n\r\nno\n".encode())

    def do_raw(self, text):
        self.write(text.encode("latin-1"))

    def do_frame(self, opcode, text, final=True, promise=None):
        """A frame; `promise`: the length that it claims, if another one."""
        data = text.encode("latin-1")
        self.write(frame_head(opcode, len(data) if promise is None else promise, final) + data)

    def do_big(self, opcode, size, pieces=1, promise=None):
        """A message of that many bytes, in frames of equal size; `promise`: as in do_frame."""
        part = size // pieces
        for i in range(pieces):
            count = part if i + 1 < pieces else size - part * i
            self.write(frame_head(opcode if i == 0 else 0, promise or count, i + 1 == pieces) + b"x" * count)

    def do_flood(self, count, size):
        one = frame_head(2, size, True) + b"y" * size
        for _ in range(count):
            self.write(one)
        say("flooded")

    def do_frames(self, count=0):
        """Says what comes, frame by frame; answers nothing. count 0: until the end."""
        while count >= 0:
            opcode, data = self.one_frame()
            say("frame", opcode, len(data), data[:40].decode("latin-1") if opcode < 3 else data.hex())
            if count == 1:
                return
            count -= count > 0

    def one_frame(self):
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.read(8))[0]
        mask = self.read(4)
        data = self.read(size)
        repeated = (mask * (size // 4 + 1))[:size]
        data = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big") if size else b""
        return first & 0x0F, data

    def do_echo(self):
        while True:
            opcode, data = self.one_frame()
            self.write(frame_head(opcode, len(data), True) + data)

    def do_sink(self):
        """Reads and forgets, whatever it is."""
        while self.sock.recv(65536):
            pass
        raise Ended()

    def do_hold(self):
        """Neither reads nor writes nor closes."""
        say("holding")
        threading.Event().wait(PATIENCE_S)

    def do_wait(self):
        """Until a line comes on stdin."""
        say("waiting")
        SIGNALS.acquire(timeout=PATIENCE_S)

    def do_reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Ended()

    def do_close(self):
        self.sock.close()
        raise Ended()

    def do_proxy(self, answer="HTTP/1.1 200 Connection established\r\n\r\n", port=0):
        """Takes a CONNECT and, on 200, passes bytes on; `port`: where to, instead of where it says."""
        line, _ = self.head()
        self.write(answer.encode())
        if " 200 " not in answer:
            return
        host, _, named_port = line.split()[1].rpartition(":")
        target = ("127.0.0.1", port) if port else (host.strip("[]"), int(named_port))
        with socket.create_connection(target) as far:
            threading.Thread(target=pump, args=(far, self.sock), daemon=True).start()
            pump(self.sock, far)
        raise Ended()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def frame_head(opcode, size, final):
    first = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return first + bytes([size])
    if size < 65536:
        return first + b"\x7e" + struct.pack(">H", size)
    return first + b"\x7f" + struct.pack(">Q", size)


def serve(sock, script):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(sock)
    try:
        for name, *arguments in script:
            getattr(connection, "do_" + name)(*arguments)
        connection.do_sink()
    except Ended:
        say("ended")
    except OSError as error:
        say("broken", type(error).__name__)
    finally:
        connection.sock.close()


SIGNALS = threading.Semaphore(0)


def main():
    scripts = json.loads(sys.argv[1])
    address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    listener.bind((address, port))
    listener.listen()
    say("port", listener.getsockname()[1])

    def accept():
        number = 0
        while True:
            sock, _ = listener.accept()
            say("accepted")
            script = scripts[min(number, len(scripts) - 1)]
            number += 1
            threading.Thread(target=serve, args=(sock, script), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for _ in sys.stdin:
        SIGNALS.release()
    os._exit(0)


if __name__ == "__main__":
    main()
