"""A child that is out for harm, for the tests of docs/security.md. Standard library only, so that any user can run it.

    intruder_child.py             waits for jobs; a job's payload is JSON: ["act", argument ...]
    intruder_child.py FLOOD       never does, but floods: progress, lines or pongs

It tries what it is told and reports, as JSON, what the kernel said: "done", or the name of the error.
"""

import base64
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import sys
import termios
import time

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
PR_GET_DUMPABLE = 3
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438
WAIT_ALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
channel = socket.socket(fileno=int(os.environ["ANDIRON_CHANNEL_FD"]))
memory = []  # what an earlier job of this process has left

# ---- the protocol, by hand: it can say anything ----


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def number_field(field, value):
    return varint(field << 3) + varint(value)


def bytes_field(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def say(kind, fields):
    body = bytes_field(kind, fields)
    channel.sendall(varint(len(body)) + body)


def hello(pid):
    say(2, number_field(1, 1) + bytes_field(2, b"intruder") + bytes_field(3, b"1") + number_field(4, pid))


def ack(job):
    say(3, number_field(1, job))


def result(job, output=None, error=None):
    end = number_field(2, 1) + bytes_field(3, output) if error is None else number_field(2, 2) + bytes_field(4, error)
    say(4, number_field(1, job) + end)


def take(count):
    taken = bytearray()
    while len(taken) < count:
        piece = channel.recv(count - len(taken))
        if not piece:
            sys.exit(0)
        taken += piece
    return bytes(taken)


def read_varint(source):
    value = shift = 0
    while True:
        byte = source(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def hear():
    """(kind, {field: value}) of the worker's next message."""
    body = take(read_varint(take))
    at = 0

    def cut(count):
        nonlocal at
        at += count
        return body[at - count:at]

    kind = read_varint(cut) >> 3
    read_varint(cut)
    fields = {}
    while at < len(body):
        tag = read_varint(cut)
        fields[tag >> 3] = read_varint(cut) if tag & 7 == 0 else cut(read_varint(cut))
    return kind, fields


# ---- attempts ----


def attempt(action):
    try:
        action()
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def call(result_of_call):
    if result_of_call < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result_of_call


def trace(pid):
    call(libc.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, WAIT_ALL)
    call(libc.ptrace(PTRACE_DETACH, pid, None, None))


def take_descriptor(pid, descriptor):
    pidfd = call(libc.syscall(SYS_PIDFD_OPEN, pid, 0))
    try:
        os.close(call(libc.syscall(SYS_PIDFD_GETFD, pidfd, descriptor, 0)))
    finally:
        os.close(pidfd)


def read_some(path):
    with open(path, "rb", buffering=0) as stream:
        stream.read(16)


def attack(pid):
    """What this process may do to another one."""
    return {
        "ptrace": attempt(lambda: trace(pid)),
        "mem": attempt(lambda: open(f"/proc/{pid}/mem", "r+b", buffering=0).close()),
        "environ": attempt(lambda: read_some(f"/proc/{pid}/environ")),
        "descriptors": attempt(lambda: os.listdir(f"/proc/{pid}/fd")),
        "descriptor": attempt(lambda: take_descriptor(pid, 2)),
        "signal": attempt(lambda: os.kill(pid, 0)),
    }


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(b"\x04\x0a\x02\x08\x01")  # a hello of the control protocol
        if not client.recv(1):
            raise OSError(errno.ECONNRESET, "hung up on")


def become_root():
    return {
        "setuid": attempt(lambda: os.setresuid(0, 0, 0)),
        "setgid": attempt(lambda: os.setresgid(0, 0, 0)),
        "setgroups": attempt(lambda: os.setgroups([0])),
    }


def terminal():
    def inject(descriptor):
        return attempt(lambda: fcntl.ioctl(descriptor, termios.TIOCSTI, b"!"))

    return {
        "/dev/tty": attempt(lambda: os.close(os.open("/dev/tty", os.O_RDWR))),
        "TIOCSTI": [inject(descriptor) for descriptor in range(4)],
        "terminals": [descriptor for descriptor in range(4) if os.isatty(descriptor)],
        "session": os.getsid(0) == os.getpid(),
    }


def look(*_ignored):
    """What this process finds around itself."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as stream:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
    descriptors = {}
    for name in range(256):
        try:
            descriptors[name] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass
    with open("/proc/self/cmdline", "rb") as stream:
        arguments = stream.read().decode(errors="replace").split("\0")[:-1]
    return {
        "pid": os.getpid(), "parent": os.getppid(), "arguments": arguments, "environment": dict(os.environ),
        "folder": os.getcwd(), "descriptors": descriptors, "status": status, "memory": memory,
        "dumpable": libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), "core": resource.getrlimit(resource.RLIMIT_CORE),
    }


def escape(environment):
    """A process of its own session that nobody waits for, with this environment; its pid."""
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            for descriptor in range(3):
                os.dup2(os.open("/dev/null", os.O_RDWR), descriptor)
            os.closerange(3, 64)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execve("/usr/bin/sleep", ["sleep", "600"], environment)
        os._exit(0)
    os.waitpid(first, 0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        return int(stream.read())


def remember(secret):
    """Leaves all that a process can leave behind within itself, and a process that outlives it."""
    memory.append(secret)
    os.environ["SECRET_OF_THE_LAST_JOB"] = secret
    return {"pid": os.getpid(), "descendant": escape(dict(os.environ))}


def wait_for(path):
    deadline = time.monotonic() + 120  # longer than any test waits
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            return "in vain"
        time.sleep(0.01)
    return "waited"


def print_bytes(encoded, descriptor):
    text = base64.b64decode(encoded)
    while text:
        text = text[os.write(descriptor, text):]
    return "printed"


def flood(what):
    if what == "progress":
        one = bytes_field(1, number_field(1, 50))
        many = (varint(len(one)) + one) * 10_000
        while True:
            channel.sendall(many)
    if what == "lines":
        while True:
            os.write(1, b"x\n" * 8192)
    hello(os.getpid())
    one = bytes_field(5, number_field(1, 99))
    while True:
        channel.sendall((varint(len(one)) + one) * 10_000)


ACTS = {
    "attack": attack, "become_root": become_root, "connect": lambda path: attempt(lambda: connect(path)),
    "escape": escape, "look": look, "print": print_bytes, "remember": remember, "terminal": terminal,
    "wait": wait_for,
}


def run(job, payload):
    act, *arguments = json.loads(payload)
    ack(job)
    if act == "forge":
        # As if it were the one to whom that other job was given.
        ack(job + arguments[0])
        result(job + arguments[0], b"forged")
    elif act == "fail":
        result(job, error=base64.b64decode(arguments[0]))
    elif act == "print_and_exit":
        print_bytes(arguments[0], 2)
        os._exit(3)
    else:
        result(job, json.dumps(ACTS[act](*arguments)).encode())


def main():
    os.set_inheritable(channel.fileno(), False)
    if len(sys.argv) > 1:
        flood(sys.argv[1])
    hello(1)  # not its own
    while True:
        kind, fields = hear()
        if kind == 1:
            run(fields[1], fields.get(3, b""))
        elif kind == 3:
            say(5, number_field(1, fields[1]))
        elif kind == 4:
            return


main()
