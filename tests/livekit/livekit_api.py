"""The real LiveKit server for tests: start, stop, freeze and kill it, dispatch jobs, and be a worker by hand.

    server = Server(folder)                       a livekit-server of the test's own, on a free port of 127.0.0.1
    server.create_room("r")
    worker = RawWorker(server, agent_name="a")    registered, in a thread; `policy` answers at once
    server.create_dispatch("r", "a", "metadata")
    offer = worker.wait_for("offer")

Standard library and protobuf only. Every wait is bounded. What a test has started it stops: server.close(),
worker.close(). A server dies with the test's process, whatever happens.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from contract import SOURCE, Heard, job_of, wire
from websocket_frames import BINARY, CLOSE, PING, PONG, FrameReader, frame, read_head

TOOL = os.path.join(SOURCE, "tools", "livekit-server")
DEADLINE = 30  # a test that needs that long has failed
LOOKS = 20  # the least of them before a wait is given up


class Late(AssertionError):
    """What was waited for didn't come in time."""


class ApiError(Exception):
    """A call that the server refused: `status` of HTTP, `code` of Twirp."""

    def __init__(self, status, code, text):
        super().__init__(f"{status} {code}: {text}")
        self.status = status
        self.code = code


class AnswerLost(ApiError):
    """The server has done it, but couldn't put its answer into bytes: the answer is its own object, not a copy, and
    another of its threads changed it meanwhile (1.13.5: AddAgentDispatch and DeleteAgentDispatch)."""


def wait_until(condition, what, seconds=DEADLINE):
    """Returns the condition's first value that is true. A machine that stands still uses up the time, not the looks."""
    looks = 0
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        looks += 1
        if time.monotonic() > end and looks > LOOKS:
            raise Late(f"not within {seconds} s: {what}")
        pause.wait(0.02)


