"""examples/room_clerk, both of them, under a worker: the payload, the token's claims, the behaviours."""

import importlib.util
import json
import os
import unittest

import contract
import livekit_api
from rig import BIN, EndToEnd, read

CLERKS = {
    "C++": [os.path.join(BIN, "room-clerk")],
    "Python": ["/usr/bin/python3", os.path.join(contract.SOURCE, "examples", "room_clerk", "room_clerk.py")],
}


def token(room, identity):
    return livekit_api.make_token("key", "a secret that signs", {"room": room, "roomJoin": True}, sub=identity)


def payload(id="AJ_1", room="hall", metadata="", identity="agent-AJ_1", token=""):
    job = contract.agent_job.AgentJob(url="ws://localhost", identity=identity, token=token)
    job.job.ParseFromString(contract.job_bytes(id, room, metadata))
    return job.SerializeToString()


class RoomClerk(EndToEnd):
    def run_one(self, command, content):
        """The job's line of `andiron run -o json`, as a dict."""
        job = self.path("job", content)
        code, out, err = self.andiron("run", "--warm=1", "--split=file", "-o", "json", job, "--", *command)
        self.assertTrue(out, err)
        self.said = out + err
        return json.loads(out)

    def each(self, content):
        """(language, result) of both clerks."""
        for language, command in CLERKS.items():
            with self.subTest(language):
                yield self.run_one(command, content)

    def test_it_says_what_it_got(self):
        for result in self.each(payload(token=token("hall", "agent-AJ_1"))):
            self.assertEqual(result["payload"], "AJ_1 for room hall as agent-AJ_1: the token says the same")

    def test_it_notices_a_token_for_something_else(self):
        cases = {
            token("cellar", "agent-AJ_1"): "the token is for room cellar",
            token("hall", "thief"): "the token is for thief",
            "": "there is no token",
            "no.token": "the token can't be read",
            "no.to!ken.either": "the token can't be read",
        }
        for one, text in cases.items():
            for result in self.each(payload(token=one)):
                self.assertEqual(result["payload"], "AJ_1 for room hall as agent-AJ_1: " + text)
                if one:
                    self.assertNotIn(one, self.said)

    def test_it_fails_as_it_is_told(self):
        for result in self.each(payload(metadata="sleep=10ms fail=no such thing")):
            self.assertEqual(result["outcome"], "FAILED")
            self.assertIn("no such thing", result["error"])

    def test_it_exits_and_crashes_as_it_is_told(self):
        for result in self.each(payload(metadata="exit=7")):
            self.assertEqual(result["outcome"], "CHILD_CRASHED")
            self.assertIn("exited with code 7", result["error"])
        for result in self.each(payload(metadata="crash")):
            self.assertIn("SIGSEGV", result["error"])

    def test_a_hanging_one_doesnt_listen(self):
        for command in CLERKS.values():
            job = self.path("job", payload(metadata="hang"))
            code, out, err = self.andiron("run", "--warm=1", "--run-for=200ms", "--cancel-grace=100ms",
                                          "--stop-grace=100ms", "--split=file", "-o", "json", job, "--", *command)
            self.assertIn('"outcome":"TIMED_OUT"', out, err)

    def test_it_says_when_it_cant_warm_up(self):
        for command in CLERKS.values():
            job = self.path("job", payload())
            _, _, err = self.andiron("run", "--warm=1", "--split=file", job, "--", *command, "--prewarm",
                                     "fail=the model is missing")
            self.assertIn("the model is missing", err)

    def test_it_keeps_a_book(self):
        for language, command in CLERKS.items():
            book = self.path("book" + language)
            self.run_one(command + ["--book", book], payload())
            lines = [line.split() for line in read(book).decode().splitlines()]
            self.assertEqual([line[:3] for line in lines], [["begin", "AJ_1", "hall"], ["end", "AJ_1", "hall"]])
            self.assertLessEqual(int(lines[0][4]), int(lines[1][4]))

    def test_what_isnt_an_agent_job_fails(self):
        for result in self.each(b"\xff\xff"):
            self.assertEqual(result["outcome"], "FAILED")


class Dispatch(unittest.TestCase):
    def test_only_the_scheme_of_the_servers_url_is_another_one(self):
        path = os.path.join(contract.SOURCE, "examples", "room_clerk", "dispatch.py")
        spec = importlib.util.spec_from_file_location("dispatch", path)
        dispatch = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(dispatch)
        for url, wanted in {"ws://127.0.0.1:7880": "http://127.0.0.1:7880",
                            "WSS://ws.example/ws/": "https://ws.example/ws",
                            "https://news.example": "https://news.example",
                            "http://ws.example:80/": "http://ws.example:80"}.items():
            self.assertEqual(dispatch.http(url), wanted)


if __name__ == "__main__":
    unittest.main()
