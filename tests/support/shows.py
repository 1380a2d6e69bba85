"""Which rows of docs/faults.md a test shows, said by the test itself.

    class Inherited(WithWorker):
        @shows("C9")
        def test_an_ignored_sigchld(self):

When the test has passed, this is written into the directory ANDIRON_SHOWN_DIR (without it, nowhere): one file for each
test, so that programs that run at the same time don't meet. What an earlier run has written is removed first: a test
that fails leaves no record. Rows are literals, because tests/faults reads them in the source too.
"""

import functools
import os
import re
import unittest


def _path(name):
    directory = os.environ.get("ANDIRON_SHOWN_DIR")
    return directory and os.path.join(directory, re.sub(r"[^A-Za-z0-9.-]", "_", name))


def _write(name, lines):
    """Appears as a whole or not at all."""
    path = _path(name)
    if path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        unfinished = f"{path}.{os.getpid()}~"
        with open(unfinished, "w", encoding="utf-8") as stream:
            stream.writelines("\t".join(line) + "\n" for line in lines)
        os.rename(unfinished, path)


def _remove(name):
    path = _path(name)
    if path and os.path.exists(path):
        os.remove(path)


def shows(*rows):
    def decorate(test):
        module = os.path.splitext(os.path.basename(test.__code__.co_filename))[0]
        name = f"{module}.{test.__qualname__}"

        @functools.wraps(test)
        def run(self):
            _remove(name)
            try:
                test(self)
            except unittest.SkipTest as skipped:
                _write(name, [("skipped", row, name, str(skipped).split("\n", maxsplit=1)[0]) for row in rows])
                raise
            # A subtest that has failed raises nothing here.
            if self._outcome.success:
                _write(name, [("passed", row, name) for row in rows])

        return run

    return decorate
