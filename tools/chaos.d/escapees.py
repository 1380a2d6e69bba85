"""`escapees`: children that leave processes behind in every way, until so many have lived. None may survive."""

import base
import checks
import outside
import pools as pool_settings
import rig as rigs
from stream import Stream

CHILDREN_PER_POOL = 2
SURVIVORS_GONE_WITHIN = 15.0


def run(options, out, programs, messages, folder):
    pools = pool_settings.escaping(programs, CHILDREN_PER_POOL)
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
        self._stream = Stream(rig.connect(), {name: CHILDREN_PER_POOL for name in pools}, options.random)

    def checks(self):
        self._stream.flow()
        while checks.total(self._rig.status(), "spawned") < self._options.children:
            self._stream.pump(0.5)
            self._out.progress(f"{self._stream.ledger.outcomes().total()} jobs")
        self._stream.ebb()
        self._stream.run_dry(rigs.DEADLINE)
        status = self._rig.rest()
        survivors = self._survivors()
        found = [
            checks.at_least("children", checks.total(status, "spawned"), self._options.children),
            checks.at_least("processes that left their child's session", len(self._seen()), self._options.children),
            checks.equal("of them alive after their child, with the worker running", len(survivors), 0),
            checks.equal("zombies", len(outside.zombies_of(self._rig.process.pid)), 0),
            *checks.of_slots(status),
            *checks.of_children(status, self._rig.children()),
            *checks.of_jobs(status, self._stream.ledger),
            *base.after_stop(self._rig),
        ]
        self._tell(status)
        return found

    def _survivors(self):
        """No child lives any more, so nothing may: the worker has a moment to find the last ones."""
        try:
            rigs.wait_until(lambda: not self._rig.children(), "the last is gone", SURVIVORS_GONE_WITHIN)
        except rigs.Failed:
            pass
        return self._rig.children()

    def _seen(self):
        """Those that said who they are: "escapee PID" in their child's output. The rate of a log is bounded."""
        prefix = "escapee "
        return [line["message"] for line in self._rig.log() if line["message"].startswith(prefix)]

    def _tell(self, status):
        self._out.title(f"Children that leave processes behind (containment: {status['worker']['containment']})")
        rows = [("kind", "children", "initialized")]
        rows += [(pool["name"], str(pool["spawned"]), str(pool["initialize"]["ready"])) for pool in status["pools"]]
        self._out.table(rows, right=(1, 2))
        self._out.line(f"  processes of other sessions that they named: {len(self._seen())}")
