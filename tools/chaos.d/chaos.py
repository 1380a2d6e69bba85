#!/usr/bin/env python3
"""Real kills, and whether all comes back to where it was. See tools/chaos, which builds what this needs."""

import argparse
import os
import random
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/python"))

import control  # noqa: E402: what several tools share is found by the line above
import escapees  # noqa: E402
import figures  # noqa: E402
import kills  # noqa: E402
import page  # noqa: E402
import pools  # noqa: E402
import rig  # noqa: E402
import soak  # noqa: E402
import worker_kills  # noqa: E402

LOG_LINES = 20


def add_mode(modes, name, run, about):
    mode = modes.add_parser(
        name, help=about, description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    mode.add_argument("--seed", type=int, help="of all choices; without it, one is made up and printed")
    mode.set_defaults(run=run)
    return mode


def arguments():
    parser = argparse.ArgumentParser(prog="tools/chaos", description="Real kills, and whether all comes back.")
    parser.add_argument("binaries", help=argparse.SUPPRESS)
    modes = parser.add_subparsers(dest="mode", required=True, metavar="MODE")
    mode = add_mode(modes, "children", kills.run, "children killed at random moments while jobs run")
    mode.add_argument("--kills", type=int, default=2000, help="how many")
    mode.add_argument("--gap-ms", type=float, default=4, help="average time between two strikes")
    mode.add_argument("--memory-bound", type=float, default=16, help="MiB that the worker may keep")
    mode = add_mode(modes, "worker", worker_kills.run, "the worker killed at random moments")
    mode.add_argument("--kills", type=int, default=50, help="how many")
    mode = add_mode(modes, "escapees", escapees.run, "children that leave processes behind")
    mode.add_argument("--children", type=int, default=1000, help="how many")
    mode = add_mode(modes, "soak", soak.run, "a fault a second while jobs run")
    mode.add_argument("--seconds", type=int, default=300, help="how long")
    mode.set_defaults(kills=0, memory_bound=16)
    mode = add_mode(modes, "figures", figures.run, "all of it, and exact times, as Markdown")
    mode.add_argument("--parts", nargs="+", choices=figures.PARTS, default=figures.PARTS, help="which")
    mode.add_argument("--seconds", type=int, default=300, help="of the soak")
    mode.add_argument("--child-kills", type=int, default=20000, help="of children")
    mode.add_argument("--worker-kills", type=int, default=500, help="of workers")
    mode.add_argument("--children", type=int, default=1000, help="that leave processes behind")
    mode.set_defaults(gap_ms=4, memory_bound=16, root=ROOT, stdout=sys.stdout)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(4), "little")
    options.random = random.Random(options.seed)
    return options


def print_checks(out, found):
    failed = [check for check in found if not check.holds]
    if not found:
        return failed
    out.title("Checks")
    rows = [("", "measured", "allowed", "")]
    rows += [(check.what, str(check.measured), check.allowed, "" if check.holds else "FAILED") for check in found]
    out.table(rows)
    return failed


def print_log(out, folder):
    path = os.path.join(folder, "worker.log")
    if not os.path.exists(path):
        return
    out.line(f"The last lines of the worker's log, all of which is in {path}:")
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log.readlines()[-LOG_LINES:]:
            out.line("  " + line.rstrip()[:400])


def main():
    options = arguments()
    out = page.Page(sys.stdout)
    folder = tempfile.mkdtemp(prefix="andiron-chaos-")
    messages = control.load_messages(ROOT, folder)
    again = f"tools/chaos {options.mode} --seed {options.seed}"
    if options.mode != "figures":
        out.line(again)
    try:
        failed = print_checks(out, options.run(options, out, pools.Programs(options.binaries), messages, folder))
    except (rig.Failed, control.WorkerGone) as error:
        failed = [error]
        out.line(f"\n{out.colour('31;1', 'FAILED')}: {error}")
    if failed:
        print_log(out, folder)
        out.line(out.colour("31;1", f"{len(failed)} failed. Again: {again}"))
        return 1
    shutil.rmtree(folder)
    if options.mode != "figures":
        out.line("\n" + out.colour("32;1", "All of it came back to where it was."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
