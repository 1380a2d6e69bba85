"""Prints what the fault show saw: aligned tables, colours on a terminal only."""

import json
from collections import Counter

from page import Page, percentile

# The control protocol's numbers, in their order.
OUTCOMES = "SUCCEEDED FAILED CANCELLED TIMED_OUT QUEUE_TIMEOUT".split()
OUTCOMES += "CHILD_CRASHED OOM_KILLED KILLED_SHUTDOWN LOST_BEFORE_START".split()
SLOTS = "idle busy vacant starting stopping dying".split()


def yaml_list(words):
    """JSON is YAML."""
    return json.dumps(words)


def name_of(outcome):
    return OUTCOMES[outcome.outcome - 1] if 1 <= outcome.outcome <= len(OUTCOMES) else f"outcome {outcome.outcome}"


class Report(Page):
    # ---- one part of the show each ----

    def waits(self, pools):
        self.title("From submit to the first line of the job's own code")
        rows = [("", "", "p50", "p99", "jobs")]
        for pool, warm, cold in pools:
            rows.append((pool, "warm child of a worker", *self._times(warm)))
            rows.append(("", "a process for each job", *self._times(cold)))
        self.table(rows, right=(2, 3, 4))

    def _times(self, nanoseconds):
        if not nanoseconds:
            return "-", "-", "0"
        p50, p99 = percentile(nanoseconds, 0.5) / 1e6, percentile(nanoseconds, 0.99) / 1e6
        return f"{p50:.2f} ms", f"{p99:.2f} ms", str(len(nanoseconds))

    def outcomes(self, accepted, seconds):
        self.title(
            f"{len(accepted)} jobs accepted, their children killed, stopped and hung meanwhile ({seconds:.1f} s)"
        )
        counts = Counter(name_of(job.outcome) for job in accepted if job.outcomes)
        rows = [(name, str(counts[name])) for name in OUTCOMES if counts[name]]
        rows.append(("without an outcome", str(sum(not job.outcomes for job in accepted))))
        rows.append(("with more than one", str(sum(len(job.outcomes) > 1 for job in accepted))))
        self.table(rows, right=(1,))

    def faults(self, faults, jobs):
        self.title("What happened to children, and what became of their jobs")
        hits = {id(fault.hit) for fault in faults}
        rows = [(fault.what, fault.child, fault.hit) for fault in faults]
        for job in jobs:
            if job.outcome is not None and job.outcome.outcome != 1 and id(job) not in hits:
                rows.append((f"job that {job.what}" if job.what else "by itself", job.outcome.child, job))
        self.table([(what, *self._end(child, job)) for what, child, job in rows])
        self.title("What a death says of itself, one of each kind")
        kinds = {what: job for what, _, job in reversed(rows) if job is not None}
        for what, job in sorted(kinds.items()):
            self.paragraph(f"{what}: {job.outcome.error.strip()}")

    def _end(self, child, job):
        if job is None:
            return "-", f"no job had begun in {child}: none is lost"
        return name_of(job.outcome), job.outcome.error.split("\n")[0]

    def slots(self, status):
        self.title("Slots at the end")
        rows = [("", *SLOTS, "of")]
        for pool in status["pools"]:
            rows.append((pool["name"], *(str(pool["slots"][name]) for name in SLOTS), str(pool["max_children"])))
        self.table(rows, right=range(1, len(SLOTS) + 2))

    def verdict(self, problems, log_path):
        if not problems:
            self.line("\n" + self.colour("32;1", "Every job has exactly one outcome, and no slot is lost."))
            return
        self.line("\n" + self.colour("31;1", "This must not be:"))
        for problem in problems[:20]:
            self.line(f"  {problem}")
        self.line("The end of the worker's log:")
        with open(log_path, errors="replace") as log:
            for line in log.readlines()[-20:]:
                self.line("  " + line.rstrip())
