"""WebSocket frames (RFC 6455) as bytes, for test peers that must be able to say wrong things. No sockets here."""

import base64
import hashlib
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def masked(payload, key):
    pattern = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(len(payload), "big")


def frame(payload, opcode=BINARY, mask=False, final=True):
    """One frame. A client's are masked, a server's aren't."""
    head = bytes([opcode | (0x80 if final else 0)])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + masked(payload, key)


def accept_key(key):
    """What a server answers to the client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


class FrameReader:
    """Bytes in, whole messages out: (opcode, payload). Fragments are put together."""

    def __init__(self):
        self._bytes = bytearray()
        self._fragments = bytearray()
        self._opcode = None

    def feed(self, data):
        self._bytes += data
        while True:
            taken = self._take()
            if taken is None:
                return
            opcode, final, payload = taken
            if opcode >= CLOSE:
                yield opcode, payload
                continue
            if opcode != CONTINUATION:
                self._opcode = opcode
            self._fragments += payload
            if final:
                whole, self._fragments = bytes(self._fragments), bytearray()
                yield self._opcode, whole

    def _take(self):
        data = self._bytes
        if len(data) < 2:
            return None
        opcode, final, size, at = data[0] & 15, bool(data[0] & 0x80), data[1] & 0x7F, 2
        for marker, width in ((126, 2), (127, 8)):
            if size == marker:
                if len(data) < at + width:
                    return None
                size, at = int.from_bytes(data[at:at + width], "big"), at + width
                break
        is_masked = bool(data[1] & 0x80)
        end = at + (4 if is_masked else 0) + size
        if len(data) < end:
            return None
        if is_masked:
            payload = masked(bytes(data[at + 4:end]), bytes(data[at:at + 4]))
        else:
            payload = bytes(data[at:end])
        del data[:end]
        return opcode, final, payload


class HttpHead:
    """The first line and the headers (names in lower case) of a request or an answer."""

    def __init__(self, text):
        lines = text.decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()


def read_head(read):
    """Reads a head with `read` (bytes in, b"" at the end): the head and what came after it. None if the end came."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = read()
        if not more or len(data) > 65536:
            return None, b""
        data += more
    text, _, rest = data.partition(b"\r\n\r\n")
    return HttpHead(text), rest
