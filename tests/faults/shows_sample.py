"""Tests of every end, for shows_test.py to run and to look at what they leave."""

import unittest

from shows import shows


class Sample(unittest.TestCase):
    @shows("A1", "R02")
    def test_passes(self):
        self.assertTrue(True)

    @shows("A2")
    def test_fails(self):
        self.fail("as it should")

    @shows("A3")
    def test_is_skipped(self):
        self.skipTest("no moon\ntonight")

    @shows("A4")
    def test_has_a_part_that_fails(self):
        for value in (True, False):
            with self.subTest(value=value):
                self.assertTrue(value)
