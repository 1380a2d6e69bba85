"""What /proc and the cgroup file system tell about a worker: it isn't asked, and can't make it look better."""

import os
import re
import signal

# Not ANDIRON_*: children must inherit it. Whatever carries it was started by the worker of this run.
MARK = "CHAOS_MARK"


def read(path):
    """The file's bytes; none if it, or its process, is gone."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_of(pid):
    """(state, parent) of a process; ("X", 0) if there is none."""
    words = read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    return (words[0].decode(), int(words[1])) if len(words) > 1 else ("X", 0)


def environment_of(pid):
    pairs = (entry.partition(b"=") for entry in read(f"/proc/{pid}/environ").split(b"\0"))
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs}


def marked(mark, without=()):
    """The processes alive that carry the mark: pid -> "pool/slot.generation", "" between fork and exec."""
    found = {}
    for pid in processes():
        if pid in without or f"{MARK}={mark}".encode() not in read(f"/proc/{pid}/environ"):
            continue
        if stat_of(pid)[0] not in "ZX":
            found[pid] = environment_of(pid).get("ANDIRON_CHILD", "")
    return found


def is_descendant(pid):
    """Not a child but what a child has left behind: fault-child names it so."""
    return read(f"/proc/{pid}/comm").strip() == b"left-behind"


def has_keeper(worker):
    """Whether the process lives that ends what this worker has left behind."""
    name = f"andiron-keeper of {worker}".encode()
    named = [pid for pid in processes() if read(f"/proc/{pid}/cmdline").rstrip(b"\0") == name]
    return any(stat_of(pid)[0] not in "ZX" for pid in named)


def zombies_of(parent):
    return [pid for pid in processes() if stat_of(pid) == ("Z", parent)]


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def waits_of(pid):
    """Its threads: name, state, and where in the kernel each waits."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        name, stat, place = (read(f"/proc/{pid}/task/{thread}/{what}").decode() for what in ("comm", "stat", "wchan"))
        yield name.strip(), stat.rpartition(") ")[2][:1], place


def resident_bytes(pid):
    found = re.search(rb"VmRSS:\s+(\d+)", read(f"/proc/{pid}/status"))
    return int(found.group(1)) * 1024 if found else 0


def own_cgroup():
    """The directory of our cgroup (version 2), in which a worker makes its own; "" = there is none."""
    mount = re.search(rb"^(?:\S+ ){4}(\S+) .* - cgroup2 ", read("/proc/self/mountinfo"), re.M)
    path = re.search(rb"^0::(.*)$", read("/proc/self/cgroup"), re.M)
    return mount.group(1).decode() + path.group(1).decode().rstrip("/") if mount and path else ""


def cgroups_of(name):
    """The directories that workers of this name have: path -> how many directories of children are in it."""
    parent = own_cgroup()
    if not parent:
        return {}
    workers = [os.path.join(parent, entry) for entry in os.listdir(parent) if entry.startswith(f"andiron-{name}-")]
    return {path: sum(entry.is_dir() for entry in os.scandir(path)) for path in workers if os.path.isdir(path)}


def kill_marked(pid, mark):
    """SIGKILL to a process of this run, not to whoever has its number now."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if f"{MARK}={mark}".encode() in read(f"/proc/{pid}/environ"):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        pass
    finally:
        os.close(descriptor)
