#!/usr/bin/env python3
"""The second half of tools/quickstart: a worker keeps its promise while its children are killed, stopped and hung.

    tools/quickstart.d/fault_show.py BIN_DIRECTORY [--jobs N]

Starts `andiron start` with two pools (spell in C++, search in Python), measures how long a job waits for a warm child
and how long for a process of its own, then floods the worker with jobs and hits its children. Exit: 0 if every job had
exactly one outcome and no slot was lost, else 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/python"))

import control  # noqa: E402: what several tools share is found by the line above
import flood  # noqa: E402
import report  # noqa: E402

LICENCES = "/usr/share/common-licenses"
QUERIES = [
    "patent licence",
    "warranty",
    "source code",
    "a slot is never lost",
    "deadline",
    "copyright holder",
    "children",
]
WARM_JOBS = {"spell": 300, "search": 300}
COLD_RUNS = {"spell": 50, "search": 20}
HANG_RUN_FOR_MS = 500

CONFIG = """\
name: quickstart
socket: {work}/andiron.sock
pools:
  spell:
    command: {spell}
    warm: 2
    max_children: 4
    max_jobs_per_child: 200
    run_for: 2s
    ping_interval: 500ms
    ping_timeout: 1s
    cancel_grace: 200ms
    stop_grace: 500ms
  search:
    command: {search}
    env: {{PYTHONPATH: {sdk}}}
    warm: 1
    max_children: 2
    max_jobs_per_child: 200
    run_for: 2s
    ping_interval: 500ms
    ping_timeout: 1s
    cancel_grace: 200ms
    stop_grace: 500ms
"""


class Show:
    def __init__(self, binaries, work):
        self.work = work
        self.andiron = os.path.join(binaries, "andiron")
        self.spell = [os.path.join(binaries, "spell"), "--entry-time"]
        self.search = [sys.executable, os.path.join(ROOT, "examples/search/search.py"), "--entry-time"]
        self.search += [LICENCES, os.path.join(ROOT, "docs")]
        self.problems = []
        self.answers = {}  # of warm children, by payload
        self.texts = licence_texts()

    # ---- the worker ----

    def start(self):
        config = os.path.join(self.work, "andiron.yaml")
        sdk = os.path.join(ROOT, "sdk/python")
        spell = report.yaml_list([*self.spell, "--demo-faults"])
        with open(config, "w") as out:
            out.write(CONFIG.format(work=self.work, spell=spell, search=report.yaml_list(self.search), sdk=sdk))
        self.log_path = os.path.join(self.work, "worker.log")
        with open(self.log_path, "w") as log:
            self.worker = subprocess.Popen(
                [self.andiron, "start", "--config", config], stderr=log, stdin=subprocess.DEVNULL
            )
        messages = control.load_messages(ROOT, self.work)
        self.control = self._connect(messages)
        self._settle("warm up")

    def _connect(self, messages):
        path = os.path.join(self.work, "andiron.sock")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.worker.poll() is None:
            try:
                return control.Control(path, messages, "quickstart")
            except OSError:
                time.sleep(0.02)
        raise control.WorkerGone("the worker didn't open its socket")

    def _settle(self, what):
        """Waits until every pool is at rest: its warm children idle, nothing starting or ending."""
        deadline = time.monotonic() + 20
        while True:
            status = self.control.status()
            if all(at_rest(pool) for pool in status["pools"]):
                return status
            if time.monotonic() > deadline:
                self.problems.append(f"the pools did not {what} within 20 s")
                return status
            time.sleep(0.02)

    def stop(self, status):
        pids = [child["pid"] for pool in status["pools"] for child in pool["children"]]
        self.control.stop()
        try:
            code = self.worker.wait(30)
        except subprocess.TimeoutExpired:
            code = "none: it still ran after 30 s"
        if code != 0:
            self.problems.append(f"the worker's exit code was {code}")
        left = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        if left:
            self.problems.append(f"children outlived the worker: {left}")

    # ---- how long until a job's code runs ----

    def warm_waits(self, pool):
        waits = []
        for number in range(WARM_JOBS[pool]):
            payload = self.payload(pool, number)
            _, moment = self.control.submit(pool, payload, f"{pool}-warm-{number}")
            outcome = self._outcome()
            if outcome is None or outcome.outcome != 1:
                self.problems.append(f"a warm {pool} job failed: {outcome}")
                return waits
            waits.append(entry_of(outcome.output) - moment)
            self.answers[payload] = answer_of(outcome.output)
        return waits

    def _outcome(self):
        deadline = time.monotonic() + 20
        while True:
            message = self.control.receive(deadline)
            if message is None or message.WhichOneof("kind") == "outcome":
                return message and message.outcome

    def cold_waits(self, pool):
        """The same program, a process for each job, without a worker. It has to give the same answers."""
        waits = []
        text_file = os.path.join(self.work, "text")
        for number in range(COLD_RUNS[pool]):
            payload = self.payload(pool, number)
            with open(text_file, "wb") as out:
                out.write(payload)
            job = (
                [*self.spell, "--direct", text_file]
                if pool == "spell"
                else [*self.search, "--direct", payload.decode()]
            )
            environment = dict(os.environ, PYTHONPATH=os.path.join(ROOT, "sdk/python"))
            moment = time.monotonic_ns()
            output = subprocess.run(job, env=environment, stdout=subprocess.PIPE, check=True).stdout
            waits.append(entry_of(output) - moment)
            if answer_of(output) != self.answers.get(payload):
                self.problems.append(
                    f"{pool} answers {answer_of(output)} without a worker, but {self.answers.get(payload)} with"
                )
        return waits

    # ---- the flood ----

    def payload(self, pool, number):
        return self.texts[number % len(self.texts)] if pool == "spell" else QUERIES[number % len(QUERIES)].encode()

    def plan(self, jobs):
        for number in range(jobs):
            if number % 500 == 120:
                yield "spell", b"demo: hang", "hangs", HANG_RUN_FOR_MS
            elif number % 500 == 370:
                yield "spell", b"demo: crash", "crashes", None
            else:
                pool = "search" if number % 4 == 3 else "spell"
                yield pool, self.payload(pool, number), "", None

    def check_jobs(self, jobs):
        accepted = [job for job in jobs if job.accepted]
        for job in jobs:
            if job.refused:
                self.problems.append(f"{job.name} was refused: {job.refused}")
            elif not job.accepted:
                self.problems.append(f"{job.name} was neither accepted nor refused")
            elif len(job.outcomes) != 1:
                self.problems.append(f"{job.name} has {len(job.outcomes)} outcomes")
        return accepted

    def check_untouched(self, jobs, faults):
        """A job that no fault was meant for has succeeded, with the answer that its payload got before."""
        hit = {id(fault.hit) for fault in faults}
        for job in jobs:
            if job.what or id(job) in hit or not job.outcomes:
                continue
            expected = self.answers.get(self.payload(job.pool, int(job.name.rpartition("-")[2]) - 1))  # named from 1
            if job.outcome.outcome != 1:
                self.problems.append(f"{job.name}, which nothing was done to, failed: {job.outcome.error}")
            elif expected is not None and answer_of(job.outcome.output) != expected:
                self.problems.append(f"{job.name} has a wrong answer")

    def check_slots(self, status):
        for pool in status["pools"]:
            if sum(pool["slots"].values()) != pool["max_children"] or pool["quarantined"] != 0:
                self.problems.append(f"pool {pool['name']} has lost a slot: {pool['slots']}")


def licence_texts():
    """Some tens of kilobytes each: to check one takes milliseconds."""
    names = [os.path.join(LICENCES, name) for name in sorted(os.listdir(LICENCES))]
    files = [name for name in names if os.path.isfile(name) and not os.path.islink(name)]
    texts = [open(name, "rb").read() for name in files]
    return [b"".join(texts[(index + step) % len(texts)] for step in range(3)) for index in range(len(texts))]


def entry_of(output):
    return int(re.match(rb"\d+", output).group())


def answer_of(output):
    """Without the entry time in front, and the line's end that only the direct mode writes."""
    return re.sub(rb"^\d+\s", b"", output).rstrip(b"\n")


