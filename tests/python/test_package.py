"""What is committed is what protoc makes, and the calls that can't work say so."""

import filecmp
import os
import subprocess
import tempfile
import threading
import unittest

import andiron

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Package(unittest.TestCase):
    def test_the_generated_code_is_that_of_the_contract(self):
        with tempfile.TemporaryDirectory() as work:
            subprocess.run([os.path.join(SOURCE, "sdk/python/regenerate"), work], check=True, timeout=60)
            for name in ("_child_pb2.py", "_child_pb2.pyi", "_agent_job_pb2.py", "_agent_job_pb2.pyi"):
                made = os.path.join(work, "andiron", name)
                committed = os.path.join(SOURCE, "sdk/python/andiron", name)
                self.assertTrue(filecmp.cmp(made, committed, shallow=False), "run sdk/python/regenerate")

    def test_outside_a_worker_is_child_is_false(self):
        self.assertFalse(andiron.is_child())

    def test_a_concurrency_below_1_is_refused(self):
        with self.assertRaisesRegex(ValueError, "at least 1"):
            andiron.serve(run=lambda job: None, concurrency=0)

    def test_serve_belongs_on_the_main_thread(self):
        errors = []

        def serve():
            try:
                andiron.serve(run=lambda job: None)
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=serve)
        thread.start()
        thread.join(30)
        self.assertEqual(errors, ["andiron.serve() has to be called on the main thread"])


if __name__ == "__main__":
    unittest.main()
