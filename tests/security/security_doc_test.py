"""docs/security.md has a row for each threat, and each test that it names exists and is run by the suite."""

import ast
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
THREATS = [f"T{number}" for number in range(1, 27)]


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as stream:
        return stream.read()


def rows(page):
    """[(threat, what is done, [names of tests])] of the table, as it stands."""
    found = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"T\d+", cells[0]):
            found.append((cells[0], cells[2], re.findall(r"`([^`]+)`", cells[3])))
    return found


def tests_in_the_tree():
    """{"Suite.Name" of C++ or "module.Class.test_name" of Python: its file}."""
    found = {}
    for folder, _, names in os.walk(os.path.join(ROOT, "tests")):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".cc"):
                pairs = re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", text_of(path), re.M)
                found.update({".".join(pair): path for pair in pairs})
            elif name.endswith(".py"):
                found.update({f"{name[:-3]}.{test}": path for test in tests_of(folder, name)})
    return found


def tests_of(folder, name):
    """"Class.test_name" of a Python file."""
    return [f"{part.name}.{one.name}" for part in ast.parse(text_of(folder, name)).body
            if isinstance(part, ast.ClassDef) for one in part.body
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]


def is_run(path):
    """Whether the folder's build files name the test's file, or the part of its name that a loop there fills in."""
    folder, name = os.path.split(path)
    build = " ".join(text_of(folder, one) for one in sorted(os.listdir(folder)) if one.endswith((".txt", ".cmake")))
    stem = name.partition(".")[0]
    part = stem.removesuffix("_test").removeprefix("test_").removeprefix("source_")
    return bool(re.search(rf"\b({re.escape(stem)}|{re.escape(part)})\b", build))


def python_tests_that_run(folder):
    """Modules of this folder that its CMakeLists.txt lists."""
    return set(re.findall(r"\bforeach\(part ([^)]*)\)", text_of("tests", folder, "CMakeLists.txt"))[0].split())


class Page(unittest.TestCase):
    def test_each_threat_has_one_row_with_a_defence_and_a_test(self):
        found = rows(text_of("docs", "security.md"))
        self.assertEqual([threat for threat, _, _ in found], THREATS)
        for threat, done, tests in found:
            self.assertTrue(done, threat)
            self.assertTrue(tests, threat)

    def test_each_test_that_it_names_exists_and_is_run(self):
        known = tests_in_the_tree()
        self.assertGreater(len(known), 500)
        for threat, _, tests in rows(text_of("docs", "security.md")):
            for test in tests:
                self.assertIn(test, known, f"{threat}: docs/security.md names {test}")
                self.assertTrue(is_run(known[test]), f"{threat}: nothing runs {known[test]}")

    def test_each_class_of_this_folder_shows_a_threat_and_is_run(self):
        named = {test for _, _, tests in rows(text_of("docs", "security.md")) for test in tests}
        here = os.path.join(ROOT, "tests", "security")
        modules = {name[5:-3] for name in os.listdir(here) if name.startswith("test_")}
        self.assertEqual(modules, python_tests_that_run("security"))
        for module in modules:
            shown, others = set(), set()
            for test in tests_of(here, f"test_{module}.py"):
                (shown if f"test_{module}.{test}" in named else others).add(test.partition(".")[0])
            self.assertEqual(others - shown, set(), f"classes of test_{module}.py that show no threat")


class Sample(unittest.TestCase):
    def test_a_row_without_a_test_or_with_an_unknown_one_would_be_seen(self):
        self.assertEqual(rows("| T1 | a | b | `X.Y`, `Z.W` |\n| T2 | a | b | none |\n| id | x | y | z |"),
                         [("T1", "b", ["X.Y", "Z.W"]), ("T2", "b", [])])
        self.assertNotIn("Nobody.HasThis", tests_in_the_tree())
        self.assertFalse(is_run(os.path.join(ROOT, "tests", "security", "test_nowhere.py")))


if __name__ == "__main__":
    unittest.main()
