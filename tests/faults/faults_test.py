"""docs/faults.md names every row and existing tests, the tests agree; and the check would notice if not."""

import os
import tempfile
import unittest

import matrix
from matrix import Claim

ROOT = os.environ["ANDIRON_SOURCE_DIR"]
PAGE = """# A page
| row | fault | answer | shown by | how |
|---|---|---|---|---|
| A1 | it falls | it stands | `ExitTest.CodeIsTold`, `scenarios/fall` | both |
| R02 | it hangs | it ends | Not shown here: no such machine | - |
"""
CLAIMS = [Claim("ExitTest.CodeIsTold", "tests/children/exit_test.cc", 7, ["A1"]),
          Claim("scenarios/fall", "tests/scenarios/fall.txt", 2, ["A1"]),
          Claim("Other.Test", "tests/jobs/other_test.cc", 1, [])]


class Tree(unittest.TestCase):
    """The page and the tests as they are."""

    def test_every_row_is_there_and_has_tests_that_say_so(self):
        with open(os.path.join(ROOT, "docs", "faults.md"), encoding="utf-8") as stream:
            rows = matrix.rows_of(stream.read())
        claims = matrix.claims_of_tree(ROOT)
        problems = [*matrix.problems_of_page(rows, matrix.REQUIRED), *matrix.problems_of_claims(rows, claims)]
        self.assertEqual(problems, [], "\n" + "\n".join(problems))

    def test_the_rows_are_159(self):
        self.assertEqual(len(matrix.REQUIRED), 159)
        self.assertEqual(len(set(matrix.REQUIRED)), 159)


class Page(unittest.TestCase):
    def problems(self, page, required=("A1", "R02"), claims=CLAIMS):
        rows = matrix.rows_of(page)
        return [*matrix.problems_of_page(rows, list(required)), *matrix.problems_of_claims(rows, claims)]

    def test_a_good_page(self):
        self.assertEqual(self.problems(PAGE), [])
        rows = matrix.rows_of(PAGE)
        self.assertEqual([row.name for row in rows], ["A1", "R02"])
        self.assertEqual(rows[0].tests, ["ExitTest.CodeIsTold", "scenarios/fall"])
        self.assertEqual(rows[1].reason, "no such machine")
        self.assertEqual(matrix.summary(rows, {}), "2 rows: 1 shown (0 with real processes, 0 simulated, 1 both), "
                                                   "1 can't be shown")

    def test_a_row_that_is_missing_or_there_twice_or_unknown(self):
        self.assertIn("A2: 0 rows", self.problems(PAGE, ("A1", "R02", "A2"))[0])
        self.assertIn("R02: 2 rows", self.problems(PAGE + PAGE.splitlines()[-1])[0])
        self.assertIn("A1: not one of the rows", self.problems(PAGE, ("R02",))[0])

    def test_a_row_without_a_test_needs_a_reason(self):
        bad = PAGE.replace("Not shown here: no such machine", "")
        self.assertIn("R02: names no test", self.problems(bad)[0])

    def test_a_row_says_something(self):
        self.assertIn("says nothing", self.problems(PAGE.replace("it stands", ""))[0])

    def test_a_test_that_does_not_exist(self):
        self.assertIn("there is no test ExitTest.CodeIsTold", self.problems(PAGE, claims=CLAIMS[1:])[0])

    def test_a_test_that_does_not_say_so(self):
        claims = [Claim("ExitTest.CodeIsTold", "tests/children/exit_test.cc", 7, []), *CLAIMS[1:]]
        self.assertIn("doesn't say that it shows it", self.problems(PAGE, claims=claims)[0])

    def test_a_test_that_says_more_than_the_page(self):
        claims = [*CLAIMS, Claim("More.Test", "tests/jobs/more_test.cc", 3, ["A1"])]
        self.assertIn("tests/jobs/more_test.cc:3: More.Test shows A1", self.problems(PAGE, claims=claims)[0])

    def test_how_is_what_the_tests_are(self):
        self.assertIn("its tests are 'both', the row says 'real'", self.problems(PAGE.replace("| both", "| real"))[0])


