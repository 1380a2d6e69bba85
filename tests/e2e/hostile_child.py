"""A child whose jobs attack the machine: "fork" makes processes without end, "hog" takes memory without end; anything
else is echoed."""

import os
import signal

import andiron


def fork_without_end():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass  # the limit is reached; on with it


def hog():
    held = []
    while True:
        held.append(bytearray(os.urandom(1)) * (1 << 20))


def run(job):
    if job.payload == b"fork":
        fork_without_end()
    if job.payload == b"hog":
        hog()
    return job.payload


andiron.serve(run=run)
