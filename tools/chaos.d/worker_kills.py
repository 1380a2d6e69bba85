"""`worker`: the worker itself is killed at random moments of its life, again and again."""

import itertools
import os
import time
from collections import Counter

import checks
import outside
import pools as pool_settings
import rig as rigs
from control import WorkerGone
from stream import Stream

PHASES = ["starting", "warming", "busy", "draining"]
GONE_WITHIN = 2.0


def run(options, out, programs, messages, folder):
    pools = {**pool_settings.good(programs), **pool_settings.hostile(programs)}
    rig = rigs.Rig(programs, messages, folder, pools)
    try:
        return Run(options, out, rig, pools).checks()
    finally:
        rig.end()


class Run:
    def __init__(self, options, out, rig, pools):
        self._options = options
        self._out = out
        self._rig = rig
        self._pools = pools
        self._gone_after = []  # seconds, of each kill
        self._phases = Counter()
        self._problems = Counter()
        self._escaped = 0
        self._surplus = 0
        self._outcomes = Counter()
        self._containment = ""

    def checks(self):
        self._containment = self._level()
        for number in range(self._options.kills):
            phase = PHASES[number % len(PHASES)]
            self._out.progress(f"{number} of {self._options.kills} workers killed")
            self._rig.start()
            self._live_until_its_end(phase)
            self._phases[phase] += 1
            self._look_at_what_is_left()
            self._start_again()
        self._tell()
        found = [
            checks.equal(f"kills with a child alive {GONE_WITHIN:g} s later", self._problems["child alive"], 0),
            checks.equal(f"kills with a keeper alive {GONE_WITHIN:g} s later", self._problems["keeper"], 0),
            checks.equal("next starts that didn't answer a job", self._problems["no answer"], 0),
            checks.equal("next starts that didn't end in order", self._problems["no end in order"], 0),
            checks.equal("processes that the next life left at its end", self._problems["left"], 0),
            checks.equal("cgroup directories of dead workers after the next start", self._problems["directories"], 0),
            checks.equal("cgroup directories after its end", self._problems["directories at the end"], 0),
            checks.equal("connections that outlived their worker", self._problems["connection"], 0),
            checks.equal("sockets left by a stop in order", self._problems["socket"], 0),
            checks.equal("outcomes heard twice, or of no job", self._surplus, 0),
        ]
        if self._containment == "cgroup":
            what = f"kills with an escaped process alive {GONE_WITHIN:g} s later"
            found.append(checks.equal(what, self._problems["escaped"], 0))
        return found

    def _level(self):
        """What the worker says of its containment, by a life of its own that isn't counted."""
        self._rig.start()
        self._rig.connect()
        level = self._rig.status()["worker"]["containment"]
        self._rig.stop()
        return level

    # ---- one life ----

    def _live_until_its_end(self, phase):
        random = self._options.random
        stream = None
        if phase == "starting":
            time.sleep(random.uniform(0, 0.05))
        elif phase == "warming":
            rigs.wait_until(self._has_children, "the first child")
            time.sleep(random.uniform(0, 0.15))
        else:
            stream = Stream(self._rig.connect(), pool_settings.plan_for(self._pools), random)
            stream.flow()
            if self._live_on(stream, 0.2 + random.uniform(0, 0.6)) and phase == "draining":
                self._rig.process.terminate()
                stream.ebb()
                self._live_on(stream, random.uniform(0, 0.3))
        self._rig.process.kill()
        self._rig.process.wait()
        if stream is not None:
            self._hear_the_end(stream)

    def _has_children(self):
        return self._rig.children() or self._rig.process.poll() is not None

    def _live_on(self, stream, seconds):
        """False: the worker has ended, as a drain may."""
        try:
            stream.pump(seconds)
            return True
        except WorkerGone:
            return False

    def _hear_the_end(self, stream):
        """The connection ends with the worker: no client waits for ever."""
        stream.ebb()
        if self._live_on(stream, rigs.DEADLINE):
            self._problems["connection"] += 1
        self._surplus += stream.ledger.surplus + stream.ledger.foreign
        self._outcomes += stream.ledger.outcomes()

    # ---- after it ----

    def _look_at_what_is_left(self):
        begin = time.monotonic()
        self._escaped += sum(map(outside.is_descendant, outside.marked(self._rig.mark)))
        for looks in itertools.count():
            seconds = time.monotonic() - begin
            left = outside.marked(self._rig.mark)
            escaped = sum(map(outside.is_descendant, left))
            keeper = outside.has_keeper(self._rig.process.pid)
            # Without a cgroup nobody can find those that have escaped.
            bearable = 0 if self._containment == "cgroup" else escaped
            if (len(left) == bearable and not keeper) or (seconds > GONE_WITHIN and looks > rigs.LOOKS):
                break
            time.sleep(0.005)
        self._gone_after.append(seconds)
        self._problems["child alive"] += len(left) > escaped
        self._problems["escaped"] += escaped > 0
        self._problems["keeper"] += keeper

    def _start_again(self):
        """The same name, the same socket: jobs run, and the end is in order."""
        before = outside.marked(self._rig.mark)
        self._rig.start()
        stream = Stream(self._rig.connect(), {}, self._options.random)
        stream.submit("single")
        stream.run_dry(rigs.DEADLINE)
        self._problems["no answer"] += stream.ledger.heard("single")["succeeded"] != 1
        self._problems["directories"] += max(len(outside.cgroups_of(self._rig.name)) - 1, 0)
        self._problems["no end in order"] += self._rig.stop() != 0
        self._problems["socket"] += os.path.exists(self._rig.socket)
        self._problems["directories at the end"] += len(outside.cgroups_of(self._rig.name))
        left = outside.marked(self._rig.mark)
        self._problems["left"] += sum(pid not in before for pid in left)
        for pid in left:
            outside.kill_marked(pid, self._rig.mark)

    def _tell(self):
        self._out.title("Workers killed, by what they were doing")
        self._out.table([(phase, str(self._phases[phase])) for phase in PHASES], right=(1,))
        slowest = max(self._gone_after, default=0)
        self._out.line(f"  the last process was gone after {slowest * 1000:.0f} ms at most")
        self._out.line(f"  outcomes heard meanwhile: {self._outcomes.total()}")
        self._out.line(f"  containment: {self._containment}")
        what = "killed by its keeper" if self._containment == "cgroup" else "that nobody can find without a cgroup"
        self._out.line(f"  processes that children had left in other sessions, {what}: {self._escaped}")
