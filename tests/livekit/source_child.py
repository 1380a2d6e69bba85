#!/usr/bin/env python3
"""A child that writes down the whole of each job that it gets: one line of JSON in the file that it is given.

Then it obeys the dispatch's metadata, in the words of room_clerk.py, and "hold=FILE": until there is that file.
"""

import importlib.util
import json
import os
import sys
import time

import andiron
from andiron.livekit import AgentJob
from google.protobuf.json_format import MessageToDict

HOLD_AT_MOST = 120  # seconds: longer than any test waits
CLERK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "room_clerk", "room_clerk.py")


def load_clerk():
    spec = importlib.util.spec_from_file_location("room_clerk", CLERK)
    clerk = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(clerk)
    return clerk


def append(fields):
    with open(sys.argv[1], "a", encoding="utf-8") as notes:
        notes.write(json.dumps(fields) + "\n")


def run(job):
    agent_job = AgentJob.FromString(job.payload)
    append({"pid": os.getpid(), **MessageToDict(agent_job)})
    for name, value in clerk.orders_in(agent_job.job.metadata):
        deadline = time.monotonic() + HOLD_AT_MOST
        while name == "hold" and not os.path.exists(value):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody has made {value} in {HOLD_AT_MOST} s")
            time.sleep(0.01)
    clerk.obey(agent_job.job.metadata, andiron.Cancelled)


clerk = load_clerk()
andiron.serve(run=run)
