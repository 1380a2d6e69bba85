"""What a test leaves that says which rows it shows: a record when it has passed or was skipped, none when not."""

import os
import subprocess
import sys
import tempfile
import unittest

import matrix

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(os.environ["ANDIRON_BIN_DIR"], "shows-sample")


class Records(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_sample(self, *command):
        environment = dict(os.environ, ANDIRON_SHOWN_DIR=self.folder)
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return matrix.records_of(self.folder)

    def test_of_a_program(self):
        records = self.run_sample(SAMPLE)
        self.assertEqual(records, {
            ("A1", "Sample.Passes"): "", ("R02", "Sample.Passes"): "", ("B3", "Sample.Passes"): "",
            ("A3", "Sample.IsSkipped"): "no moon", ("A4", "Each.PassesOrFails"): "",
            ("A5", "scenarios/good"): "", ("R06", "scenarios/good"): "",
            (matrix.UNSAID, "Fixture.SkipsTooSoon"): "no sun"})

    def test_of_a_module(self):
        records = self.run_sample(sys.executable, "-B", "-m", "unittest", "-q", "shows_sample")
        self.assertEqual(records, {
            ("A1", "shows_sample.Sample.test_passes"): "", ("R02", "shows_sample.Sample.test_passes"): "",
            ("A3", "shows_sample.Sample.test_is_skipped"): "no moon"})

    def test_what_an_earlier_run_left_goes_when_a_test_fails(self):
        for name in ("Sample.Fails", "scenarios_bad", "shows_sample.Sample.test_fails",
                     "shows_sample.Sample.test_has_a_part_that_fails"):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as stream:
                stream.write("passed\tA9\tstale\n")
        self.run_sample(SAMPLE)
        records = self.run_sample(sys.executable, "-B", "-m", "unittest", "-q", "shows_sample")
        self.assertNotIn(("A9", "stale"), records)
        self.assertFalse([name for name in os.listdir(self.folder) if name.endswith("~")])

    def test_nothing_is_written_where_nobody_asks(self):
        environment = {name: value for name, value in os.environ.items() if name != "ANDIRON_SHOWN_DIR"}
        done = subprocess.run([SAMPLE], cwd=self.folder, env=environment, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
