"""What the tests of docs/security.md share: a worker whose children are intruders, told what to try by their jobs."""

import json
import os
import pwd
import shutil
import stat
import subprocess

from rig import ANDIRON, DEADLINE, WithWorker, default_interrupt, read, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
# All of attack()'s attempts.
REFUSALS = {"EPERM", "EACCES"}


class WithIntruders(WithWorker):
    """The intruder's file is copied to where every user can read it."""

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.intruder = [PYTHON, "-BIS", shutil.copy(os.path.join(HERE, "intruder_child.py"), self.folder)]
        os.chmod(self.intruder[-1], 0o644)

    def start_pools(self, pools, environment=None, command=ANDIRON, **top):
        """`pools`: {name: settings}, intruders if they name no command of their own."""
        config = {"socket": self.socket, **top, "pools": {}}
        for name, settings in pools.items():
            config["pools"][name] = {"command": self.intruder, "warm": 1, "max_children": 2, **settings}
        self.config_path = self.path("config.json", json.dumps(config))
        os.chmod(self.config_path, 0o644)
        self.log_path = self.path("log")
        options = {"env": {**self.environment, **(environment or {})}, "cwd": self.folder}
        with open(self.log_path, "wb") as log:
            worker = self.start([*([command] if isinstance(command, str) else command), "start", "--config",
                                 self.config_path], stderr=log, **options)
        wait_until(lambda: " started " in self.log() or '"worker_started"' in self.log() or worker.poll() is not None,
                   "the worker says that it has started")
        self.assertIsNone(worker.poll(), self.log())
        return worker

    def tell(self, pool, act, *arguments, more=()):
        """What an intruder of the pool reports of this act."""
        code, out, err = self.submit(pool, json.dumps([act, *arguments]), *more)
        self.assertEqual(code, 0, f"{err}\n{self.log()}")
        return json.loads(out)

    def tell_in_background(self, pool, act, *arguments):
        return self.submit_in_background(pool, json.dumps([act, *arguments]))

    def pools(self):
        return {pool["name"]: pool for pool in self.status()["pools"]}

    def idle(self, pool):
        """Process ids of its idle children, of which there is one at least."""

        def look():
            return [child["pid"] for child in self.pools()[pool]["children"] if child["state"] == "idle"]

        return wait_until(look, f"a child of {pool} is idle")

    # ---- as an ordinary user, also where root tests ----

    def as_ordinary_user(self):
        """A command that runs `andiron` as somebody without any power, who owns the test's folder from now on."""
        if not ROOT:
            return [ANDIRON]
        program = shutil.copy(ANDIRON, os.path.join(self.folder, "andiron"))
        os.chown(self.folder, NOBODY.pw_uid, NOBODY.pw_gid)
        return ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "--", program]


def descriptors(pid):
    """{number: what it is} of a process."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            pass
    return found


def listening(pid):
    """The sockets of a process at which anybody on the network could knock: lines of /proc/net."""
    own = {target[8:-1] for target in descriptors(pid).values() if target.startswith("socket:[")}
    found = []
    for kind, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07"}), ("udp6", {"07"})):
        for line in read(f"/proc/{pid}/net/{kind}").decode().splitlines()[1:]:
            words = line.split()
            if words[3] in states and words[9] in own:
                found.append(f"{kind} {words[1]}")
    return found


def files_below(folder):
    """Paths of everything below the folder, relative to it; a directory's ends with a slash."""
    found = []
    for at, folders, names in os.walk(folder):
        for name in folders:
            found.append(os.path.relpath(os.path.join(at, name), folder) + "/")
        for name in names:
            found.append(os.path.relpath(os.path.join(at, name), folder))
    return sorted(found)


def is_socket(path):
    return stat.S_ISSOCK(os.lstat(path).st_mode)


def make_certificate(folder):
    """A self-signed certificate for 127.0.0.1: (certificate, key)."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=security test",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=DEADLINE)
    return certificate, key


__all__ = ["ANDIRON", "DEADLINE", "HERE", "NOBODY", "PYTHON", "REFUSALS", "ROOT", "WithIntruders", "default_interrupt",
           "descriptors", "files_below", "is_socket", "listening", "make_certificate", "read", "wait_until"]
