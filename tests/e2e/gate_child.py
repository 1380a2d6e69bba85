"""A child whose jobs tell it what to do: "wait PATH" ends when PATH is there, anything else is echoed."""

import os

import andiron


def run(job):
    if not job.payload.startswith(b"wait "):
        return job.payload
    path = job.payload[len(b"wait "):].decode()
    while not os.path.exists(path):
        if job.wait_cancelled(0.02):
            return None
    return b"opened"


andiron.serve(run=run)
