"""Texts of children and submitters are read by people and by programs: they forge no line and move no cursor."""

import base64
import json
import os
import pty
import re
import unittest

from security_rig import ANDIRON, DEADLINE, WithIntruders, wait_until

CORPUS = [
    b"two\nlines", b"carriage\rreturn", b"\x1b[2J\x1b[Hcleared", b"\x1b]0;title\x07", b"\x9b31mC1", b"\xc2\x9b31mC1",
    "gnp.\u202egpj.exe".encode(), "\u2066isolated\u2069 \u200f".encode(), "separated\u2028and\u2029again".encode(),
    b'"}, {"level":"error","event":"forged"', b"\\\"\\", b"NUL \x00 in it", b"bell \x07 backspace \x08 delete \x7f",
    b"not UTF-8 \xff\xfe\xc0\xaf\xed\xa0\x80", b"%s%n %x", b"2026-01-01T00:00:00.000000Z error forged",
    b"\x1b[1A\x1b[2Koverwritten", b"\tTabs\t", "\u05e9\u05dc\u05d5\u05dd \U0001f525".encode(),
]
# What no text of another's may bring to a terminal, a log or a pager.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What the command itself says to a terminal: the end of a line, and the erasing of its own progress.
OWN_WORDS = re.compile("\r\x1b\\[K|\r\n|\r")


def encoded(text):
    return base64.b64encode(text).decode()


class Texts(WithIntruders):
    def assert_harmless(self, text, place):
        found = FORBIDDEN.search(text)
        self.assertIsNone(found, f"{place}: {found and text[max(0, found.start() - 60):found.end() + 60]!r}")

    def print_all(self):
        for stream in (1, 2):
            self.tell("a", "print", encoded(b"\n".join(CORPUS) + b"\n"), stream)
        self.tell("a", "print", encoded(b"the end\n"), 2)
        wait_until(lambda: self.log().count("the end") == 1, "the log has it all")

    def log_lines(self):
        with open(self.log_path, "rb") as stream:
            whole = stream.read()
        self.assertTrue(whole.endswith(b"\n"))
        return whole.decode().split("\n")[:-1]  # UTF-8, or this raises

    def test_lines_of_children_in_the_text_log_are_lines_of_the_log(self):
        self.start_pools({"a": {}})
        self.print_all()
        forged = [line for line in self.log_lines() if "forged" in line]
        self.assertEqual(len(forged), 4)
        for line in self.log_lines():
            self.assert_harmless(line, "the log")
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (debug|info|warn|error) +\S")
        for line in forged:
            self.assertRegex(line, r"Z info  \[a/\d\.\d+ std(out|err)\] ")

    def test_lines_of_children_in_the_json_log_are_objects_with_what_was_printed(self):
        self.start_pools({"a": {}}, log_format="json")
        self.print_all()
        printed = []
        for line in self.log_lines():
            self.assert_harmless(line, "the log")
            said = json.loads(line)
            self.assertNotEqual(said["event"], "forged")
            if said["event"] == "child_output":
                self.assertEqual(list(said), ["time", "level", "event", "message", "child", "stream"])
                self.assertEqual(said["level"], "info")
                printed.append(said["message"])
        for text in CORPUS:
            for line in text.split(b"\n"):
                if self.is_utf8(line):
                    self.assertEqual(printed.count(line.decode()), 2, line)

    def is_utf8(self, text):
        try:
            return text.decode() is not None
        except UnicodeDecodeError:
            return False

    def test_a_line_of_a_mebibyte_is_cut_and_the_next_one_is_whole(self):
        self.start_pools({"a": {"log_line_limit": "4KiB", "log_rate_limit": "64MiB/s"}})
        code, _, err = self.submit("a", "-", stdin=json.dumps(["print", encoded(b"L" * (1 << 20) + b"\nthe end\n"), 2]))
        self.assertEqual(code, 0, err)
        wait_until(lambda: "] the end\n" in self.log(), "the next line is there")
        longest = max(self.log_lines(), key=len)
        self.assertIn("L" * 4096, longest)
        self.assertLess(len(longest), 4096 + 200)

    # ---- on a terminal ----

    def on_a_terminal(self, *arguments, stdin=None):
        """Runs the command on a terminal of its own: what that is sent, without the command's own words."""
        ours, theirs = pty.openpty()
        process = self.start([ANDIRON, *arguments], stdin=stdin or theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the last one has closed it
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        process.wait(DEADLINE)
        return OWN_WORDS.sub("\n", shown.decode())

    def test_a_failed_jobs_text_moves_no_cursor(self):
        self.start_pools({"a": {}})
        jobs = [json.dumps(["fail", encoded(text)]) for text in CORPUS if self.is_utf8(text)]
        one = ["submit", "--socket", self.socket, "--id", "id\x1b[2J\u202e", "a", jobs[0]]
        all_of_them = ["submit", "--socket", self.socket, "--lines", "a", "@" + self.path("jobs", "\n".join(jobs))]
        for arguments in (one, all_of_them):
            shown = self.on_a_terminal(*arguments)
            self.assert_harmless(shown, "submit")
            self.assertEqual(shown.count("FAILED"), 1 if arguments is one else len(jobs))
            if arguments is one:
                self.assertIn("id\\x1b[2J\\u202e", shown)

    def test_last_words_and_ids_in_a_status_move_no_cursor(self):
        self.start_pools({"a": {"warm": 2}})
        hostile_id = "id\x1b[2J\n\u202e"
        jobs = "\n".join(json.dumps(["print_and_exit", encoded(text)]) for text in CORPUS)
        self.submit("--lines", "a", stdin=jobs)
        gate = os.path.join(self.folder, "gate")
        waiting = self.submit_in_background("a", "--id", hostile_id, json.dumps(["wait", gate]))
        wait_until(lambda: self.pools()["a"]["slots"]["busy"] == 1, "the job runs")
        shown = self.on_a_terminal("status", "--socket", self.socket)
        self.assertIn("unplanned deaths", shown)
        self.assertIn("id\\x1b[2J\\n\\u202e", shown)
        self.assert_harmless(shown, "status")
        code, out, _ = self.client("status", "-o", "json")
        self.assertEqual(code, 0)
        self.assert_harmless(out, "status -o json")
        self.assertTrue(json.loads(out)["autopsies"])
        for line in self.log_lines():
            self.assert_harmless(line, "the log")
        self.path("gate", "")
        waiting.communicate(timeout=DEADLINE)

    def test_a_batch_on_a_terminal_shows_failures_autopsies_and_progress_only(self):
        jobs = [json.dumps(["fail", encoded(text)]) for text in CORPUS if self.is_utf8(text)]
        jobs += [json.dumps(["print_and_exit", encoded(text)]) for text in CORPUS]
        path = self.path("jobs", "\n".join(jobs) + "\n")
        shown = self.on_a_terminal("run", "--warm", "2", path, "--", *self.intruder)
        self.assertIn(f"0 of {len(jobs)} jobs succeeded", shown)
        self.assertIn("overwritten", shown)
        self.assert_harmless(shown, "run")


if __name__ == "__main__":
    unittest.main()
