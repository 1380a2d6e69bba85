"""What must hold afterwards: each check with what was measured and what is allowed."""

from dataclasses import dataclass

OUTCOMES = "succeeded failed cancelled timed_out queue_timeout".split()
OUTCOMES += "child_crashed oom_killed killed_shutdown lost_before_start".split()
MOVING = "starting busy stopping dying".split()


@dataclass
class Check:
    what: str
    measured: object
    allowed: str
    holds: bool


def equal(what, measured, wanted):
    return Check(what, measured, f"= {wanted}", measured == wanted)


def at_most(what, measured, limit):
    return Check(what, measured, f"<= {limit}", measured <= limit)


def at_least(what, measured, limit):
    return Check(what, measured, f">= {limit}", measured >= limit)


def at_rest(status):
    """Every pool has its warm children and nothing else: nothing runs, waits, starts or ends."""
    return all(
        pool["slots"]["idle"] == pool["warm"]
        and pool["slots"]["vacant"] == pool["max_children"] - pool["warm"]
        and pool["queued"] == pool["running"] == pool["reserved"] == 0
        for pool in status["pools"]
    )


def total(status, *path):
    """The sum over the pools of one number of each."""
    result = 0
    for pool in status["pools"]:
        value = pool
        for key in path:
            value = value[key]
        result += value
    return result


def of_slots(status):
    pools = status["pools"]
    lost = sum(pool["max_children"] - sum(pool["slots"].values()) for pool in pools)
    away = [pool["name"] for pool in pools if not at_rest({"pools": [pool]})]
    return [
        equal("slots in no state", lost, 0),
        equal("pools not at rest (idle = warm, no job waits or runs)", ", ".join(away) or 0, 0),
        equal("children in quarantine", total(status, "quarantined"), 0),
        equal("impossible states contained", total(status, "contained"), 0),
    ]


def of_children(status, alive):
    """`alive`: the processes of children, from /proc."""
    listed = {child["pid"] for pool in status["pools"] for child in pool["children"]}
    spawned, exited = total(status, "spawned"), total(status, "exited")
    return [
        equal("spawned - exited, against children listed", spawned - exited, len(listed)),
        equal("processes with the worker's mark that it doesn't list", len(set(alive) - listed), 0),
        equal("children listed that are no process", len(listed - set(alive)), 0),
    ]


def of_jobs(status, ledger):
    """The worker's counters against what its only client has heard."""
    wrong = []
    for pool in status["pools"]:
        heard = ledger.heard(pool["name"])
        wrong += [
            f"{pool['name']}.{key}: {pool['jobs'][key]}, heard {heard[key]}"
            for key in ["accepted", "refused", *OUTCOMES]
            if pool["jobs"][key] != heard[key]
        ]
    ends = sum(total(status, "jobs", key) for key in OUTCOMES)
    return [
        equal("accepted, against the sum of outcomes", total(status, "jobs", "accepted"), ends),
        equal("counters that differ from what the client heard", "; ".join(wrong) or 0, 0),
        equal("jobs without an outcome", ledger.unended, 0),
        equal("jobs with more than one outcome, or one without a job", ledger.surplus, 0),
        equal("results that belong to another job", ledger.foreign, 0),
    ]
