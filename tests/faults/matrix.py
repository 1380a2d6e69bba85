"""docs/faults.md and the tests that it names: reads both, and says where they disagree.

A page is rows of tables, `| A6 | fault | what Andiron does | tests | how |`; a test says which rows it shows
(tests/support/shows.h, shows.py, and a line `# shows: A6 R01` in a scenario). Each side must name the other.
"""

import ast
import glob
import os
import re
from dataclasses import dataclass, field


def span(letter, *parts, width=1):
    return [f"{letter}{number:0{width}}" for first, last in parts for number in range(first, last + 1)]


REQUIRED = (span("A", (1, 20)) + span("B", (1, 26)) + span("C", (1, 14)) +
            span("R", (1, 16), (18, 18), (23, 67), (70, 82), (85, 94), (99, 106), (114, 119), width=2))

# A test of the core, of the frame reader or of the settings meets no kernel; all others do.
SIMULATED = ("tests/jobs/", "tests/sim/", "tests/sim_livekit/", "tests/scenarios/", "tests/ipc/", "tests/config/",
             "tests/command/", "tests/livekit/agent_", "tests/livekit/messages_")
NOT_HERE = "Not shown here: "
# In place of a row, in the record of a test that was skipped before it could say which it shows.
UNSAID = "-"


@dataclass
class Row:
    """A line of the page's tables."""

    name: str
    line: int
    fault: str
    answer: str
    shown_by: str
    how: str
    tests: list = field(default_factory=list)

    def __post_init__(self):
        self.tests = re.findall(r"`([^`]+)`", self.shown_by)
        self.reason = self.shown_by.removeprefix(NOT_HERE) if self.shown_by.startswith(NOT_HERE) else ""
        if self.reason:
            self.tests = []


@dataclass
class Claim:
    """A test, where it stands, and the rows that it says it shows."""

    test: str
    path: str
    line: int
    rows: list

    def simulated(self):
        return self.path.startswith(SIMULATED)


# ---- the page ----


def rows_of(page):
    """Each line of a table that begins with the name of a row."""
    rows = []
    for number, line in enumerate(page.split("\n"), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"[A-Z]\d+", cells[0]):
            rows.append(Row(cells[0], number, *(cells[1:5] + [""] * (5 - len(cells)))))
    return rows


# ---- the tests ----

CPP = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)|\bShows\(([^;]*)\);", re.M)


def claims_of_cpp(path, text):
    claims = []
    code = re.sub(r"//[^\n]*", "", text)
    for match in CPP.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        if match.group(1):
            claims.append(Claim(f"{match.group(1)}.{match.group(2)}", path, line, []))
        elif re.fullmatch(r'(?:\s*"[A-Z]\d+"\s*,?)+', match.group(3)) and claims:
            claims[-1].rows += re.findall(r'"([A-Z]\d+)"', match.group(3))
        else:
            claims.append(Claim("", path, line, ["Shows() takes literals, in the body of a test"]))
    return claims


def claims_of_python(path, text):
    claims = []
    module = os.path.splitext(os.path.basename(path))[0]
    for outer in ast.parse(text).body:
        if not isinstance(outer, ast.ClassDef):
            continue
        for test in outer.body:
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test"):
                continue
            rows = [argument.value for call in test.decorator_list
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "shows"
                    for argument in call.args]
            claims.append(Claim(f"{module}.{outer.name}.{test.name}", path, test.lineno, rows))
    return claims


def claims_of_scenario(path, text):
    claim = Claim("scenarios/" + os.path.splitext(os.path.basename(path))[0], path, 1, [])
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("# shows:"):
            claim.line = number
            claim.rows += line.removeprefix("# shows:").split()
    return [claim]