def http_call(port, path="/", body=None, headers=None, timeout=DEADLINE):
    """GET, or POST with a body, at a server of this machine: (status, bytes). OSError if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no answer of HTTP: {error!r}") from None
    finally:
        connection.close()


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(key, secret, video, seconds=3600, **claims):
    """A JWT (HS256) with these grants, and further claims if need be: sub="the identity"."""
    now = int(time.time())
    claims = {"iss": key, "nbf": now, "exp": now + seconds, "video": video, **claims}
    text = _base64(b'{"alg":"HS256","typ":"JWT"}') + "." + _base64(json.dumps(claims).encode())
    return text + "." + _base64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def claims_of(token):
    """What a token says, unverified."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Server:
    """A real server. `folder` is the test's own; the same folder gives the same port, key and secret again."""

    def __init__(self, folder, log_level="debug"):
        self._folder = folder
        self._log_level = log_level
        self._process = None
        self.start()

    def start(self):
        os.makedirs(self._folder, exist_ok=True)
        self.log_path = os.path.join(self._folder, "server.log")
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, TOOL, "run", "--with-parent", "--state", self._folder, "--log-level", self._log_level],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # The first start on a machine builds the server, if the installing test hasn't.
        wait_until(self._answers, "the server answers", 60)

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.log()[-3000:]}")
        try:
            with open(os.path.join(self._folder, "server.json")) as stream:
                state = json.load(stream)
            if state.get("pid") != self._process.pid:
                return False
            self.url, self.key, self.secret = state["url"], state["key"], state["secret"]
            self.port = state["port"]
            return http_call(self.port, timeout=2)[0] == 200
        except (OSError, ValueError):
            return False

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        try:
            with open(self.log_path, errors="replace") as stream:
                return stream.read()
        except OSError:
            return ""

    def wait_for_log(self, *parts, seconds=DEADLINE):
        """Until a line holds all the parts; the line."""
        return wait_until(lambda: self.log_lines(*parts), f"a line of the server's log with {parts}", seconds)[0]

    def log_lines(self, *parts):
        """The lines that hold all the parts."""
        return [line for line in self.log().splitlines() if all(part in line for part in parts)]

    def wait_registered(self, agent_name, count=1, seconds=DEADLINE):
        """Until the server dispatches to so many workers of the agent, counted since its folder was made.

        It answers a registration a moment before that: a dispatch that comes in between is dropped, five seconds later.
        """
        parts = ("worker registered", f'"agentName": "{agent_name}"')
        wait_until(lambda: len(self.log_lines(*parts)) >= count, f"{count} registered as {agent_name}", seconds)

    def wait_known(self, worker_id, seconds=DEADLINE):
        """The same for one worker, by the id that it was given."""
        self.wait_for_log("worker registered", f'"workerID": "{worker_id}"', seconds=seconds)

    # ---- its life ----

    def kill(self):
        self._process.kill()
        self._process.wait(DEADLINE)

    def stop(self):
        """In good order, as an operator does it: told twice, since the first time it waits for people in rooms."""
        for patience in (1, 15):
            self._process.terminate()
            self.thaw()
            try:
                self._process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def restart(self):
        """Killed, and there again at the same address."""
        self.kill()
        self.start()

    def freeze(self):
        """Returns when every thread of it stands still."""
        self._process.send_signal(signal.SIGSTOP)
        wait_until(lambda: set(self._thread_states()) == {"T"}, "the server stands still")

    def _thread_states(self):
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/stat") as stream:
                    yield stream.read().rpartition(") ")[2][0]
            except OSError:
                pass  # a thread that has ended

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process.poll() is None:
            self.kill()

    # ---- what it is asked for ----

    def agent_token(self, **options):
        return make_token(self.key, self.secret, {"agent": True}, **options)

    def call(self, service, method, video, body):
        """One Twirp call; its answer as a dict."""
        headers = {"Content-Type": "application/json",
                   "Authorization": "Bearer " + make_token(self.key, self.secret, video)}
        status, answer = http_call(self.port, f"/twirp/livekit.{service}/{method}", json.dumps(body), headers)
        text = answer.decode(errors="replace")
        if status == 200:
            return json.loads(text)
        try:
            code = json.loads(text).get("code", "")
        except ValueError:
            code = ""
        lost = status == 500 and "marshaling livekit.AgentDispatch: size mismatch" in text
        raise (AnswerLost if lost else ApiError)(status, code, text)

    def create_room(self, name, agents=()):
        """agents: [{"agent_name": ..., "metadata": ...}] are dispatched at once."""
        return self.call("RoomService", "CreateRoom", {"roomCreate": True}, {"name": name, "agents": list(agents)})

    def delete_room(self, name):
        return self.call("RoomService", "DeleteRoom", {"roomCreate": True}, {"room": name})

    def create_dispatch(self, room, agent_name, metadata=""):
        """The dispatch, with its "id". Returns before any worker has answered."""
        try:
            return self._dispatch("CreateDispatch", room, agent_name=agent_name, metadata=metadata)
        except AnswerLost:
            alike = [one for one in self.list_dispatch(room)
                     if (one["agent_name"], one["metadata"]) == (agent_name, metadata)]
            return max(alike, key=lambda one: int(one["state"]["created_at"]))

    def list_dispatch(self, room):
        return self._dispatch("ListDispatch", room)["agent_dispatches"]

    def delete_dispatch(self, room, id):
        try:
            self._dispatch("DeleteDispatch", room, dispatch_id=id)
        except AnswerLost:
            pass  # the dispatch is gone all the same

    def _dispatch(self, method, room, **body):
        video = {"roomAdmin": True, "room": room}
        return self.call("AgentDispatchService", method, video, dict(body, room=room))


class Refused(Exception):
    """The server didn't upgrade the connection; its HTTP status."""

    def __init__(self, status):
        super().__init__(f"HTTP {status}")
        self.status = status


# ---- policies of a RawWorker: called in its thread with each message, as (worker, name, word) ----


def silent(worker, name, word):
    """Answers nothing."""


def refuse(worker, name, word):
    if name == "offer":
        worker.answer(job_of(word).id, False)


def accept(worker, name, word):
    if name == "offer":
        worker.answer(job_of(word).id, True)


def serve(worker, name, word):
    """Accepts each job and ends it well, 30 ms after the assignment."""
    accept(worker, name, word)
    if name == "assignment":
        job = job_of(word).id
        worker.tell_job(job, wire.JobStatus.RUNNING)
        timer = threading.Timer(0.03, worker.tell_job, (job, wire.JobStatus.SUCCESS))
        timer.daemon = True
        timer.start()


