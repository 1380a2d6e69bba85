"""The child under test. Its first argument chooses the handler; a job's payload says what to do."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
import time

import andiron

together = threading.Barrier(2)


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def echo(job):
    return job.payload


def describe(job):
    return f"{job.id} {job.run_for} {job.cancelled} {job!r}"


def sleep(_job):
    time.sleep(60)


def native(_job):
    print("begun")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)  # one call of C, for many minutes


def text(_job):
    return "grüße"


def nothing(_job):
    return None


def number(_job):
    return 42


def fail(job):
    print("about to fail")
    raise ValueError("no such thing as " + job.id)


def fail_long(job):
    size = int(job.payload.split()[1])
    raise ValueError("x" * size)


def surrogate(_job):
    raise ValueError("\udc80")


def leave(_job):
    sys.exit(3)


def briefly(job):
    spin(float(job.payload.split()[1]))
    return b"done"


def wait(job):
    return str(job.wait_cancelled(float(job.payload.split()[1])))


def wait_announced(job):
    print("waiting")
    return wait(job)


def swallow(_job):
    try:
        print("begun")
        time.sleep(60)
    except andiron.Cancelled:
        return b"swallowed"


def until_file(job):
    path = job.payload.split()[1].decode()
    while not os.path.exists(path):
        spin(0.001)
    return b"file seen"


def slow_clean_up(job):
    try:
        print("begun")
        time.sleep(60)
    finally:
        print("cleaning up")
        until_file(job)
        print("cleaned up")


def give_up(_job):
    raise andiron.Cancelled


def meet(_job):
    together.wait(60)
    return threading.current_thread().name


def poll(job):
    while not job.cancelled:
        job.wait_cancelled(0.01)
    raise andiron.Cancelled


def say(job):
    print("a line\nhalf", end="")
    job.wait_cancelled(60)


def grandchild(_job):
    script = "echo ${ANDIRON_CHANNEL_FD-unset}; ls -l /proc/self/fd"
    return subprocess.run(["sh", "-c", script], close_fds=False, stdout=subprocess.PIPE, check=True).stdout


def fork(_job):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    return str(pid)


def plain(job):
    return globals()[job.payload.split()[0].decode()](job)


async def async_sleep(_job):
    await asyncio.sleep(60)


async def async_block(_job):
    time.sleep(60)


async def async_echo(job):
    await asyncio.sleep(0)
    return job.payload


async def async_cancelled_by_itself(_job):
    raise asyncio.CancelledError


async def async_wait(job):
    job.wait_cancelled(1)


async def async_fail(_job):
    raise ValueError("async failure")


async def async_leave(_job):
    sys.exit(3)


async def asynchronous(job):
    return await globals()["async_" + job.payload.split()[0].decode()](job)


class AsyncObject:
    async def __call__(self, job):
        return await asynchronous(job)


def prewarm(warm_up):
    warm_up.progress(10, "ten")
    warm_up.progress(1000, "ü" * 5000)
    warm_up.progress(text="unknown")
    global kept
    kept = warm_up


async def prewarm_async(warm_up):
    await asyncio.sleep(0)
    warm_up.progress(50, "half")


def prewarm_alone(_warm_up):
    # What it starts itself, or forks, must not meet a thread of ours.
    global threads_in_prewarm
    threads_in_prewarm = threading.active_count()


def threads_then_and_now(_job):
    return f"{threads_in_prewarm} {threading.active_count()}"


def prewarm_fails(_warm_up):
    raise RuntimeError("the model is missing")


def prewarm_without_threads(_warm_up):
    # The system's refusal, as in a cgroup whose pids.max is reached.
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refuse


def late_progress(_job):
    kept.progress(100, "too late")
    return b"quiet"


MODES = {
    "plain": dict(run=plain),
    "threads": dict(run=plain, concurrency=2),
    "async": dict(run=asynchronous),
    "async-object": dict(run=AsyncObject()),
    "prewarm": dict(run=plain, prewarm=prewarm),
    "prewarm-async": dict(run=plain, prewarm=prewarm_async),
    "prewarm-async-run-async": dict(run=asynchronous, prewarm=prewarm_async),
    "prewarm-run-async": dict(run=asynchronous, prewarm=prewarm),
    "prewarm-alone": dict(run=plain, prewarm=prewarm_alone),
    "prewarm-fails": dict(run=plain, prewarm=prewarm_fails),
    "no-threads": dict(run=plain, prewarm=prewarm_without_threads),
    "no-threads-async": dict(run=asynchronous, prewarm=prewarm_without_threads),
}

andiron.serve(**MODES[sys.argv[1]])
print("served")
