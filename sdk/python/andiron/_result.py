"""What becomes of a handler's return value or exception."""

from __future__ import annotations

import traceback
from typing import Union

from . import _child_pb2 as pb

Output = Union[bytes, bytearray, memoryview, str, None]

_ERROR_MAX = 64 << 10  # bytes: the protocol's limit


def succeeded(output: Output) -> pb.Result:
    if output is None:
        output = b""
    elif isinstance(output, str):
        output = output.encode()
    elif isinstance(output, (bytearray, memoryview)):
        output = bytes(output)
    elif not isinstance(output, bytes):
        return pb.Result(
            end=pb.Result.FAILED, error=f"run returned {type(output).__name__}; it has to be bytes, str or None"
        )
    return pb.Result(end=pb.Result.SUCCEEDED, output=output)


def cancelled() -> pb.Result:
    return pb.Result(end=pb.Result.CANCELLED)


def failed(error: BaseException) -> pb.Result:
    """Called in the frame that called the handler: that frame is left out of the traceback."""
    above = error.__traceback__.tb_next if error.__traceback__ else None
    text = "".join(traceback.format_exception(type(error), error, above))
    return pb.Result(end=pb.Result.FAILED, error=cut(text))


def cut(text: str) -> str:
    """The end of a traceback says most, so its beginning goes."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= _ERROR_MAX:
        return encoded.decode()
    note = "[the beginning is cut]\n"
    return note + encoded[len(note) - _ERROR_MAX :].decode("utf-8", "ignore")
