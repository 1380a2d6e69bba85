#!/usr/bin/env python3
"""room_clerk: a child that takes jobs of a LiveKit server, and says what it got. It joins no room: this is where an
agent would. The same as room-clerk (main.cc), in Python.

    andiron start --config livekit.yaml     with a pool whose command is [python3, room_clerk.py]; see docs/livekit.md

Its result is one line: JOB for room ROOM as IDENTITY: and whether the token says the same.

The dispatch's metadata may ask for a behaviour, so that one can see what the worker makes of it:
    sleep=2s      (or 200ms) works that long, and stops when it is told to
    fail=TEXT     FAILED, with the text
    exit=7        the process exits in the middle of the job
    crash         ... dies of SIGSEGV
    hang          never ends, and doesn't listen
"sleep=1s exit=7" does one after the other. Anything else is ignored.

Needs the andiron package (sdk/python), and nothing else.
"""

import argparse
import base64
import json
import os
import re
import signal
import sys
import time


class Failed(Exception):
    """Said by "fail=": its text is the whole error."""


def orders_in(text):
    """Yields (name, value) of each word. fail= takes the rest of the text, the others end at a blank."""
    for match in re.finditer(r"fail=.*|[^ ]+", text, re.S):
        name, _, value = match[0].partition("=")
        yield name, value


def seconds(text):
    """ "2s", "200ms"; what can't be read is no time at all."""
    match = re.fullmatch(r"(\d+)(s|ms)", text)
    return int(match[1]) / (1 if match[2] == "s" else 1000) if match else 0


def obey(text, cancelled=()):
    """Does what the words ask for. `cancelled` is the exception that a handler gets when its job is to end."""
    for name, value in orders_in(text):
        if name == "sleep":
            time.sleep(seconds(value))
        elif name == "fail":
            raise Failed(value)
        elif name == "exit":
            os._exit(int(value) if value.isdigit() else 0)
        elif name == "crash":
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            signal.raise_signal(signal.SIGSEGV)
        while name == "hang":
            try:
                time.sleep(3600)
            except cancelled:
                pass


def claims_of(token):
    """What a LiveKit token says about itself, unverified: the server checks it when it is used."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def what_the_token_says(agent_job):
    if not agent_job.token:
        return "there is no token"
    try:
        claims = claims_of(agent_job.token)
        room, identity = claims.get("video", {}).get("room", ""), claims.get("sub", "")
    except (IndexError, ValueError, AttributeError):
        return "the token can't be read"
    if room != agent_job.job.room.name:
        return f"the token is for room {room}"
    if identity != agent_job.identity:
        return f"the token is for {identity}"
    return "the token says the same"


class Book:
    """Lines: "begin" or "end", the job, the room, the process, and nanoseconds of the monotonic clock."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None

    def write(self, what, agent_job):
        if self._file is not None:
            job = agent_job.job
            line = f"{what} {job.id} {job.room.name} {os.getpid()} {time.monotonic_ns()}\n"
            os.write(self._file, line.encode())  # one write: lines of several processes don't mix


def main():
    parser = argparse.ArgumentParser(description="Takes jobs of a LiveKit server: a child of an Andiron worker.")
    parser.add_argument("--prewarm", metavar="WORD", default="", help="obey this word at warming up")
    parser.add_argument("--book", metavar="FILE", help="write down each job's begin and end")
    options = parser.parse_args()
    book = Book(options.book)
    try:
        import andiron
        from andiron.livekit import AgentJob
    except ModuleNotFoundError as error:
        sys.exit(f"room_clerk: {error}; pip install ./sdk/python, or set PYTHONPATH to it and install python3-protobuf")

    def run(job):
        agent_job = AgentJob.FromString(job.payload)
        book.write("begin", agent_job)
        try:
            obey(agent_job.job.metadata, andiron.Cancelled)
        finally:
            book.write("end", agent_job)
        room = agent_job.job.room.name
        return f"{agent_job.job.id} for room {room} as {agent_job.identity}: {what_the_token_says(agent_job)}"

    andiron.serve(prewarm=lambda warm_up: obey(options.prewarm), run=run)


if __name__ == "__main__":
    sys.exit(main())
