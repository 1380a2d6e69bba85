"""Frames over the channel to the worker: a varint length, then one message of proto/child.proto.

One thread reads. Any thread writes: a lock keeps frames whole.
"""

from __future__ import annotations

import os
import socket
import threading

from . import _child_pb2 as pb

_VARINT_BYTES_MAX = 5
_FRAME_MAX = 2**31 - 1  # what protobuf can hold; the worker's own limits are far below
_READ_SIZE = 1 << 16


class ChannelClosed(Exception):
    """The worker's end is gone."""


class ChannelBroken(Exception):
    """What arrives isn't the protocol. The channel can't be used any more."""


def encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def frame(message: bytes) -> bytes:
    return encode_varint(len(message)) + message


class Channel:
    """Owns the descriptor. Programs that we start don't inherit it, and processes that we fork close it."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)  # whatever flags it came with
        self._write_lock = threading.Lock()
        self._buffer = bytearray()
        os.register_at_fork(after_in_child=self._socket.close)

    def send(self, message: pb.FromChild) -> None:
        """Raises ChannelClosed."""
        encoded = frame(message.SerializeToString())
        with self._write_lock:
            try:
                self._socket.sendall(encoded)
            except OSError as error:
                raise ChannelClosed(str(error)) from error

    def receive(self) -> pb.ToChild:
        """The next message. Raises ChannelClosed, or ChannelBroken for what isn't one."""
        size = self._receive_length()
        self._fill(size)
        encoded = bytes(self._buffer[:size])
        del self._buffer[:size]
        try:
            message: pb.ToChild = pb.ToChild.FromString(encoded)
            return message
        except Exception as error:  # DecodeError, but each protobuf runtime has its own
            raise ChannelBroken(f"a frame of {size} bytes isn't a message: {error}") from error

    def _receive_length(self) -> int:
        length = 0
        for index in range(_VARINT_BYTES_MAX):
            self._fill(index + 1)
            byte = self._buffer[index]
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if length > _FRAME_MAX:
                    break
                del self._buffer[: index + 1]
                return length
        raise ChannelBroken("a frame's length is malformed")

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            try:
                received = self._socket.recv(max(_READ_SIZE, size - len(self._buffer)))
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            if not received:
                raise ChannelClosed("end of file")
            self._buffer += received
