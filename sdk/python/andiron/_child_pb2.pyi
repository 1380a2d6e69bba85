from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ack(_message.Message):
    __slots__ = ["job"]
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: int
    def __init__(self, job: _Optional[int] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ["job"]
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: int
    def __init__(self, job: _Optional[int] = ...) -> None: ...

class FromChild(_message.Message):
    __slots__ = ["ack", "hello", "pong", "progress", "result"]
    ACK_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ack: Ack
    hello: Hello
    pong: Pong
    progress: Progress
    result: Result
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["pid", "protocol_version", "sdk_name", "sdk_version"]
    PID_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    pid: int
    protocol_version: int
    sdk_name: str
    sdk_version: str
    def __init__(self, protocol_version: _Optional[int] = ..., sdk_name: _Optional[str] = ..., sdk_version: _Optional[str] = ..., pid: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ["sequence"]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ["sequence"]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["percent", "text"]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    percent: int
    text: str
    def __init__(self, percent: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ["end", "error", "job", "output"]
    class End(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    CANCELLED: Result.End
    END_FIELD_NUMBER: _ClassVar[int]
    END_UNSPECIFIED: Result.End
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FAILED: Result.End
    JOB_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED: Result.End
    end: Result.End
    error: str
    job: int
    output: bytes
    def __init__(self, job: _Optional[int] = ..., end: _Optional[_Union[Result.End, str]] = ..., output: _Optional[bytes] = ..., error: _Optional[str] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ["id", "job", "payload", "run_for_ms"]
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    RUN_FOR_MS_FIELD_NUMBER: _ClassVar[int]
    id: str
    job: int
    payload: bytes
    run_for_ms: int
    def __init__(self, job: _Optional[int] = ..., id: _Optional[str] = ..., payload: _Optional[bytes] = ..., run_for_ms: _Optional[int] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ToChild(_message.Message):
    __slots__ = ["cancel", "ping", "run", "stop"]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    cancel: Cancel
    ping: Ping
    run: Run
    stop: Stop
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ...) -> None: ...