class Claims(unittest.TestCase):
    def test_of_a_program(self):
        text = 'TEST(A, B) {\n  Shows("A1",\n        "R02");\n}\n// TEST(C, D) { Shows("A3"); }\nTEST_P(E, F) {}\n'
        found = matrix.claims_of_cpp("tests/a/a_test.cc", text)
        self.assertEqual([(claim.test, claim.rows) for claim in found], [("A.B", ["A1", "R02"]), ("E.F", [])])

    def test_rows_that_are_no_literals_are_refused(self):
        found = matrix.claims_of_cpp("tests/a/a_test.cc", "TEST(A, B) { Shows(kRow); }\n")
        rows = matrix.rows_of(PAGE)
        self.assertIn("takes literals", "\n".join(matrix.problems_of_claims(rows, [*CLAIMS, *found])))

    def test_of_a_module(self):
        text = 'class A(T):\n    @shows("A1", "R02")\n    def test_b(self):\n        pass\n    def test_c(self): pass\n'
        found = matrix.claims_of_python("tests/a/a_test.py", text)
        self.assertEqual([(claim.test, claim.rows) for claim in found],
                         [("a_test.A.test_b", ["A1", "R02"]), ("a_test.A.test_c", [])])

    def test_of_a_scenario(self):
        found = matrix.claims_of_scenario("tests/scenarios/a.txt", "# a\n# shows: A1 R02\npool p\n")
        self.assertEqual([(claim.test, claim.rows, claim.simulated()) for claim in found],
                         [("scenarios/a", ["A1", "R02"], True)])


class Run(unittest.TestCase):
    def records(self, *lines):
        with tempfile.TemporaryDirectory() as folder:
            for number, line in enumerate(lines):
                with open(os.path.join(folder, str(number)), "w", encoding="utf-8") as stream:
                    stream.write("\t".join(line) + "\n")
            with open(os.path.join(folder, "unfinished~"), "w", encoding="utf-8") as stream:
                stream.write("passed\tA1")
            return matrix.records_of(folder)

    def problems(self, *lines):
        return list(matrix.problems_of_run(matrix.rows_of(PAGE), self.records(*lines)))

    def test_a_row_is_shown_when_all_its_tests_have_passed(self):
        self.assertEqual(self.problems(("passed", "A1", "ExitTest.CodeIsTold"), ("passed", "A1", "scenarios/fall")), [])

    def test_a_test_that_has_not_run(self):
        self.assertEqual(self.problems(("passed", "A1", "ExitTest.CodeIsTold")),
                         ["A1: scenarios/fall hasn't run, or has failed"])

    def test_a_test_that_was_skipped_before_it_said_its_rows(self):
        self.assertEqual(self.problems(("skipped", matrix.UNSAID, "ExitTest.CodeIsTold", "no cgroup"),
                                       ("passed", "A1", "scenarios/fall")),
                         ["A1: ExitTest.CodeIsTold was skipped before its Shows(): no cgroup"])

    def test_a_record_of_another_row_does_not_count(self):
        self.assertEqual(len(self.problems(("passed", "R02", "ExitTest.CodeIsTold"),
                                           ("passed", "A1", "scenarios/fall"))), 1)

    def test_a_test_that_this_machine_cant_run_says_so_and_its_row_is_counted_apart(self):
        skipped = ("skipped", "A1", "ExitTest.CodeIsTold", "no cgroup")
        rows = matrix.rows_of(PAGE)
        one = (skipped, ("passed", "A1", "scenarios/fall"))
        self.assertEqual(self.problems(*one), [])
        self.assertEqual(matrix.skipped(rows, self.records(*one)), {}, "another test shows it")
        both = (skipped, ("skipped", "A1", "scenarios/fall", "no moon"))
        self.assertEqual(self.problems(*both), [])
        self.assertEqual(matrix.skipped(rows, self.records(*both)), {"A1": "no cgroup"})
        self.assertEqual(matrix.summary(rows, self.records(*both)), "2 rows: 0 shown (0 with real processes, "
                         "0 simulated, 0 both), 1 can't be shown, 1 not on this machine")
        self.assertEqual(len(self.problems(skipped)), 1, "the other one hasn't run")


if __name__ == "__main__":
    unittest.main()
