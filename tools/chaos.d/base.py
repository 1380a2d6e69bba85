"""What a worker at rest uses, and whether it comes back to that."""

import time
from dataclasses import dataclass

import checks
import outside

BACK_WITHIN = 15.0
SAME_LOOKS = 5
LOOK_SECONDS = 0.1


@dataclass
class Use:
    """Of a worker at rest, from outside."""

    descriptors: int
    threads: int
    cgroups: int
    resident: int

    @staticmethod
    def of(rig):
        pid = rig.process.pid
        cgroups = sum(outside.cgroups_of(rig.name).values())
        return Use(outside.descriptors_of(pid), outside.threads_of(pid), cgroups, outside.resident_bytes(pid))

    @staticmethod
    def settled(rig):
        """When it has stayed the same for a while: the last client to ask may not be gone yet."""
        end = time.monotonic() + BACK_WITHIN
        uses = []
        while time.monotonic() < end:
            uses = [*uses, Use.of(rig)][-SAME_LOOKS:]
            if len(uses) == SAME_LOOKS and len({(use.descriptors, use.threads, use.cgroups) for use in uses}) == 1:
                break
            time.sleep(LOOK_SECONDS)
        return uses[-1]


def back_to(base, rig, memory_bound):
    """Checks of descriptors, threads, cgroups, zombies and memory against the base. Waits a little for it."""
    end = time.monotonic() + BACK_WITHIN
    while True:
        use, zombies = Use.of(rig), outside.zombies_of(rig.process.pid)
        kept_mib = round((use.resident - base.resident) / 2**20, 1)
        found = [
            checks.equal("descriptors", use.descriptors, base.descriptors),
            checks.equal("threads", use.threads, base.threads),
            checks.equal("cgroup directories of children", use.cgroups, base.cgroups),
            checks.equal("zombies", len(zombies), 0),
            checks.at_most("MiB resident beyond the base", kept_mib, memory_bound),
        ]
        if all(check.holds for check in found) or time.monotonic() > end:
            return found
        time.sleep(0.1)


def after_stop(rig):
    """Ends the worker in order: nothing may be left."""
    code = rig.stop()
    end = time.monotonic() + BACK_WITHIN
    while outside.marked(rig.mark) and time.monotonic() < end:
        time.sleep(0.02)
    return [
        checks.equal("exit code of a stop in order", code, 0),
        checks.equal("processes left by it", len(outside.marked(rig.mark)), 0),
        checks.equal("cgroup directories left by it", len(outside.cgroups_of(rig.name)), 0),
    ]
