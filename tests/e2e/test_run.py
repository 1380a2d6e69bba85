"""andiron run: results, failures, input, output and memory."""

import base64
import json
import os
import subprocess
import threading
import unittest

from rig import ANDIRON, BIN, DEADLINE, ECHO, FAULT, GATE, EndToEnd, Late, peak_memory, read, wait_until
from shows import shows

REUSE = ["--max_jobs_per_child", "0"]
SPELL = os.path.join(BIN, "spell")


class Results(EndToEnd):
    def test_results_come_in_input_order(self):
        lines = "".join(f"line {i}\n" for i in range(2000))
        code, out, err = self.andiron("run", *REUSE, "--", ECHO, stdin=lines)
        self.assertEqual((code, out), (0, lines), err)
        self.assertIn("2000 of 2000 jobs succeeded", err)

    def test_unordered_results_are_the_same_ones(self):
        lines = [f"line {i}" for i in range(500)]
        code, out, err = self.andiron("run", *REUSE, "--unordered", "--", ECHO, stdin="\n".join(lines))
        self.assertEqual(code, 0, err)
        self.assertEqual(sorted(out.splitlines()), sorted(lines))

    def test_a_fresh_child_for_each_job_is_the_default(self):
        code, out, err = self.andiron("run", "-o", "json", "--", ECHO, stdin="\n".join("abcdefgh"))
        self.assertEqual(code, 0, err)
        children = [json.loads(line)["child"] for line in out.splitlines()]
        self.assertEqual(len(set(children)), 8)

    def test_no_input_is_no_job(self):
        code, out, err = self.andiron("run", "--", ECHO)
        self.assertEqual((code, out), (0, ""))
        self.assertIn("0 of 0 jobs", err)

    @shows("B23")
    def test_an_empty_line_is_a_job(self):
        code, out, _ = self.andiron("run", "--", ECHO, stdin="a\n\nb")
        self.assertEqual((code, out), (0, "a\n\nb\n"))

    def test_json_has_the_documented_fields(self):
        code, out, err = self.andiron("run", "-o", "json", "--", ECHO, stdin="one\n")
        self.assertEqual(code, 0, err)
        job = json.loads(out)
        self.assertLessEqual({"id", "outcome", "payload", "error", "queue_ms", "run_ms", "child"}, job.keys())
        self.assertEqual((job["id"], job["outcome"], job["payload"], job["error"]), ("1", "SUCCEEDED", "one", ""))
        self.assertIsInstance(job["queue_ms"], float)
        self.assertIsInstance(job["run_ms"], float)

    @shows("B23")
    def test_bytes_that_are_not_text_survive(self):
        payload = bytes(range(1, 256))
        code, out, err = self.andiron("run", "-o", "json", "--split=nul", "--", ECHO, stdin=payload + b"\0")
        self.assertEqual(code, 0, err)
        self.assertEqual(base64.b64decode(json.loads(out)["payload_base64"]), payload)

    def test_whole_files_are_jobs(self):
        first, second = self.path("a", "1\n2\n"), self.path("b", "3")
        code, out, err = self.andiron("run", "--split=file", first, second, "--", ECHO)
        self.assertEqual((code, out), (0, "1\n2\n3\n"), err)

    @unittest.skipUnless(os.path.exists(SPELL), "spell isn't built where libhunspell-dev is missing")
    def test_an_empty_file_is_a_job_and_the_example_says_of_it_what_it_says_by_itself(self):
        self.path("words.aff", "SET UTF-8\n")
        self.path("words.dic", "1\nword\n")
        spell = [SPELL, "--dictionary", self.path("words")]
        files = [self.path("full", "word wrod"), self.path("empty", "")]
        code, out, err = self.andiron("run", "--split=file", *files, "--", *spell)
        self.assertEqual((code, len(out.splitlines())), (0, 2), err)
        direct = self.start([*spell, "--direct", *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(direct.communicate(timeout=DEADLINE), (out.encode(), b""))
        self.ends_with(direct, 0)
        for none in (self.folder, self.path("missing")):
            failed = self.start([*spell, "--direct", none], stderr=subprocess.PIPE)
            self.assertEqual(failed.communicate(timeout=DEADLINE)[1], f"spell: can't read {none}\n".encode())
            self.ends_with(failed, 1)

    def test_files_and_stdin_follow_one_another(self):
        code, out, err = self.andiron("run", self.path("a", "1\n2"), "-", "--", ECHO, stdin="3\n")
        self.assertEqual((code, out), (0, "1\n2\n3\n"), err)

    def test_quiet_says_nothing_that_is_not_a_failure(self):
        code, _, err = self.andiron("run", "-q", "--", ECHO, stdin="a\n")
        self.assertEqual((code, err), (0, ""))


class Failures(EndToEnd):
    def test_a_failed_job_is_told_with_its_place_and_125(self):
        code, out, err = self.andiron("run", "--", ECHO, "--fail", stdin="why\n")
        self.assertEqual((code, out), (125, ""))
        self.assertIn("job 1 (stdin:1): FAILED: why", err)

    def test_in_json_a_failed_job_is_an_object_too(self):
        code, out, _ = self.andiron("run", "-o", "json", "--", ECHO, "--fail", stdin="why\n")
        self.assertEqual(code, 125)
        job = json.loads(out)
        self.assertEqual((job["outcome"], job["error"], job["payload"]), ("FAILED", "why", ""))

    @shows("R65")
    def test_a_crash_explains_itself_and_the_others_go_on(self):
        code, out, err = self.andiron("run", "--", FAULT, "die-in-job", stdin="a\nb\n")
        self.assertEqual((code, out), (125, ""))
        self.assertEqual(err.count("CHILD_CRASHED: default/"), 2)
        self.assertIn("SIGSEGV", err)

    @shows("A1")
    def test_a_command_that_is_not_there_ends_it_soon_and_says_which(self):
        code, _, err = self.andiron("run", "--", "./no-such-program", stdin="a\nb\n")
        self.assertEqual(code, 75)
        self.assertIn("./no-such-program: No such file or directory", err)
        self.assertNotIn("job 1", err)

    @shows("R09")
    def test_children_that_never_get_ready_end_it_with_their_last_words(self):
        code, _, err = self.andiron("run", "--", FAULT, "complain-and-exit", stdin="a\n")
        self.assertEqual(code, 75)
        self.assertIn("no model at /models/large", err)

    def test_a_job_over_run_for_is_timed_out(self):
        code, out, _ = self.andiron("run", "-o", "json", "--run-for", "100ms", "--", ECHO, "--sleep-ms", "60000",
                                    stdin="a\n")
        self.assertEqual(code, 125)
        self.assertEqual(json.loads(out)["outcome"], "TIMED_OUT")

    def test_a_line_over_the_limit_is_named_and_nothing_before_it_is_lost(self):
        lines = "fits\n" * 3 + "x" * 101 + "\nnever\n"
        code, out, err = self.andiron("run", "--max_payload", "100B", "--", ECHO, stdin=lines)
        self.assertEqual((code, out), (65, "fits\n" * 3))
        self.assertIn("stdin:4: this line is larger than max_payload (100 bytes)", err)

    def test_a_line_at_the_limit_passes(self):
        code, out, err = self.andiron("run", "--max_payload", "100B", "--", ECHO, stdin="x" * 100)
        self.assertEqual((code, out), (0, "x" * 100 + "\n"), err)

    def test_a_missing_file_is_bad_input(self):
        code, out, err = self.andiron("run", self.path("a", "1\n"), "/no/such/file", "--", ECHO)
        self.assertEqual((code, out), (65, "1\n"))
        self.assertIn("/no/such/file: No such file or directory", err)


class Streams(EndToEnd):
    def test_a_result_is_there_before_the_input_ends(self):
        process = self.start([ANDIRON, "run", "--", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        process.stdin.write(b"now\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"now\n")
        process.stdin.close()
        self.ends_with(process, 0)

    def test_a_reader_that_leaves_ends_it_quietly(self):
        process = self.start([ANDIRON, "run", "--", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        process.stdin.write(b"one\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"one\n")
        process.stdout.close()
        self.ends_with(process, 128 + 13)
        self.assertEqual(process.stderr.read(), b"")

    @shows("B14")
    def test_a_full_disk_is_said(self):
        with open("/dev/full", "wb") as full:
            process = self.start([ANDIRON, "run", "--", ECHO], stdin=subprocess.PIPE, stdout=full,
                                 stderr=subprocess.PIPE)
        _, err = process.communicate(b"a\n", DEADLINE)
        self.assertEqual(process.returncode, 70)
        self.assertIn(b"No space left on device", err)

    def test_what_stdin_and_stdout_share_with_others_stays_blocking(self):
        read_end, write_end = os.pipe()
        process = self.start([ANDIRON, "run", "--", ECHO], stdin=subprocess.PIPE, stdout=write_end,
                             stderr=subprocess.DEVNULL)
        process.stdin.write(b"a\n")
        process.stdin.flush()
        self.assertEqual(os.read(read_end, 10), b"a\n")
        self.assertTrue(os.get_blocking(write_end))
        self.assertTrue(os.get_blocking(process.stdin.fileno()))
        process.stdin.close()
        self.ends_with(process, 0)
        os.close(read_end)
        os.close(write_end)

    def test_a_terminal_sees_progress_and_no_remains_of_it(self):
        ours, theirs = os.openpty()
        process = self.start([ANDIRON, "run", "--", ECHO, "--sleep-ms", "300"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        process.stdin.write(b"a\nb\n")
        process.stdin.close()
        seen = b""
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # the terminal's last user has gone
            pass
        os.close(ours)
        self.ends_with(process, 0)
        self.assertIn(b"2 running", seen)
        self.assertTrue(seen.rpartition(b"\x1b[K")[2].startswith(b"andiron: 2 of 2 jobs succeeded"), seen)


class Memory(EndToEnd):
    # A worker with nothing to do has 20 MB, under sanitizers 100 MB. Results that wait for their turn (behind one whose
    # child has no processor, say) may have 64 MiB, and each exists twice while it is handed on. Held without a bound, a
    # million lines are over 200 MB, the slow reader's texts 400 MB.
    ROOM = 2 * (64 << 20)
    TEXTS = 40_000

    def setUp(self):
        super().setUp()
        # What a sanitizer keeps of freed memory, up to 256 MB, isn't the worker's.
        self.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"

    def idle_peak(self):
        process = self.start([ANDIRON, "run", *REUSE, "--", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        process.stdin.write(b"a\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"a\n")
        peak = peak_memory(process.pid)
        process.stdin.close()
        self.ends_with(process, 0)
        return peak

    def test_a_slow_first_job_before_a_million_lines_leaves_memory_flat(self):
        bound = self.idle_peak() + self.ROOM
        gate = self.path("gate")
        lines = self.path("lines", f"wait {gate}\n" + "a line of no importance\n" * 1_000_000)
        with open(lines, "rb") as stream, open(self.path("out"), "wb") as out:
            process = self.start([ANDIRON, "run", *REUSE, "--warm", "2", "--max_children", "2", "--", *GATE],
                                 stdin=stream, stdout=out, stderr=subprocess.DEVNULL)
        # Reading stops: the same position while a hundred looks go by.
        self.wait_until_still(lambda: read(f"/proc/{process.pid}/fdinfo/0").split(b"\n")[0])
        self.assertEqual(os.path.getsize(self.path("out")), 0)
        self.assertLess(peak_memory(process.pid), bound)
        self.path("gate", "")
        wait_until(lambda: os.path.getsize(self.path("out")) > 100_000, "the results come")
        self.assertLess(peak_memory(process.pid), bound)
        process.terminate()
        self.ends_with(process, 128 + 15)
        results = read(self.path("out")).splitlines()
        self.assertEqual(results[0], b"opened")
        self.assertEqual(set(results[1:]), {b"a line of no importance"})

    def test_a_slow_reader_stops_the_reading(self):
        bound = self.idle_peak() + self.ROOM
        line = b"x" * 10_000 + b"\n"
        process = self.start([ANDIRON, "run", *REUSE, "--", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        written = [0]

        def write():
            try:
                for _ in range(self.TEXTS):  # 400 MB
                    process.stdin.write(line)
                    written[0] += 1
                process.stdin.close()
            except OSError:
                pass

        writer = threading.Thread(target=write)
        writer.start()
        self.wait_until_still(lambda: written[0])
        self.assertLess(written[0], self.TEXTS)
        self.assertLess(peak_memory(process.pid), bound)
        for _ in range(self.TEXTS):
            self.assertEqual(process.stdout.readline(), line)
        writer.join(DEADLINE)
        self.ends_with(process, 0)

    def wait_until_still(self, value):
        """Until the value is the same for half a second."""
        end = None
        while True:
            last = value()
            try:
                wait_until(lambda: value() != last, "it moves", 0.5)
            except Late:
                if end == last and last:
                    return
                end = last
