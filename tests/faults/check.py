#!/usr/bin/python3
"""Is every row of docs/faults.md shown by the tests that it names, in the run that has left these records?

    tests/faults/check.py build/asan/shown     after a whole run of the suite, as root
    tests/faults/check.py --row A6             the tests of a row: where they stand

Exit: 0 yes, 1 no, 64 usage.
"""

import os
import sys

import matrix

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read_page():
    with open(os.path.join(ROOT, "docs", "faults.md"), encoding="utf-8") as stream:
        return matrix.rows_of(stream.read())


def tell_row(name):
    claims = {claim.test: claim for claim in matrix.claims_of_tree(ROOT)}
    for row in read_page():
        if row.name == name:
            print(f"{row.name}: {row.fault}\n  {row.answer}")
            for test in row.tests:
                claim = claims.get(test)
                print(f"  {test}  {claim.path}:{claim.line}" if claim else f"  {test}  (there is none)")
            if row.reason:
                print(f"  not shown here: {row.reason}")
            return 0
    print(f"no row {name}", file=sys.stderr)
    return 1


def check(directory):
    rows = read_page()
    claims = matrix.claims_of_tree(ROOT)
    records = matrix.records_of(directory)
    problems = [*matrix.problems_of_page(rows, matrix.REQUIRED), *matrix.problems_of_claims(rows, claims),
                *matrix.problems_of_run(rows, records)]
    for problem in problems:
        print(problem)
    for (row, test), why in sorted(records.items()):
        if why and row != matrix.UNSAID:
            print(f"skipped, of {row}: {test}: {why}")
    for name, why in matrix.skipped(rows, records).items():
        print(f"NOT SHOWN on this machine: {name}: {why}")
    for row in rows:
        if row.reason:
            print(f"{row.name} can't be shown: {row.reason}")
    print(matrix.summary(rows, records) if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--row":
        return tell_row(arguments[1])
    if len(arguments) != 1 or not os.path.isdir(arguments[0]):
        print(__doc__, file=sys.stderr)
        return 64
    return check(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
