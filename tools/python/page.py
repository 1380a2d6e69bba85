"""Plain text for people: aligned tables, colours and a moving line of progress on a terminal only."""

import os
import shutil
import textwrap


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Page:
    def __init__(self, out):
        self._out = out
        self._colours = out.isatty() and "NO_COLOR" not in os.environ
        self._progress = out.isatty()
        self._width = max(shutil.get_terminal_size((120, 24)).columns, 80)

    def title(self, text):
        self.progress("")
        self.line("\n" + self.colour("1", text))

    def progress(self, text):
        if self._progress:
            self._out.write("\r\033[K" + text)
            self._out.flush()

    def paragraph(self, text):
        for line in text.split("\n"):
            self.line(textwrap.fill(line, self._width, initial_indent="  ", subsequent_indent="      "))

    def table(self, rows, right=()):
        """What doesn't fit into the line is cut: only the last column ever is so long."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = [
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths))
            ]
            line = "  " + "  ".join(cells).rstrip()
            self.line(line if len(line) <= self._width else line[: self._width - 3] + "...")

    def line(self, text):
        print(text, file=self._out, flush=True)

    def colour(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colours else text
