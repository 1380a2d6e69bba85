"""What the command says about itself, and what it says when it is told nonsense."""

from rig import ECHO, EndToEnd, WithWorker, wait_until

VERBS = ("start", "run", "submit", "status", "cancel", "drain", "resume", "stop")


class Help(EndToEnd):
    def test_every_verb_has_help_with_examples(self):
        for verb in VERBS:
            with self.subTest(verb):
                code, out, err = self.andiron(verb, "--help")
                self.assertEqual((code, err), (0, ""))
                self.assertIn("Examples:", out)
                self.assertIn(f"andiron {verb}", out)

    def test_the_program_lists_its_verbs(self):
        code, out, _ = self.andiron("--help")
        self.assertEqual(code, 0)
        for verb in VERBS + ("config",):
            self.assertIn(verb, out)

    def test_the_version_is_told(self):
        code, out, _ = self.andiron("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^andiron \d+\.\d+\.\d+\n$")


class Usage(EndToEnd):
    def assert_usage(self, *arguments, says=""):
        code, out, err = self.andiron(*arguments)
        self.assertEqual((code, out), (64, ""), err)
        self.assertIn(says, err)

    def test_an_unknown_verb_gets_the_nearest_right_name(self):
        self.assert_usage("sumbit", says="did you mean 'submit'?")

    def test_an_unknown_flag_gets_the_nearest_right_name(self):
        self.assert_usage("run", "--wram", "4", "--", ECHO, says="did you mean '--warm'?")

    def test_no_verb(self):
        self.assert_usage(says="expected a verb")

    def test_too_little(self):
        self.assert_usage("submit", says="POOL")
        self.assert_usage("cancel", says="JOB")
        self.assert_usage("cancel", "a", "b", "c", says="expected [POOL] JOB, no more")
        self.assert_usage("cancel", "a", "b", "c", "d", says="expected [POOL] JOB, no more")
        self.assert_usage("cancel", "a", "--", "b", "c", says="expected [POOL] JOB, no more")
        self.assert_usage("cancel", "--", says="JOB")

    def test_durations_need_a_unit(self):
        self.assert_usage("submit", "pool", "x", "--run-for", "ten", says="--run-for")
        self.assert_usage("drain", "--timeout", "ten", says="--timeout")

    def test_a_wait_takes_some_time(self):
        for verb in ("drain", "stop"):
            self.assert_usage(verb, "--timeout", "0", says="--timeout 0: without any time there is no answer")

    def test_a_verb_that_starts_no_child_takes_none(self):
        self.assert_usage("status", "--", ECHO, says="--")
        self.assert_usage("config", "schema", "--", ECHO, says="--")

    def test_a_verb_without_settings_takes_none_of_a_pool(self):
        for verb in (("status",), ("drain",), ("resume",), ("stop",), ("cancel", "x"), ("submit", "a", "x"),
                     ("config", "schema")):
            self.assert_usage(*verb, "--pool.a.warm", "3", says="unknown flag '--pool.a.warm'")

    def test_lines_and_a_literal_payload_contradict_each_other(self):
        self.assert_usage("submit", "pool", "payload", "--lines", says="--lines")

    def test_a_configuration_is_one_file(self):
        for verb in ("check", "show"):
            self.assert_usage("config", verb, "--config", "one.yaml", "other.yaml", says="--config excludes FILE")

    def test_no_command(self):
        self.assert_usage("run", says="command")

    def test_a_wrong_value(self):
        self.assert_usage("run", "--warm", "some", "--", ECHO, says="warm")


class Words(WithWorker):
    """Names are taken as they are, whatever they look like."""

    def test_the_usage_names_them_once(self):
        self.assertIn("Usage: andiron cancel [OPTIONS] [POOL] JOB\n", self.andiron("cancel", "--help")[1])
        self.assertIn("Usage: andiron run [OPTIONS] [FILE...]\n", self.andiron("run", "--help")[1])

    def test_a_file_may_be_named_like_a_list(self):
        files = [self.path(name, f"{name}\n") for name in ("[a]", "[a,b]", "{}", "[]", "%%")]
        code, out, err = self.andiron("run", *(file[len(self.folder) + 1:] for file in files), "--", ECHO,
                                      cwd=self.folder)
        self.assertEqual((code, out), (0, "[a]\n[a,b]\n{}\n[]\n%%\n"), err)

    def test_a_job_named_like_a_list_is_that_one(self):
        self.start_worker("--max_children", "2", "--", ECHO, "--sleep-ms", "600000")
        self.assertEqual(self.submit("default", "x", "--detach", "--id", "nightly")[0], 0)
        for names in (("[nightly]",), ("[default]", "nightly"), ("[default,nightly]",)):
            self.assertEqual(self.client("cancel", *names)[0], 125, names)
        self.assertEqual(self.submit("default", "x", "--detach", "--id", "[nightly]")[0], 0)
        self.assertEqual(self.client("cancel", "default", "[nightly]"), (0, "", ""))
        self.assertEqual(self.client("cancel", "nightly"), (0, "", ""))

    def test_a_job_named_like_a_flag_is_that_one(self):
        self.start_worker("--max_children", "2", "--", ECHO, "--sleep-ms", "600000")
        for names in (("--", "-x"), ("default", "--", "-x"), ("--", "default", "-x")):
            self.assertEqual(self.submit("default", "x", "--detach", "--id=-x"), (0, "-x\n", ""))
            self.assertEqual(self.client("cancel", *names), (0, "", ""))
            wait_until(lambda: not self.children("busy"), "it has ended")


class Configuration(EndToEnd):
    def test_an_error_in_the_file_is_78_with_its_place(self):
        path = self.path("andiron.yaml", f"pools:\n  spell:\n    command: {ECHO}\n    wram: 3\n")
        for verb in ("start", "run"):
            with self.subTest(verb):
                code, _, err = self.andiron(verb, "--config", path)
                self.assertEqual(code, 78)
                self.assertIn(f"{path}:4:5", err)
                self.assertIn("did you mean 'warm'?", err)

    def test_contradictions_are_78(self):
        path = self.path("andiron.yaml", f"pools:\n  spell:\n    command: {ECHO}\n    warm: 5\n    max_children: 2\n")
        code, _, err = self.andiron("start", "--config", path)
        self.assertEqual(code, 78)
        self.assertIn("max_children", err)

    def test_a_missing_file_is_78(self):
        code, _, err = self.andiron("start", "--config", "/no/such/file.yaml")
        self.assertEqual(code, 78)
        self.assertIn("/no/such/file.yaml", err)

    def test_a_batch_may_take_its_pool_from_a_file(self):
        path = self.path("andiron.yaml", f"pools:\n  spell:\n    command: {ECHO}\n    warm: 1\n")
        self.assertEqual(self.andiron("run", "-q", "--config", path, stdin="a\n"), (0, "a\n", ""))

    def test_a_batch_wants_one_pool(self):
        path = self.path("andiron.yaml", f"pools:\n  a:\n    command: {ECHO}\n  b:\n    command: {ECHO}\n")
        code, _, err = self.andiron("run", "--config", path)
        self.assertEqual(code, 78)
        self.assertIn("exactly one pool", err)
