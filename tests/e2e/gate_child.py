"""A child whose jobs tell it what to do: "wait PATH" ends when PATH is there, "big BYTES" returns so many, anything
else is echoed. When serve() has returned it writes "served" into the file that it is given."""

import os
import sys

import andiron


def run(job):
    if job.payload.startswith(b"big "):
        return b"x" * int(job.payload[len(b"big "):])
    if not job.payload.startswith(b"wait "):
        return job.payload
    path = job.payload[len(b"wait "):].decode()
    while not os.path.exists(path):
        if job.wait_cancelled(0.02):
            return None
    return b"opened"


andiron.serve(run=run)
if len(sys.argv) > 1:
    with open(sys.argv[1], "w", encoding="ascii") as note:
        note.write("served")
