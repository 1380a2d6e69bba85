"""A worker with its control socket, and the verbs that talk to it."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

from rig import ANDIRON, DEADLINE, ECHO, FAULT, GATE, EndToEnd, WithWorker, read, wait_until
from shows import shows

POOL_FIELDS = {"name", "warm", "max_children", "slots", "quarantined", "queued", "reserved", "capacity", "breaker",
               "spawned", "exited", "initialize", "jobs", "children"}
SLOT_FIELDS = {"vacant", "starting", "idle", "busy", "stopping", "dying"}
INITIALIZE_FIELDS = {"ready", "exited", "timed_out", "spawn_failed", "protocol_error", "cancelled"}
JOB_FIELDS = {"accepted", "refused", "succeeded", "failed", "cancelled", "timed_out", "queue_timeout", "child_crashed",
              "oom_killed", "killed_shutdown", "lost_before_start"}


class Submit(WithWorker):
    def echo_worker(self, *arguments):
        return self.start_worker("--warm", "2", "--max_children", "2", "--", ECHO, *arguments)

    def test_a_payload_may_be_given_in_a_file_and_on_stdin(self):
        self.echo_worker()
        self.assertEqual(self.submit("default", "as it is"), (0, "as it is", ""))
        self.assertEqual(self.submit("default", "@" + self.path("file", "in a file\n")), (0, "in a file\n", ""))
        self.assertEqual(self.submit("default", "-", stdin="on stdin"), (0, "on stdin", ""))
        self.assertEqual(self.submit("default"), (0, "", ""))
        self.assertEqual(self.submit("default", "--", "--dashes"), (0, "--dashes", ""))

    def test_json_tells_all_about_the_job(self):
        self.echo_worker()
        code, out, _ = self.submit("default", "x", "--id", "job-1", "-o", "json")
        job = json.loads(out)
        self.assertEqual(code, 0)
        self.assertEqual((job["id"], job["outcome"], job["payload"]), ("job-1", "SUCCEEDED", "x"))
        self.assertRegex(job["child"], r"^default/\d+\.\d+$")

    def test_a_failed_job_is_125(self):
        self.echo_worker("--fail")
        code, out, err = self.submit("default", "why")
        self.assertEqual((code, out), (125, ""))
        self.assertIn("FAILED: why", err)

    def test_a_job_out_of_time_is_124(self):
        self.echo_worker("--sleep-ms", "600000")
        code, _, err = self.submit("default", "x", "--run-for", "100ms")
        self.assertEqual(code, 124)
        self.assertIn("TIMED_OUT", err)

    def test_a_job_that_nobody_could_take_in_time_is_124(self):
        self.start_worker("--warm", "0", "--init_timeout", "10m", "--", FAULT, "never-ready")
        code, _, err = self.submit("default", "x", "--start-by", "100ms")
        self.assertEqual(code, 124)
        self.assertIn("QUEUE_TIMEOUT", err)

    def test_the_signal_that_killed_the_child_is_told(self):
        self.start_worker("--warm", "1", "--", FAULT, "die-in-job")
        code, _, err = self.submit("default", "x")
        self.assertEqual(code, 128 + 11)
        self.assertIn("CHILD_CRASHED", err)

    def test_an_unknown_pool_is_a_usage_error(self):
        self.echo_worker()
        code, _, err = self.submit("defualt", "x")
        self.assertEqual(code, 64)
        self.assertIn("UNKNOWN_POOL", err)

    def test_no_worker_there_is_69_and_says_what_to_do(self):
        code, _, err = self.submit("default", "x")
        self.assertEqual(code, 69)
        self.assertIn(self.socket, err)
        self.assertIn("andiron start", err)

    def test_a_detached_job_ends_without_its_submitter(self):
        self.echo_worker()
        code, out, _ = self.submit("default", "x", "--detach", "--id", "later")
        self.assertEqual((code, out), (0, "later\n"))
        wait_until(lambda: self.pool()["jobs"]["succeeded"] == 1, "the job has ended")

    def test_an_interrupted_submitter_cancels_its_job(self):
        self.echo_worker("--sleep-ms", "600000")
        submitted = self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "the job runs")
        submitted.terminate()
        wait_until(lambda: self.pool()["jobs"]["cancelled"] == 1, "the job is cancelled")

    def test_a_worker_that_dies_is_69(self):
        worker = self.echo_worker("--sleep-ms", "600000")
        submitted = self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "the job runs")
        worker.kill()
        self.ends_with(submitted, 69)


    def test_names_that_are_no_text_are_usage_errors(self):
        self.echo_worker()
        for arguments in (("submit", b"\xff", "x"), ("submit", "default", "x", "--id", b"\xff"), ("cancel", b"\xff")):
            code, _, err = self.client(*arguments)
            self.assertEqual(code, 64, err)
            self.assertIn("UTF-8", err)

    def test_an_output_that_takes_nothing_is_a_failure(self):
        self.echo_worker()
        for arguments in (("submit", "default", "x"), ("submit", "default", "x", "--detach"), ("status",),
                          ("submit", "default", "--lines", "@" + self.path("file", "a\n"))):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                verb, *rest = arguments
                process = self.start([ANDIRON, verb, "--socket", self.socket, *rest], stdout=full,
                                     stderr=subprocess.PIPE)
                _, err = process.communicate(timeout=DEADLINE)
                self.assertEqual(process.returncode, 70)
                self.assertIn(b"No space left on device", err)


class SubmitLines(WithWorker):
    def reusing_worker(self, *arguments):
        return self.start_worker("--warm", "2", "--max_children", "2", "--max_jobs_per_child", "0", *arguments)

    def test_thousands_of_lines_are_as_many_jobs(self):
        self.reusing_worker("--", ECHO)
        lines = "".join(f"{i}\n" for i in range(5000))
        code, out, err = self.submit("default", "--lines", stdin=lines)
        self.assertEqual((code, out, err), (0, lines, ""))
        self.assertEqual(self.pool()["jobs"]["succeeded"], 5000)

    def test_a_small_queue_only_slows_them_down(self):
        self.reusing_worker("--queue_limit", "3", "--", ECHO)
        lines = "".join(f"{i}\n" for i in range(200))
        code, out, err = self.submit("default", "--lines", stdin=lines)
        self.assertEqual((code, out, err), (0, lines, ""))

    def test_json_is_an_object_for_each(self):
        self.reusing_worker("--", ECHO, "--fail")
        code, out, _ = self.submit("default", "--lines", "-o", "json", "@" + self.path("file", "a\nb\n"))
        self.assertEqual(code, 125)
        jobs = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(job["outcome"], job["error"]) for job in jobs], [("FAILED", "a"), ("FAILED", "b")])
        self.assertEqual(len({job["id"] for job in jobs}), 2)

    def test_detached_lines_give_the_ids_of_the_jobs(self):
        self.reusing_worker("--", ECHO)
        code, out, err = self.submit("default", "--lines", "--detach", "-o", "json", stdin="a\nb\n")
        self.assertEqual(code, 0, err)
        self.assertEqual([json.loads(line)["outcome"] for line in out.splitlines()], ["ACCEPTED", "ACCEPTED"])
        wait_until(lambda: self.pool()["jobs"]["succeeded"] == 2, "the jobs have ended")

    def test_no_more_are_under_way_than_their_results_may_wait_unread(self):
        self.reusing_worker("--", *GATE)
        count, size = 200, 1_000_000
        with open(self.path("out"), "wb") as out:
            submitted = self.start([ANDIRON, "submit", "--socket", self.socket, "default", "--lines", "--unordered",
                                    "@" + self.path("file", f"big {size}\n" * count)], stdout=out,
                                   stderr=subprocess.PIPE)
        wait_until(lambda: self.pool()["jobs"]["succeeded"] > 0, "the first has ended")
        submitted.send_signal(signal.SIGSTOP)
        self.assertLess(self.pool()["jobs"]["accepted"], count)
        wait_until(lambda: not self.children("busy") and self.pool()["queued"] == 0, "all that was under way has ended")
        submitted.send_signal(signal.SIGCONT)
        self.ends_with(submitted, 0)
        self.assertEqual(os.path.getsize(self.path("out")), count * (size + 1), submitted.stderr.read())

    def test_the_exit_code_is_that_of_all_failures_where_they_agree(self):
        self.reusing_worker("--max_payload", "10B", "--", ECHO, "--sleep-ms", "600000")
        many = "@" + self.path("many", "12345678901\n" * 3)
        self.assertEqual(self.submit("default", "--lines", many)[0], 65)
        self.assertEqual(self.submit("nowhere", "--lines", many)[0], 64)
        late = "@" + self.path("late", "a\nb\n")
        self.assertEqual(self.submit("default", "--lines", "--run-for", "50ms", late)[0], 124)
        mixed = "@" + self.path("mixed", "a\n12345678901\n")
        self.assertEqual(self.submit("default", "--lines", "--run-for", "50ms", mixed)[0], 125)

    def test_a_line_beyond_the_limit_is_refused_and_the_others_go_on(self):
        self.reusing_worker("--max_payload", "10B", "--", ECHO)
        lines = "a\n" + "x" * 5000 + "\n12345678901\n" + "x" * 1_000_000 + "\nb\n"
        code, out, err = self.submit("default", "--lines", stdin=lines)
        self.assertEqual((code, out), (65, "a\nb\n"), err)
        for number in (2, 4):
            self.assertIn(f"job {number} (stdin:{number}): refused, TOO_LARGE: larger than max_payload (10 bytes); "
                          "raise max_payload of the worker's pool\n", err)
        self.assertIn("(stdin:3): refused, TOO_LARGE", err)
        code, out, _ = self.submit("default", "--lines", "-o", "json", stdin=lines)
        self.assertEqual([job.get("refusal") for job in map(json.loads, out.splitlines())],
                         [None, "TOO_LARGE", "TOO_LARGE", "TOO_LARGE", None])

    def test_a_file_that_is_not_there_is_65_and_named(self):
        self.reusing_worker("--", ECHO)
        code, _, err = self.submit("default", "--lines", "@" + self.path("nowhere"))
        self.assertEqual(code, 65)
        self.assertIn("nowhere: No such file or directory", err)

    def test_a_worker_that_dies_is_69(self):
        worker = self.start_worker("--warm", "2", "--", ECHO, "--sleep-ms", "600000")
        submitted = self.start([ANDIRON, "submit", "--socket", self.socket, "default", "--lines",
                                "@" + self.path("file", "a\nb\n")], stderr=subprocess.PIPE)
        wait_until(lambda: self.children("busy"), "a job runs")
        worker.kill()
        self.ends_with(submitted, 69)
        self.assertIn(b"2 jobs without an outcome", submitted.stderr.read())


class Status(WithWorker):
    @shows("R115")
    def test_json_has_exactly_the_documented_names(self):
        self.start_worker("--name", "hearth", "--warm", "1", "--max_children", "3", "--", ECHO)
        wait_until(lambda: self.children("idle"), "a child is idle")
        status = self.status()
        self.assertLessEqual({"worker", "pools"}, status.keys())
        self.assertLessEqual({"name", "version", "pid", "state", "uptime_s", "loop_lag_ms"}, status["worker"].keys())
        self.assertEqual((status["worker"]["name"], status["worker"]["state"]), ("hearth", "running"))
        pool = status["pools"][0]
        self.assertLessEqual(POOL_FIELDS, pool.keys())
        self.assertEqual(set(pool["slots"]), SLOT_FIELDS)
        self.assertEqual(set(pool["initialize"]), INITIALIZE_FIELDS)
        self.assertEqual(set(pool["jobs"]), JOB_FIELDS)
        for counts in (pool["slots"], pool["initialize"], pool["jobs"]):
            for count in counts.values():
                self.assertIs(type(count), int)
        self.assertEqual(sum(pool["slots"].values()), 3)
        self.assertEqual((pool["warm"], pool["max_children"], pool["capacity"], pool["breaker"]), (1, 3, 1, "closed"))
        child = pool["children"][0]
        self.assertLessEqual({"slot", "generation", "pid", "state", "since_ms", "job"}, child.keys())
        self.assertEqual((child["state"], child["job"]), ("idle", ""))

    @shows("C12")
    def test_the_log_says_what_one_needs_to_know_about_the_start(self):
        worker = self.start_worker("--name", "hearth", "--warm", "1", "--max_children", "3", "--", ECHO)
        said = next(line for line in self.log().splitlines() if "socket=" in line)
        for fact in ("name=hearth", f"pid={worker.pid}", f"socket={self.socket}", "containment=", "warm 1", ECHO):
            self.assertIn(fact, said)

    def test_a_socket_that_is_not_ours_is_77(self):
        self.start_worker("--warm", "1", "--", ECHO)
        os.chmod(self.socket, 0)
        # Root may do everything, unless it gives that up.
        less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
        client = self.start((less if os.geteuid() == 0 else []) + [ANDIRON, "status", "--socket", self.socket],
                            stderr=subprocess.PIPE)
        self.ends_with(client, 77)
        self.assertIn(self.socket.encode(), client.stderr.read())

    def test_people_get_a_table(self):
        self.start_worker("--warm", "1", "--", ECHO)
        wait_until(lambda: self.children("idle"), "a child is idle")
        code, out, _ = self.client("status")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^POOL +WARM +MAX ")
        self.assertRegex(out, r"(?m)^  default/0\.1 +\d+ +idle ")

    @shows("R117", "R119")
    def test_a_failing_pool_explains_itself(self):
        self.start_worker("--warm", "1", "--", FAULT, "complain-and-exit")
        wait_until(lambda: self.pool()["breaker"] == "open", "the breaker opens")
        self.assertEqual(self.pool()["capacity"], 0)
        _, out, _ = self.client("status")
        self.assertIn("exited with code 3", out)
        # Its last lines, also the one without an end.
        autopsies = self.status()["autopsies"]
        self.assertTrue(autopsies)
        for autopsy in autopsies:
            self.assertIn("  last lines of stderr:\n", autopsy["text"])
            self.assertIn("    complaint 100\n    no model at /models/large\n", autopsy["text"])
        self.assertRegex(self.log(), r"(?m) warn +no model at /models/large$")
        code, _, err = self.submit("default", "x")
        self.assertEqual(code, 75)
        self.assertIn("BREAKER_OPEN", err)


class Control(WithWorker):
    def test_cancel_ends_a_running_and_a_queued_job(self):
        self.start_worker("--warm", "1", "--max_children", "1", "--", ECHO, "--sleep-ms", "600000")
        running = self.submit_in_background("default", "x", "--id", "running")
        wait_until(lambda: self.children("busy"), "a job runs")
        queued = self.submit_in_background("default", "x", "--id", "queued")
        wait_until(lambda: self.pool()["queued"] == 1, "a job waits")
        for job, arguments in ((queued, ["default", "queued"]), (running, ["running"])):
            self.assertEqual(self.client("cancel", *arguments)[0], 0)
            _, err = job.communicate(timeout=DEADLINE)
            self.assertEqual(job.returncode, 125)
            self.assertIn(b"CANCELLED", err)

    def test_a_second_worker_on_its_socket_is_refused_with_what_to_do(self):
        self.start_worker("--warm", "1", "--", ECHO)
        code, _, err = self.andiron("start", "--socket", self.socket, "--", ECHO)
        self.assertEqual(code, 75)
        self.assertEqual(err, f"andiron: a worker answers at {self.socket} already: give this one another --name or "
                              "--socket, or end that one with `andiron stop`\n")

    def test_a_pool_that_is_not_there_is_named_beside_those_that_are(self):
        self.start_worker("--warm", "1", "--", ECHO)
        code, _, err = self.submit("nowhere", "x")
        self.assertEqual(code, 64, err)
        self.assertEqual(err, "andiron: the job: refused, UNKNOWN_POOL: the worker has no pool of that name: it has "
                              "'default'\n")

    def test_cancel_of_a_job_that_is_not_there_says_so(self):
        self.start_worker("--warm", "1", "--", ECHO)
        code, _, err = self.client("cancel", "no-such-job")
        self.assertEqual(code, 125)
        self.assertIn("no-such-job", err)

    def test_a_drained_worker_refuses_until_it_is_resumed(self):
        self.start_worker("--warm", "1", "--", ECHO)
        self.assertEqual(self.client("drain", "--wait")[0], 0)
        self.assertEqual(self.status()["worker"]["state"], "drained")
        self.assertEqual(self.pool()["capacity"], 0)
        code, _, err = self.submit("default", "x")
        self.assertEqual(code, 75)
        self.assertIn("DRAINING", err)
        self.assertEqual(self.client("resume")[0], 0)
        self.assertEqual(self.submit("default", "x")[:2], (0, "x"))

    def test_a_waiting_drain_returns_when_the_last_job_has_ended(self):
        self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "4000")
        job = self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "a job runs")
        self.assertEqual(self.client("drain", "--wait")[0], 0)
        self.assertEqual(self.pool()["jobs"]["succeeded"], 1)
        self.ends_with(job, 0)

    def test_a_drain_that_takes_too_long_is_124(self):
        self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "600000")
        self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "a job runs")
        self.assertEqual(self.client("drain", "--wait", "--timeout", "100ms")[0], 124)

    def test_stop_returns_when_the_worker_has_gone(self):
        worker = self.start_worker("--warm", "1", "--", ECHO)
        self.assertEqual(self.client("stop")[0], 0)
        self.assertEqual(worker.poll(), 0)
        self.assertFalse(os.path.exists(self.socket))

    def test_an_idle_child_is_told_to_stop_and_ends_in_order(self):
        note = self.path("note")
        self.start_worker("--warm", "1", "--", *GATE, note)
        wait_until(lambda: self.children("idle"), "it is ready")
        self.assertEqual(self.client("stop")[0], 0)
        self.assertEqual(read(note), b"served")

    def test_a_worker_that_stops_is_not_resumed(self):
        worker = self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "600000")
        self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "a job runs")
        stop = self.start([ANDIRON, "stop", "--socket", self.socket], stderr=subprocess.PIPE)
        wait_until(lambda: self.status()["worker"]["state"] == "draining", "it drains")
        code, _, err = self.client("resume")
        self.assertEqual(code, 75)
        self.assertIn("the worker stops", err)
        self.assertEqual(self.client("stop", "--now")[0], 0)
        self.ends_with(stop, 0)
        self.ends_with(worker, 0)

    def test_a_worker_that_was_stopped_holds_nobody_past_their_timeout(self):
        worker = self.start_worker("--", ECHO)
        worker.send_signal(signal.SIGSTOP)
        for verb in (("stop",), ("stop", "--now"), ("drain", "--wait")):
            with self.subTest(verb):
                began = time.monotonic()
                code, _, err = self.client(*verb, "--timeout", "500ms")
                self.assertEqual(code, 124, err)
                self.assertLess(time.monotonic() - began, 8, "less than it would wait for an answer without one")
                self.assertIn(f"the worker (pid {worker.pid}) does not answer", err)
                self.assertIn("`kill -CONT` continues a process that was stopped", err)
        worker.send_signal(signal.SIGCONT)
        worker.terminate()
        self.ends_with(worker, 0)

    def test_stop_now_does_not_wait_for_jobs(self):
        worker = self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "600000")
        job = self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "a job runs")
        self.assertEqual(self.client("stop", "--now")[0], 0)
        self.ends_with(worker, 0, 10)
        job.wait(DEADLINE)
        self.assertIn(job.returncode, (125, 69))

    @shows("R34")
    def test_stop_now_escalates_a_stop_that_waits(self):
        worker = self.start_worker("--warm", "1", "--", ECHO, "--sleep-ms", "600000")
        self.submit_in_background("default", "x")
        wait_until(lambda: self.children("busy"), "a job runs")
        self.assertEqual(self.client("stop", "--timeout", "100ms")[0], 124)
        self.assertEqual(self.client("stop", "--now")[0], 0)
        self.ends_with(worker, 0, 10)


class Named(WithWorker):
    def setUp(self):
        super().setUp()
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        self.prod = self.start_worker("--name", "prod", "--warm", "1", "--", ECHO)
        with open(self.path("log of batch"), "wb") as log:
            self.batch = self.start([ANDIRON, "start", "--name", "batch", "--warm", "1", "--", ECHO], stderr=log)
        wait_until(lambda: self.andiron("status", "--name", "batch")[0] == 0, "both have started")

    def name_at(self, *arguments):
        code, out, err = self.andiron("status", "-o", "json", *arguments)
        self.assertEqual(code, 0, err)
        return json.loads(out)["worker"]["name"]

    def test_no_other_worker_is_asked_than_the_flag_names(self):
        self.environment["ANDIRON_SOCKET"] = self.socket
        for verb in (("stop",), ("drain",), ("submit", "default", "x"), ("submit", "default", "--lines")):
            with self.subTest(verb):
                self.assertEqual(self.andiron(*verb, "--name", "batch"),
                                 (69, "", f"andiron: the worker at {self.socket} is 'prod', not 'batch': give "
                                          "--socket, or unset ANDIRON_SOCKET\n"))
        self.assertEqual(self.status()["worker"]["state"], "running")
        self.assertEqual(self.pool()["jobs"]["accepted"], 0)
        del self.environment["ANDIRON_SOCKET"]
        self.assertEqual(self.andiron("stop", "--name", "batch")[0], 0)
        self.ends_with(self.batch, 0)
        self.assertIsNone(self.prod.poll())

    def test_a_socket_and_a_name_that_contradict_each_other_are_no_worker(self):
        code, _, err = self.client("stop", "--name", "batch")
        self.assertEqual(code, 69)
        self.assertIn("is 'prod', not 'batch': give the right --name or --socket", err)
        self.assertEqual(self.client("stop", "--name", "prod")[0], 0)
        self.ends_with(self.prod, 0)

    def test_in_the_environment_the_socket_counts(self):
        self.environment.update(ANDIRON_SOCKET=self.socket, ANDIRON_NAME="batch")
        self.assertEqual(self.name_at(), "prod")
        self.environment["ANDIRON_SOCKET"] = ""
        self.assertEqual(self.name_at(), "batch")
        self.environment["ANDIRON_NAME"] = ""
        self.assertEqual(self.name_at("--name", "prod", "--socket", self.socket), "prod")


class StoppedInWords(EndToEnd):
    """A worker of four frames, whose process is this one: it says that it has stopped, and doesn't end."""

    HELLO = b"\x0a\x0e" + b"\x08\x01" + b"\x12\x010" + b"\x1a\x01w" + b"\x20\x01" + b"\x28\x80\x80\x01"
    DONE = b"\x3a\x02" + b"\x08\x01"

    def serve(self, listener):
        with listener, listener.accept()[0] as client:
            for answer in (self.HELLO, self.DONE):
                client.recv(4096)
                client.sendall(bytes([len(answer)]) + answer)

    def test_stop_says_that_the_process_stays(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.socket)
        listener.listen()
        worker = threading.Thread(target=self.serve, args=[listener])
        worker.start()
        code, _, err = self.andiron("stop", "--socket", self.socket, "--timeout", "3s")
        worker.join(DEADLINE)
        self.assertEqual(code, 124)
        self.assertIn("has stopped, but its process (pid 1) doesn't end", err)