def claims_of_tree(root):
    claims = []
    for pattern, read in (("*/*_test.cc", claims_of_cpp), ("*/*test*.py", claims_of_python),
                          ("scenarios/*.txt", claims_of_scenario)):
        for found in sorted(glob.glob(os.path.join(root, "tests", pattern))):
            path = os.path.relpath(found, root)
            # The samples of this check's own test aren't claims.
            if not path.startswith("tests/faults/"):
                with open(found, encoding="utf-8") as stream:
                    claims += read(path, stream.read())
    return claims


# ---- what a run has left ----


def records_of(directory):
    """{(row, test): "" if it has passed, else why it was skipped}"""
    records = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "*"))):
        if path.endswith("~"):
            continue
        with open(path, encoding="utf-8") as stream:
            for line in stream.read().splitlines():
                state, row, test, *why = line.split("\t")
                key = (row, test)
                if state == "passed":
                    records[key] = ""
                elif key not in records:
                    records[key] = why[0] or "no reason given"
    return records


# ---- where they disagree ----


def problems_of_page(rows, required):
    named = [row.name for row in rows]
    for name in required:
        if named.count(name) != 1:
            yield f"{name}: {named.count(name)} rows in docs/faults.md, there must be one"
    for row in rows:
        where = f"docs/faults.md:{row.line}: {row.name}"
        if row.name not in required:
            yield f"{where}: not one of the rows"
        if not row.fault or not row.answer:
            yield f"{where}: says nothing of the fault or of the answer"
        if not row.tests and not row.reason:
            yield f"{where}: names no test, and no reason ('{NOT_HERE}...')"
        if row.reason and row.how != "-":
            yield f"{where}: not shown, so how is '-'"


def how_of(claims):
    kinds = {claim.simulated() for claim in claims}
    return "both" if len(kinds) == 2 else "simulated" if kinds == {True} else "real"


def problems_of_claims(rows, claims):
    """Both ways: a row's test exists and claims it; a claim is named by its row."""
    tests = {}
    for claim in claims:
        tests.setdefault(claim.test, []).append(claim)
    named = {(row.name, test) for row in rows for test in row.tests}
    for row in rows:
        where = f"docs/faults.md:{row.line}: {row.name}"
        found = []
        for test in row.tests:
            claiming = [claim for claim in tests.get(test, []) if row.name in claim.rows]
            if test not in tests:
                yield f"{where}: there is no test {test}"
            elif not claiming:
                yield f"{where}: {test} ({tests[test][0].path}) doesn't say that it shows it"
            found += claiming
        if found and row.how != how_of(found):
            yield f"{where}: its tests are '{how_of(found)}', the row says '{row.how}'"
    for claim in claims:
        for name in claim.rows:
            if (name, claim.test) not in named:
                yield f"{claim.path}:{claim.line}: {claim.test} shows {name}, which docs/faults.md doesn't say"


def problems_of_run(rows, records):
    """Each test of each row has passed, or has said why this machine can't run it."""
    for row in rows:
        for test in row.tests:
            if (row.name, test) in records:
                continue
            if (UNSAID, test) in records:
                yield f"{row.name}: {test} was skipped before its Shows(): {records[UNSAID, test]}"
            else:
                yield f"{row.name}: {test} hasn't run, or has failed"


def skipped(rows, records):
    """Rows that no test has shown because this machine can't run it, each with a reason."""
    found = {}
    for row in rows:
        reasons = [records.get((row.name, test), "") for test in row.tests]
        if reasons and all(reasons):
            found[row.name] = reasons[0]
    return found


def summary(rows, records):
    missing = skipped(rows, records)
    shown = [row for row in rows if row.tests and row.name not in missing]
    counts = {how: sum(1 for row in shown if row.how == how) for how in ("real", "simulated", "both")}
    text = (f"{len(rows)} rows: {len(shown)} shown ({counts['real']} with real processes, {counts['simulated']} "
            f"simulated, {counts['both']} both), {sum(1 for row in rows if row.reason)} can't be shown")
    return text + (f", {len(missing)} not on this machine" if missing else "")
