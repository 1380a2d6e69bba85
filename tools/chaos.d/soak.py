"""`soak`: minutes of work with a fault a second; what the worker uses must stay flat."""

import time

import checks
import kills
import outside
import pools as pool_settings
import rig as rigs

SAMPLES = 20
# Of what it uses while it works, the last quarter against the first after the start: allocators settle slowly.
GROWTH_MIB = 4


def run(options, out, programs, messages, folder):
    pools = {**pool_settings.good(programs), **pool_settings.hostile(programs)}
    rig = rigs.Rig(programs, messages, folder, pools)
    try:
        rig.start()
        return Soak(options, out, rig, pools).checks()
    finally:
        rig.end()


class Soak(kills.Run):
    def _strike(self):
        """One strike a second, on the average, for so many seconds; looks at the worker meanwhile."""
        options = self._options
        killer = kills.Killer(self._rig, 10**9, 1000, options.seed)
        self._samples = []
        begin = time.monotonic()
        try:
            self._stream.flow()
            for sample in range(SAMPLES):
                while time.monotonic() < begin + options.seconds * (sample + 1) / SAMPLES:
                    self._stream.pump(0.1)
                pid = self._rig.process.pid
                self._samples.append((outside.descriptors_of(pid), outside.resident_bytes(pid) / 2**20))
                self._out.progress(f"{time.monotonic() - begin:.0f} s of {options.seconds} s")
            if not killer.running():
                raise rigs.Failed("the killer ended before its time")
        finally:
            strikes = killer.end()
        self._count = len(strikes)
        return strikes

    def checks(self):
        found = super().checks()
        quarter = SAMPLES // 4
        early, late = self._samples[quarter : 2 * quarter], self._samples[-quarter:]
        # At work children come and go, and descriptors with them: what grows, grows in the least of the samples.
        descriptors = min(sample[0] for sample in late) - min(sample[0] for sample in early)
        resident = min(sample[1] for sample in late) - min(sample[1] for sample in early)
        limit = 5 * sum(pool["max_children"] for pool in self._pools.values())
        found.append(checks.at_most("descriptors grown at work, second quarter to last", descriptors, limit))
        found.append(checks.at_most("MiB grown at work, second quarter to last", round(resident, 1), GROWTH_MIB))
        self._out.title("At work")
        rows = [("after", "descriptors", "MiB resident")]
        for index, (count, mib) in enumerate(self._samples):
            if index % quarter == quarter - 1:
                rows.append((f"{self._options.seconds * (index + 1) / SAMPLES:.0f} s", str(count), f"{mib:.1f}"))
        self._out.table(rows, right=(0, 1, 2))
        found.append(checks.at_least("strikes", self._count, self._options.seconds // 2))
        return found