def at_rest(pool):
    slots = pool["slots"]
    moving = slots["starting"] + slots["busy"] + slots["stopping"] + slots["dying"]
    return moving == 0 and slots["idle"] >= pool["warm"]


def show(options, work):
    show = Show(options.binaries, work)
    out = report.Report(sys.stdout)
    show.start()
    try:
        out.waits([(pool, show.warm_waits(pool), show.cold_waits(pool)) for pool in ("spell", "search")])
        water = flood.Flood(show.control, show.plan(options.jobs), max(options.jobs // 16, 1))
        begin = time.monotonic()
        water.run(lambda ended: out.progress(f"{ended} of {options.jobs} jobs, {len(water.faults)} children hit"))
        seconds = time.monotonic() - begin
        jobs = list(water.jobs.values())
        show.problems += [f"unexpected: {message}" for message in water.unexpected]
        accepted = show.check_jobs(jobs)
        show.check_untouched(jobs, water.faults)
        status = show._settle("come to rest")
        show.check_slots(status)
        out.outcomes(accepted, seconds)
        out.faults(water.faults, jobs)
        out.slots(status)
        show.stop(status)
    except control.WorkerGone as error:
        show.problems.append(f"the worker is gone: {error}")
    finally:
        if show.worker.poll() is None:
            show.worker.kill()
            show.worker.wait()
    out.verdict(show.problems, show.log_path)
    return 1 if show.problems else 0


def main():
    parser = argparse.ArgumentParser(
        description="A worker keeps its promise while its children are killed, stopped and hung."
    )
    parser.add_argument("binaries", help="where andiron and spell are")
    parser.add_argument("--jobs", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="andiron-") as work:
        return show(options, work)


if __name__ == "__main__":
    sys.exit(main())
