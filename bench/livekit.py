#!/usr/bin/env python3
"""How fast a LiveKit job gets into a child: Andiron against a worker that only answers, in one run.

    bench/livekit.py [--bin build/release/bin] [--jobs 200] [--rounds 3] [-o json]

Latencies are taken between a scripted server of our own and the child, in one clock (the monotonic clock is the same in
all processes): no time of the real server is in them. Bursts go through the real livekit-server (tools/livekit-server),
into rooms that were made beforehand, once to a worker that does nothing but answer (the server's own floor), once to
Andiron with two idle children. Needs the package python3-protobuf.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "livekit"))

AGENT = "bench"
LATE = 5  # seconds; bursts are over by then, unless dispatches are missing


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(milliseconds):
    return {"p50": percentile(milliseconds, 0.5), "p95": percentile(milliseconds, 0.95),
            "p99": percentile(milliseconds, 0.99)}


def begun(book):
    """When each job began in its child, by id; monotonic seconds."""
    entries = {}
    try:
        with open(book, encoding="utf-8") as file:
            for line in file:
                word, job, *_, nanoseconds = line.split()
                if word == "begin":
                    entries[job] = int(nanoseconds) / 1e9
    except FileNotFoundError:
        pass
    return entries


def one_job(connection, job):
    """Offers and assigns it; when it was offered, answered and assigned."""
    from hostile_server import assignment, offer

    def answer():
        return next((h for h in reversed(connection.heard) if h.name == "answer" and h.word.job_id == job), None)

    offered = time.monotonic()
    connection.say(offer(job, agent_name=AGENT))
    connection.wait(answer, "an answer")
    answered = answer()
    assert answered.word.available, f"{job} was refused"
    assigned = time.monotonic()
    connection.say(assignment(job, agent_name=AGENT))
    return offered, answered.time, assigned


def settle(connection, job):
    connection.wait(lambda: {"SUCCESS", "FAILED"} & set(connection.statuses(job)), "its end")


def latencies(folder, name, command, jobs):
    from andiron_worker import AndironWorker
    from hostile_server import HostileServer

    server = HostileServer()
    book = os.path.join(folder, f"{name}.book")
    worker = AndironWorker(folder, server, agent=AGENT, command=[*command, "--book", book],
                           pool={"warm": 4, "max_children": 8}, name=name)
    answers, entries = [], []
    try:
        worker.ready()
        connection = server.connection()
        for number in range(jobs):
            job = f"AJ_{name}_{number}"
            worker.ready()  # its children are warm again, none starts: what a new one costs is in the bursts
            offered, answered, assigned = one_job(connection, job)
            settle(connection, job)
            answers.append(1e3 * (answered - offered))
            entries.append(1e3 * (begun(book)[job] - assigned))
        memory = worker_memory(worker.process.pid)
    finally:
        worker.close()
        server.close()
    return {"answer_ms": spread(answers), "entry_ms": spread(entries), "worker_mb": memory}


def bare_answers(jobs):
    """The same offers to a worker that only answers: what this way of measuring costs by itself."""
    from hostile_server import HostileServer
    from livekit_api import RawWorker, serve

    server = HostileServer()
    server.agent_token = lambda: "any"
    server.wait_known = lambda worker_id: None
    worker = RawWorker(server, agent_name=AGENT, policy=serve)
    try:
        connection = server.connection()
        answers = []
        for number in range(jobs):
            offered, answered, _ = one_job(connection, f"AJ_bare_{number}")
            answers.append(1e3 * (answered - offered))
    finally:
        worker.close()
        server.close()
    return {"answer_ms": spread(answers)}


def worker_memory(pid):
    """MB resident; its share of that, where pages of libraries are divided among all who use them; its own alone."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in list(file)[1:]:
            name, kilobytes, _ = line.split()
            fields[name.rstrip(":")] = int(kilobytes) / 1024
    own = fields["Private_Clean"] + fields["Private_Dirty"]
    return {"resident": fields["Rss"], "share": fields["Pss"], "own": own}


def dispatch(server, rooms):
    """All at once, as far as the server takes them; when the first was sent."""
    first = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda room: server.create_dispatch(room, AGENT), rooms))
    return first


def floor(server, rooms):
    from livekit_api import RawWorker, serve, wait_until

    worker = RawWorker(server, agent_name=AGENT, policy=serve)

    def assignments():
        return [heard.time for heard in list(worker.heard) if heard.name == "assignment"]

    try:
        first = dispatch(server, rooms)
        wait_until(lambda: len(assignments()) >= len(rooms), "the last assignment", 60)
        return max(assignments()) - first
    finally:
        worker.close()


def untaken(server):
    """How many dispatches have found no worker so far, since it was full or didn't want them."""
    return len(server.log_lines("failed to send job request", f'"agentName": "{AGENT}"'))


def burst(server, folder, command, rooms, round):
    """Until the last entry, in seconds; how many dispatches found no worker."""
    from andiron_worker import AndironWorker
    from livekit_api import wait_until

    book = os.path.join(folder, f"burst{round}.book")
    worker = AndironWorker(folder, server, agent=AGENT, command=[*command, "--book", book],
                           pool={"warm": 2, "max_children": len(rooms)}, name=f"burst{round}")
    try:
        worker.ready()
        before = untaken(server)
        first = dispatch(server, rooms)

        def over():
            missing = len(rooms) - len(begun(book))
            # The log is large, and reading it takes time from those that are measured.
            return missing <= 0 or (time.monotonic() - first > LATE and untaken(server) - before >= missing)

        wait_until(over, "the last entry", 60)
        return max(begun(book).values()) - first, untaken(server) - before
    finally:
        worker.end()
        worker.close()


def bursts(folder, command, size, rounds):
    from livekit_api import Server

    server = Server(os.path.join(folder, "server"), log_level="info")
    rooms = [f"burst-{number}" for number in range(size)]
    bare, ours, refused = [], [], 0
    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(server.create_room, rooms))
        for round in range(rounds):
            bare.append(floor(server, rooms))
            seconds, lost = burst(server, folder, command, rooms, f"{size}-{round}")
            ours.append(seconds)
            refused += lost
    finally:
        server.close()
    return {"floor_s": statistics.median(bare), "andiron_s": statistics.median(ours),
            "above_s": statistics.median(ours) - statistics.median(bare), "untaken": refused}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(HERE, "..", "build", "release", "bin"), metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=200, help="for each latency")
    parser.add_argument("--rounds", type=int, default=3, help="of the bursts")
    parser.add_argument("--bursts", type=int, nargs="*", default=[20, 200], metavar="JOBS")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    os.environ["ANDIRON_BIN_DIR"] = os.path.abspath(options.bin)
    from andiron_worker import CLERK, PYTHON_CLERK

    figures = {}
    with tempfile.TemporaryDirectory(prefix="andiron-bench-") as folder:
        figures["bare"] = bare_answers(options.jobs)
        figures["cpp"] = latencies(folder, "cpp", CLERK, options.jobs)
        figures["python"] = latencies(folder, "python", PYTHON_CLERK, max(10, options.jobs // 4))
        for size in options.bursts:
            figures[f"burst_{size}"] = bursts(folder, CLERK, size, options.rounds)
    if options.output == "json":
        print(json.dumps(figures, indent=1))
        return
    for scene, values in figures.items():
        for name, value in values.items():
            parts = value.items() if isinstance(value, dict) else [("", value)]
            print(f"{scene:<10} {name:<14} " + "  ".join(f"{key} {number:.3f}".strip() for key, number in parts))


if __name__ == "__main__":
    main()