class RawWorker:
    """A worker by hand: says what it is told to, keeps all that it hears.

    Usable from any thread. `policy` is called in the reading thread, so its answers are immediate; it may be changed
    at any time.
    """

    def __init__(self, server, agent_name="", type=wire.ROOM, policy=silent, register=True, token=None):
        self.policy = policy
        self.heard = []
        self.worker_id = ""
        self._server = server
        self._changed = threading.Condition()
        self._closed = False
        self._sending = threading.Lock()
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = self._upgrade(server.agent_token() if token is None else token)
        self._reader = threading.Thread(target=self._read, args=(rest,), daemon=True)
        self._reader.start()
        if register:
            self.register(agent_name, type)

    def _upgrade(self, token):
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(("GET /agent?protocol=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                              f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                              f"{authorization}\r\n").encode())
        head, rest = read_head(lambda: self._socket.recv(65536))
        status = int(head.first.split()[1]) if head else 0
        if status != 101:
            self._socket.close()
            raise Refused(status)
        self._socket.settimeout(None)
        return rest

    # ---- hearing ----

    def _read(self, data):
        reader = FrameReader()
        try:
            while True:
                for opcode, payload in reader.feed(data):
                    if opcode == PING:
                        self.send_frame(payload, PONG)
                    elif opcode == CLOSE:
                        return
                    elif opcode == BINARY:
                        self._note(payload)
                data = self._socket.recv(1 << 16)
                if not data:
                    return
        except OSError:
            pass
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _note(self, payload):
        heard = Heard(time.monotonic(), wire.ToWorker.FromString(payload))
        # The answer first: the record is for those who wait.
        self.policy(self, heard.name, heard.word)
        with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()

    def wait(self, condition, what, seconds=DEADLINE):
        """Until condition() is true, looked at whenever something was heard; its value."""
        with self._changed:
            value = self._changed.wait_for(condition, seconds)
            if not value:
                raise Late(f"not within {seconds} s: {what}; heard {self.heard}")
            return value

    def all(self, name):
        """The words heard of that name."""
        return [heard.word for heard in list(self.heard) if heard.name == name]

    def wait_for(self, name, count=1, seconds=DEADLINE):
        """The count-th word of that name."""
        self.wait(lambda: len(self.all(name)) >= count, f"{count} of {name}", seconds)
        return self.all(name)[count - 1]

    def hears(self, name, count=1, seconds=DEADLINE):
        """Whether the count-th word of that name comes (or has come) within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.all(name)) >= count, seconds)

    def wait_closed(self, seconds=DEADLINE):
        self.wait(lambda: self._closed, "the server closes the connection", seconds)

    @property
    def closed(self):
        return self._closed

    # ---- saying ----

    def send_frame(self, payload, opcode=BINARY):
        with self._sending:
            try:
                self._socket.sendall(frame(payload, opcode, mask=True))
            except OSError:
                pass  # the reader notices it

    def say(self, **word):
        """say(ping=wire.Ping(timestamp=1))"""
        self.send_frame(wire.ToServer(**word).SerializeToString())

    def register(self, agent_name, type=wire.ROOM):
        """Registered, and known to those that dispatch, when it returns."""
        permissions = wire.Permissions(can_subscribe=True, can_publish=True, can_publish_data=True,
                                       can_update_metadata=True)
        self.say(registration=wire.Registration(type=type, agent_name=agent_name, version="raw",
                                                permissions=permissions))
        self.worker_id = self.wait_for("registered").worker_id
        self._server.wait_known(self.worker_id)

    def answer(self, job_id, available):
        answer = wire.OfferAnswer(job_id=job_id, available=available)
        if available:
            answer.participant_identity = "agent-" + job_id
        self.say(answer=answer)

    def tell_job(self, job_id, status, error=""):
        self.say(job_status=wire.JobStatus(job_id=job_id, status=status, error=error))

    def tell_load(self, full=False, load=0.0, job_count=0):
        status = wire.WorkerStatus.FULL if full else wire.WorkerStatus.AVAILABLE
        self.say(worker_status=wire.WorkerStatus(status=status, load=load, job_count=job_count))

    def simulate(self, room):
        self.say(simulation=wire.Simulation(room=wire.Room(name=room)))

    def ping(self):
        """There and back: what was said before has been read by the server. Seconds that it took."""
        begun = time.monotonic()
        count = len(self.all("pong"))
        self.say(ping=wire.Ping(timestamp=time.time_ns() // 1_000_000))
        self.wait_for("pong", count + 1)
        return time.monotonic() - begun

    def drop(self):
        """Closes without a word."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.drop()
        self._reader.join(DEADLINE)
        self._socket.close()
