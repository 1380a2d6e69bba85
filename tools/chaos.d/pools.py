"""The pools of a chaos worker: good children of each way of use, and children that do what children must not do."""

import json
import os

# Short times, so that a minute holds thousands of lives.
COMMON = {
    "backoff_min": "5ms",
    "backoff_max": "100ms",
    "breaker_failures": 0,
    "init_timeout": "3s",
    "idle_timeout": "300ms",
    "ping_interval": "300ms",
    "ping_timeout": "2s",
    "cancel_grace": "50ms",
    "stop_grace": "200ms",
    "exit_drain": "100ms",
    "frame_timeout": "1s",
    "write_timeout": "1s",
    "run_for": "5s",
    "log_rate_limit": "16KiB/s",
}


class Programs:
    def __init__(self, binaries):
        self.andiron = os.path.join(binaries, "andiron")
        self.killer = os.path.join(binaries, "chaos-killer")
        self.reliability = os.path.join(binaries, "andiron-reliability")
        self._echo = os.path.join(binaries, "echo-child")
        self._fault = os.path.join(binaries, "fault-child")

    def echo(self, *flags):
        return [self._echo, *flags]

    def fault(self, *words):
        return [self._fault, *words]


def good(programs):
    """Pool -> settings. Between them: a child per job, reuse, several jobs at once, slow to start, slow to stop."""
    echo, fault = programs.echo, programs.fault
    return {
        "single": {"command": echo("--sleep-ms", "10"), "warm": 3, "max_children": 6},
        "reused": {"command": echo("--sleep-ms", "10"), "warm": 2, "max_children": 4, "max_jobs_per_child": 20},
        "shared": {
            "command": echo("--sleep-ms", "20", "--at-once", "4"),
            "warm": 1,
            "max_children": 2,
            "max_jobs_per_child": 40,
            "max_concurrent_jobs_per_child": 4,
        },
        "slow": {"command": echo("--prewarm-ms", "100", "--sleep-ms", "10"), "warm": 2, "max_children": 4},
        "stubborn": {"command": fault("ignore-term"), "warm": 1, "max_children": 3, "max_starting": 3},
    }


def hostile(programs):
    """Started on demand only, so that they rest when no job asks for them."""
    fault = programs.fault
    pools = {
        "hung": {"command": fault("never-ready"), "init_timeout": "100ms", "start_by": "500ms"},
        "garbage": {"command": fault("garbage"), "start_by": "200ms"},
        "half": {"command": fault("half-frame"), "init_timeout": "100ms", "start_by": "500ms"},
        "flooding": {"command": fault("flood")},
        "halted": {"command": fault("stop-self"), "start_by": "1s"},
        "silent": {"command": fault("no-ack"), "ack_timeout": "100ms"},
        "hanging": {"command": fault("hang-in-job"), "run_for": "50ms"},
        "crashing": {"command": fault("die-in-job")},
        **escaping(programs, 2),
    }
    return {name: {"warm": 0, "max_children": 2, **settings} for name, settings in pools.items()}


def escaping(programs, children):
    """What each leaves behind: processes of other sessions, orphans, deaf to SIGTERM, stopped, or ever more of them."""
    fault = programs.fault
    commands = {
        "setsid": fault("escapee"),
        "stopped": fault("stopped-escapee"),
        "holding": fault("hold-output"),
        "member": fault("group-member"),
        "deaf": fault("ignore-term"),
        "bomb": fault("fork-bomb", "16"),
    }
    return {
        name: {"command": command, "warm": 0, "max_children": children, "start_by": "2s"}
        for name, command in commands.items()
    }


def plan_for(pools):
    """How many jobs to keep open: enough that some always wait for a good child."""
    return {name: 2 * pool["max_children"] if pool["warm"] else 2 for name, pool in pools.items()}


def write_config(path, name, socket, pools):
    """JSON is YAML."""
    settings = {
        "name": name,
        "socket": socket,
        "log_level": "debug",
        "log_format": "json",
        "drain_timeout": "10s",
        "pools": {pool: {**COMMON, **own} for pool, own in pools.items()},
    }
    with open(path, "w", encoding="utf-8") as out:
        json.dump(settings, out)
