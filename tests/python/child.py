"""The child under test. Its first argument chooses the handler; a job's payload says what to do."""

import asyncio
import hashlib
import multiprocessing
import os
import signal
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


def sleep_through_first_interrupt(_job):
    # As where it comes between the interpreter's last look and the system call: it has come, and interrupts nothing.
    interrupt = andiron._modes.INTERRUPT
    theirs = signal.signal(interrupt, lambda _number, _frame: signal.signal(interrupt, theirs))
    print("begun")
    time.sleep(60)


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


def native_in_fork(begun):
    signal.alarm(20)  # should nobody end it
    begun.set()
    native(None)


def begin_fork():
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    forked = context.Process(target=native_in_fork, args=(begun,))
    forked.start()
    begun.wait()
    return forked


def terminate_fork(_job):
    forked = begin_fork()
    forked.terminate()
    forked.join()
    return str(forked.exitcode)


def take_sigterm(_job):
    # Not print(): a second signal may come while it is at it, and print() says no to that.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os.write(1, b"mine\n"))


async def with_a_handler_of_its_loop():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)


def own_loop(_job):
    asyncio.run(with_a_handler_of_its_loop())


def plain(job):
    return globals()[job.payload.split()[0].decode()](job)


async def async_sleep(_job):
    await asyncio.sleep(60)


async def async_block(_job):
    print("begun")
    time.sleep(60)


async def async_native(job):
    native(job)


async def async_terminate_fork(_job):
    forked = begin_fork()
    forked.terminate()
    while forked.is_alive():
        await asyncio.sleep(0.001)
    for _ in range(10):  # what the loop has heard until now, it does
        await asyncio.sleep(0)
    return str(forked.exitcode)


async def async_take_sigterm(job):
    take_sigterm(job)


async def async_own_handler_of_the_loop(_job):
    await with_a_handler_of_its_loop()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)


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


def prewarm_sigterm_elsewhere(_warm_up):
    # Only this thread can take it: the others, also those to come, don't let it through.
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def late_progress(_job):
    kept.progress(100, "too late")
    return b"quiet"


def exits_at_sigterm(_warm_up):
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())


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
    "plain-elsewhere": dict(run=plain, prewarm=prewarm_sigterm_elsewhere),
    "threads-elsewhere": dict(run=plain, prewarm=prewarm_sigterm_elsewhere, concurrency=2),
    "async-elsewhere": dict(run=asynchronous, prewarm=prewarm_sigterm_elsewhere),
    "plain-exits": dict(run=plain, prewarm=exits_at_sigterm),
    "threads-exits": dict(run=plain, prewarm=exits_at_sigterm, concurrency=2),
    "async-exits": dict(run=asynchronous, prewarm=exits_at_sigterm),
    "no-threads": dict(run=plain, prewarm=prewarm_without_threads),
    "no-threads-async": dict(run=asynchronous, prewarm=prewarm_without_threads),
}


def descriptors():
    # The folder's own descriptor is among them: the lowest that is free, each time.
    return sorted(os.listdir("/proc/self/fd"))


def clean_up(flag, descriptors_before):
    """What a program may do after serve(), while its worker still talks to it."""
    print("descriptors are", "as before" if descriptors() == descriptors_before else "others")
    pipes = [os.pipe() for _ in range(4)]  # with the numbers that serve() has let go
    print("cleaning up")
    while not os.path.exists(flag):
        spin(0.001)
    for reader, _ in pipes:
        os.set_blocking(reader, False)
        try:
            print("foreign bytes:", os.read(reader, 100))
        except BlockingIOError:
            pass
    print("cleaned up")
    time.sleep(60)


def with_own_wakeup_descriptor(mode):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer)
    andiron.serve(**MODES[mode])
    print("served")
    print("it got", list(os.read(reader, 100)))
    print("wakeup descriptor is", "as before" if signal.set_wakeup_fd(-1) == writer else "another")


if sys.argv[2:] == ["own-wakeup"]:
    with_own_wakeup_descriptor(sys.argv[1])
    sys.exit()
descriptors_before = descriptors()
try:
    andiron.serve(**MODES[sys.argv[1]])
    print("served")
finally:
    if sys.argv[2:]:
        clean_up(sys.argv[2], descriptors_before)
