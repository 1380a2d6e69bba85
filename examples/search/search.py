#!/usr/bin/env python3
"""search: a child that keeps a full-text index warm. A job is a query, its result the best passages.

    andiron run --warm=2 --max-jobs-per-child=0 queries.txt -- python3 search.py /usr/share/common-licenses docs
    python3 search.py --direct 'patent licence' docs           the same, without a worker

The index is SQLite's FTS5, in memory, over the paragraphs of the files named, and of the files of the folders named.
Building it is what a warm child has behind it. Needs the andiron package (sdk/python), and nothing else.
"""

import argparse
import os
import re
import sqlite3
import sys
import time

HITS = 3
SNIPPET_WORDS = 12


def files_of(paths):
    """The regular files at and directly below `paths`, each once: a link to another of them adds nothing."""
    found = []
    for path in paths:
        names = sorted(os.listdir(path)) if os.path.isdir(path) else [""]
        found += [os.path.join(path, name) if name else path for name in names]
    return [file for file in found if os.path.isfile(file) and not os.path.islink(file)]


def paragraphs_of(file):
    """Yields (line number, text). Blank lines separate paragraphs."""
    begin, lines = 0, []
    with open(file, encoding="utf-8", errors="replace") as text:
        for number, line in enumerate(text, 1):
            if line.strip():
                begin = begin if lines else number
                lines.append(line.strip())
            elif lines:
                yield begin, " ".join(lines)
                lines = []
    if lines:
        yield begin, " ".join(lines)


class Index:
    def __init__(self, paths, progress=lambda percent, text: None):
        self._database = sqlite3.connect(":memory:")
        self._database.execute(
            "CREATE VIRTUAL TABLE passage USING fts5(file UNINDEXED, line UNINDEXED, text, tokenize='porter unicode61')"
        )
        files = files_of(paths)
        for done, file in enumerate(files):
            progress(100 * done // len(files), f"indexing {file}")
            rows = ((file, line, text) for line, text in paragraphs_of(file))
            self._database.executemany("INSERT INTO passage VALUES (?, ?, ?)", rows)
        self._database.execute("INSERT INTO passage(passage) VALUES ('optimize')")

    def search(self, query):
        """The best passages as lines FILE:LINE <tab> SNIPPET. Same files, same query: same answer."""
        words = re.findall(r"\w+", query)
        if not words:
            return "no words in the query"
        # Each word quoted: a query is what people type, not FTS5's language.
        expression = " OR ".join(f'"{word}"' for word in words)
        rows = self._database.execute(
            f"SELECT file, line, snippet(passage, 2, '[', ']', '...', {SNIPPET_WORDS}) FROM passage"
            " WHERE passage MATCH ? ORDER BY rank, file, line LIMIT ?",
            (expression, HITS),
        )
        return "\n".join(f"{file}:{line}\t{snippet}" for file, line, snippet in rows) or "nothing found"


def main():
    parser = argparse.ArgumentParser(description="Searches texts: a child of an Andiron worker. A job is a query.")
    parser.add_argument("paths", nargs="+", help="files, and folders of files")
    parser.add_argument("--direct", metavar="QUERY", help="answer this query, without a worker")
    parser.add_argument(
        "--entry-time",
        action="store_true",
        help="begin each answer with a line that says when the search began: nanoseconds of the monotonic clock",
    )
    options = parser.parse_args()
    index = None

    def build(progress=lambda percent, text: None):
        nonlocal index
        index = Index(options.paths, progress)

    def answer(query):
        entry = f"{time.monotonic_ns()}\n" if options.entry_time else ""
        return entry + index.search(query)

    if options.direct is not None:
        build()
        print(answer(options.direct))
        return
    try:
        import andiron
    except ModuleNotFoundError as error:
        sys.exit(f"search: {error}; pip install sdk/python, or set PYTHONPATH to it")
    andiron.serve(
        prewarm=lambda warm_up: build(warm_up.progress),
        run=lambda job: answer(job.payload.decode("utf-8", "replace")),
    )


if __name__ == "__main__":
    sys.exit(main())
