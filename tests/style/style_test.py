"""Runs the house rules over the tree, and each rule over a sample that it must catch and one that it must not."""

import os
import unittest

import rules
from rules import File

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("ANDIRON_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))


def found(rule, path, text):
    return list(rule(File(path, text)))


def guarded(name, body="", comment="// Promises.\n"):
    return f"{comment}#ifndef {name}\n#define {name}\n{body}#endif  // {name}\n"


LONG_BODY = "  Go();\n" * 59

# rule: [(path, bad text)], [(path, good text)]
SAMPLES = {
    rules.libuv_stays_in_the_worker: (
        [("jobs/core.cc", "#include <uv.h>\n"), ("ipc/frame.cc", '#include "uv.h"\n'),
         ("tools/x.cc", "#include <uv.h>\n")],
        [("worker/driver/driver.cc", "#include <uv.h>\n"), ("jobs/core.cc", "// #include <uv.h>\n")]),
    rules.one_file_reads_the_clock: (
        [("worker/driver/driver.cc", "auto t = std::chrono::steady_clock::now();\n"),
         ("jobs/core.cc", "clock_gettime(CLOCK_MONOTONIC, &t);\n"), ("worker/a.cc", "x = uv_now(loop);\n"),
         ("tools/run.cc", "auto t = time(nullptr);\n"), ("worker/a.cc", "gettimeofday(&t, nullptr);\n")],
        [("worker/base/clock.cc", "clock_gettime(CLOCK_MONOTONIC, &t);\n"),
         (rules.LOOP_TIME_ALLOWED, "uv_now(loop);\n"), ("tests/a.cc", "steady_clock::now();\n"),
         ("worker/a.cc", "// not clock_gettime\nlast_time(&x); child.time(0);\n"),
         ("worker/child/serve.cc", "condition.wait_for(lock, time);\n")]),
    rules.tests_wait_for_conditions: (
        [("tests/a_test.cc", "std::this_thread::sleep_for(1s);\n"), ("tests/a_test.py", "time.sleep(1)\n"),
         ("tests/a_test.cc", "usleep(10);\n"), ("tests/a_test.cc", "sleep(1);\n")],
        [("tests/a_test.cc", 'Command("sleep 60");\n'), ("bench/a.cc", "usleep(10);\n"),
         ("tests/python/child.py", "time.sleep(60)\n"), ("tests/children/fault_child.cc", "sleep(60);\n")]),
    rules.nobody_kills_by_a_remembered_number: (
        [("worker/a.cc", "kill(pid_, SIGKILL);\n"), ("worker/a.cc", "::kill(-pid, SIGTERM);\n"),
         ("tools/a.cc", "killpg(pid, SIGTERM);\n"), ("worker/a.cc", "uv_process_kill(&process, 9);\n"),
         ("sdk/a.py", "os.kill(pid, 9)\n"), ("worker/a.cc", "syscall(SYS_tgkill, 1, 2, 3);\n")],
        [("worker/a.cc", "children_.kill(child); Kill(child); // kill(pid)\n"),
         ("tests/a.cc", "kill(pid, SIGTERM);\n"),
         ("examples/a.cc", "kill(getpid(), SIGSEGV);\n"), (next(iter(rules.KILLS_ALLOWED)), "kill(-pid, SIGKILL);\n")]),
    rules.nobody_reaps_all: (
        [("worker/a.cc", "waitpid(-1, &status, WNOHANG);\n"), ("worker/a.cc", "waitid(P_ALL, 0, &i, WEXITED);\n"),
         ("worker/a.cc", "::wait(&status);\n")],
        [("worker/a.cc", "waitpid(pid, &status, WNOHANG); condition.wait(lock);\n"),
         ("worker/a.cc", "waitid(P_ALL, 0, &status, WSTOPPED | WNOHANG);\n"),
         ("tests/a.cc", "waitpid(-1, 0, 0);\n")]),
    rules.files_are_short: (
        [("worker/a.cc", "\n" * 401), ("tests/a.cc", "\n" * 601)],
        [("worker/a.cc", "\n" * 400), ("tests/a.cc", "\n" * 600)]),
    rules.functions_are_short: (
        [("worker/a.cc", "namespace a {\nint F(int b) {\n" + LONG_BODY + "}\n}\n"),
         ("worker/a.cc", "class A {\n public:\n  void F() const {\n" + LONG_BODY + "  }\n};\n"),
         ("worker/a.cc", "A::A(int b)\n    : b_{b} {\n" + LONG_BODY + "}\n"),
         ("sdk/a.py", "def f():\n" + "    go()\n" * 60)],
        [("worker/a.cc", "namespace a {\nint F() {\n" + LONG_BODY[:-len("  Go();\n")] + "}\n}\n"),
         ("worker/a.cc", "namespace a {\nstruct B {\n" + "  int a = 1;\n" * 80 + "};\n}\n"),
         ("sdk/a.py", "def f():\n" + "    go()\n" * 59)]),
    rules.names_say_what_things_are: (
        [("worker/a.h", "class ChildManager {};\n"), ("jobs/a.cc", "PoolContext x;\n"),
         ("sdk/a.py", "class SocketUtil: pass\n")],
        [("worker/a.h", "class JobHandler; class JobContext; level = LogLevel::kInfo; // a Manager\n"),
         ("worker/a.cc", "class A : YAML::EventHandler {}; handle->data = Informal(\"Info\");\n")]),
    rules.nothing_is_left_for_later: (
        [("jobs/a.cc", "// TO" "DO: later\n"), ("docs/a.md", "# A\nFIX" "ME\n")], [("jobs/a.cc", "// Done.\n")]),
    rules.includes_point_left: (
        [("ipc/a.cc", '#include "jobs/core.h"\n'), ("jobs/a.cc", '#include "worker/base/log.h"\n'),
         ("jobs/a.cc", "#include <andiron/worker.h>\n"), ("ipc/a.h", "#include <andiron/settings.h>\n"),
         ("worker/a.cc", '#include "tests/fake.h"\n'), ("tools/a.cc", '#include "tests/sim/run.h"\n'),
         ("examples/a.cc", '#include "worker/base/log.h"\n')],
        [("worker/a.cc", '#include "jobs/core.h"\n#include "proto/child.pb.h"\n'),
         ("jobs/a.cc", "#include <andiron/time.h>\n"),
         ("examples/a.cc", "#include <andiron/child.h>\n"), ("tools/a.cc", '#include "worker/base/log.h"\n'),
         (rules.SIMULATOR + "main.cc", '#include "tests/sim/run.h"\n')]),
    rules.the_child_sdk_stays_small: (
        [("worker/child/a.cc", "#include <absl/status/status.h>\n"), ("worker/child/a.cc", "#include <uv.h>\n"),
         ("worker/child/a.cc", '#include "worker/base/log.h"\n'),
         ("worker/child/a.cc", "#include <andiron/worker.h>\n")],
        [("worker/child/a.cc", '#include <andiron/child.h>\n#include "ipc/frame.h"\n#include "worker/child/a.h"\n')]),
    rules.headers_begin_with_their_promise: (
        [("jobs/a.h", guarded("ANDIRON_JOBS_A_H_", comment="")), ("jobs/a.h", guarded("A_H")),
         ("jobs/include/andiron/a.h", guarded("ANDIRON_JOBS_INCLUDE_ANDIRON_A_H_"))],
        [("jobs/a.h", guarded("ANDIRON_JOBS_A_H_")), ("jobs/include/andiron/a.h", guarded("ANDIRON_A_H_")),
         ("examples/a/b.h", guarded("EXAMPLES_A_B_H_"))]),
    rules.markdown_begins_with_a_title: ([("docs/a.md", "Text\n"), ("docs/a.md", "## A\n")], [("docs/a.md", "# A\n")]),
    rules.lines_fit: ([("jobs/a.cc", "x" * 121 + "\n")], [("jobs/a.cc", "x" * 120 + "\n"), ("docs/a.md", "x" * 200)]),
    rules.ownership_is_plain: (
        [("worker/a.cc", "std::shared_ptr<A> a;\n"), ("worker/a.cc", "auto f = [=] { return a; };\n"),
         ("jobs/a.cc", "throw 1;\n")],
        [("worker/a.cc", "auto f = [a] { return a; }; // throw\n"), ("examples/a.cc", "throw 1;\n")]),
    rules.one_thread_decides: (
        [("worker/driver/a.cc", "std::thread t(f);\n"), ("jobs/a.cc", "std::mutex m;\n")],
        [("worker/children/a.cc", "std::thread t(f);\n"), ("worker/child/serve.cc", "std::mutex m;\n")]),
    rules.scripts_stop_at_the_first_error: (
        [("tools/a", "#!/bin/bash\necho\n"), ("tests/a.sh", "#!/usr/bin/env bash\nset -e\n")],
        [("tools/a", "#!/bin/bash\n# Does a.\nset -euo pipefail\n"), ("tools/b", "#!/usr/bin/env python3\n")]),
}


class Rules(unittest.TestCase):
    def test_every_rule_has_samples(self):
        self.assertEqual(set(SAMPLES), set(rules.RULES))

    def test_bad_samples_are_caught(self):
        for rule, (bad, _) in SAMPLES.items():
            for path, text in bad:
                with self.subTest(rule=rule.__name__, path=path, text=text[:60]):
                    self.assertTrue(found(rule, path, text))

    def test_good_samples_pass(self):
        for rule, (_, good) in SAMPLES.items():
            for path, text in good:
                with self.subTest(rule=rule.__name__, path=path, text=text[:60]):
                    self.assertEqual(found(rule, path, text), [])

    def test_comments_and_literals_are_not_code(self):
        code = rules.blank_cpp('a("x // y"); // kill(1)\nb(\'"\'); /* throw\n */ c(1\'000, R"(kill(2))");\n')
        self.assertEqual(code.count("\n"), 3)
        self.assertNotIn("kill", code)
        self.assertNotIn("throw", code)
        self.assertIn("c(1'000", code)
        self.assertIn("b(", code)


class Tree(unittest.TestCase):
    def test_the_tree_keeps_the_rules(self):
        broken = []
        count = 0
        for file in rules.tree(ROOT):
            count += 1
            for rule in rules.RULES:
                broken += [f"{file.path}:{number}: {what}" for number, what in rule(file)]
        self.assertGreater(count, 50, "the walk found the tree")
        self.assertEqual(broken, [], "\n" + "\n".join(broken))

    def test_links_between_pages_lead_somewhere(self):
        broken = []
        for file in rules.tree(ROOT):
            if file.path.endswith(".md"):
                folder = os.path.dirname(os.path.join(ROOT, file.path))
                broken += [f"{file.path}: {link}" for link in rules.links(file.text)
                           if not os.path.exists(os.path.join(folder, link))]
        self.assertEqual(broken, [])

    def test_links_are_found(self):
        text = "[a](b.md#c) [d](https://e/f) [g](#h) ![i](j/k.png) `[l](m)`"
        self.assertEqual(rules.links(text), ["b.md", "j/k.png"])

    def test_exceptions_name_files_that_exist(self):
        for path in rules.KILLS_ALLOWED:
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)


if __name__ == "__main__":
    unittest.main()
