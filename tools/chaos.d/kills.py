"""`children`: kills at random moments of children's lives while jobs run and other children misbehave."""

import json
import subprocess
import time
from collections import Counter

import base
import checks
import pools as pool_settings
import rig as rigs
from page import percentile
from stream import Stream

STATES = ["fork to exec", "initializing", "idle", "running", "stopping"]
PHRASES = {
    "while it was initializing": "initializing",
    "while it was idle": "idle",
    "while it ran": "running",
    "while it was stopping": "stopping",
    "when it was asked to stop": "stopping",
    "while it was dying": "already killed by the worker",
}


class Killer:
    """The process that kills, and what it says it did."""

    def __init__(self, rig, kills, gap_ms, seed, early_share=0.5):
        command = [rig.programs.killer, "--worker", str(rig.process.pid), "--kills", str(kills), "--seed", str(seed)]
        command += ["--gap-ms", str(gap_ms), "--stop-share", "0.05", "--early-share", str(early_share)]
        # To a file: a pipe that nobody reads meanwhile would hold it up.
        self._strikes = rig.log_path + ".strikes"
        with open(self._strikes, "wb") as strikes:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=strikes)

    def running(self):
        return self._process.poll() is None

    def end(self):
        """Its strikes, in order."""
        if self.running():
            self._process.kill()
        self._process.wait()
        with open(self._strikes, encoding="utf-8") as strikes:
            lines = strikes.read().split("\n")[:-1]  # what follows the last line break was cut
        return [json.loads(line) for line in lines]


def state_by_child(log):
    """Child -> the state in which its end began, and how many ends the log tells."""
    states, ends = {}, 0
    for line in log:
        if line["event"] not in ("child_died", "child_ended") or "could not be started" in line["message"]:
            continue
        ends += 1
        phrase = next((text for text in PHRASES if text in line["message"]), None)
        states[line["child"]] = PHRASES.get(phrase, "killed by the worker first")
    return states, ends


def by_state(strikes, states):
    """How many kills met a child in which state."""
    counts = Counter()
    for strike in strikes:
        if strike["signal"] == "SIGKILL":
            known = states.get(strike["child"], "no end in the log")
            counts[known if strike["executed"] else "fork to exec"] += 1
    return counts


def run(options, out, programs, messages, folder):
    pools = {**pool_settings.good(programs), **pool_settings.hostile(programs)}
    rig = rigs.Rig(programs, messages, folder, pools)
    try:
        rig.start()
        return Run(options, out, rig, pools).checks()
    finally:
        rig.end()


class Run:
    def __init__(self, options, out, rig, pools):
        self._options = options
        self._out = out
        self._rig = rig
        self._stream = Stream(rig.connect(), pool_settings.plan_for(pools), options.random)
        self._pools = pools

    def checks(self):
        first = self._base()
        begin = time.monotonic()
        strikes = self._strike()
        seconds = time.monotonic() - begin
        self._stream.ebb()
        self._stream.run_dry(rigs.DEADLINE)
        status = self._rig.rest()
        found = base.back_to(first, self._rig, self._options.memory_bound)
        status = self._rig.rest()
        found += checks.of_slots(status)
        found += checks.of_children(status, self._rig.children())
        found += checks.of_jobs(status, self._stream.ledger)
        states, ends = state_by_child(self._rig.log())
        found.append(checks.equal("ends of children in the log", ends, checks.total(status, "exited")))
        found += base.after_stop(self._rig)
        counts = by_state(strikes, states)
        self._tell(strikes, counts, status, seconds)
        kills = sum(counts.values())
        found.append(checks.at_least("kills", kills, self._options.kills))
        found.append(checks.equal("killed children whose end the log doesn't tell", counts["no end in the log"], 0))
        if self._options.kills >= 500:
            found += [checks.at_least(f"kills, {state}", counts[state], 1) for state in STATES]
        return found

    def _base(self):
        """Each pool has been used once before it is measured: what is made at the first use is there."""
        for pool in self._pools:
            self._stream.submit(pool)
        self._stream.run_dry(rigs.DEADLINE)
        self._rig.rest()
        return base.Use.settled(self._rig)

    def _strike(self):
        killer = Killer(self._rig, self._options.kills, self._options.gap_ms, self._options.seed)
        try:
            self._stream.flow()
            while killer.running():
                self._stream.pump(0.1)
                self._out.progress(f"{self._stream.ledger.outcomes().total()} jobs")
        finally:
            strikes = killer.end()
        return strikes

    def _tell(self, strikes, counts, status, seconds):
        self._out.title(f"Children killed from outside, by what they were doing ({seconds:.0f} s)")
        rows = [(state, str(counts[state])) for state in [*STATES, *sorted(set(counts) - set(STATES))]]
        rows.append(("stopped with SIGSTOP instead", str(sum(s["signal"] == "SIGSTOP" for s in strikes))))
        self._out.table(rows, right=(1,))
        ages = [strike["age_us"] / 1000 for strike in strikes]
        if ages:
            shares = (0.1, 0.5, 0.9, 1.0)
            texts = [f"p{share * 100:g} {percentile(ages, share):.2f}" for share in shares]
            self._out.line("  age at the kill in ms: " + ", ".join(texts))
        self._out.title("Jobs and children")
        rows = [("pool", "spawned", "accepted", "succeeded", "other outcomes", "refused")]
        for pool in status["pools"]:
            heard = self._stream.ledger.heard(pool["name"])
            others = Counter({key: heard[key] for key in checks.OUTCOMES[1:] if heard[key]})
            other = ", ".join(f"{key} {count}" for key, count in others.most_common()) or "-"
            numbers = pool["spawned"], heard["accepted"], heard["succeeded"]
            rows.append((pool["name"], *map(str, numbers), other, str(heard["refused"])))
        self._out.table(rows, right=(1, 2, 3, 5))
