"""The whole worker over TLS and by a proxy: what its settings and its environment say is what its connections do, and
what it doesn't trust hears no token."""

import os
import socket
import ssl
import subprocess
import threading
import unittest

from contract import wire
from hostile_server import HostileServer, assignment, offer
from livekit_api import DEADLINE
from source_rig import EAGER, SourceTest
from websocket_frames import read_head


class Authority:
    """A certificate authority of the test's own, in a folder, and what it signs."""

    def __init__(self, folder):
        self._folder = folder
        os.makedirs(folder)
        self.file = self._path("authority.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=an authority of a test", "-keyout", self._path("authority.key"), "-out", self.file)

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *words], capture_output=True, timeout=DEADLINE, check=False)
        assert done.returncode == 0, done.stderr

    def sign(self, names, days=1):
        """The context of a server with a certificate for these names; days=-1: it expired yesterday."""
        key, request, certificate = (self._path(f"server{ending}") for ending in (".key", ".csr", ".pem"))
        extensions = self._path("names")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
                      "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._path("authority.key"),
                      "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return context


def listens(connection):
    connection.accept()
    connection.register()


class Secure(SourceTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.path("authority"))

    def secure(self, names="IP:127.0.0.1", days=1, port=0):
        server = HostileServer(listens, tls=self.authority.sign(names, days), port=port)
        self.addCleanup(server.close)
        return server

    def trusting(self, server, **options):
        livekit = {**EAGER, "ca_file": self.authority.file, **options.pop("livekit", {})}
        return self.worker(server, livekit=livekit, **options)

    def works(self, worker, server):
        """It is registered there, and does a job."""
        worker.ready()
        connection = server.connections[-1]
        connection.wait(lambda: connection.all("worker_status")[-1].status == wire.WorkerStatus.AVAILABLE, "it is free")
        connection.say(offer("AJ_1"))
        connection.hear("answer")
        connection.say(assignment("AJ_1"))
        connection.wait(lambda: "SUCCESS" in connection.statuses("AJ_1"), "the job is done")
        self.assertTrue(connection.request.headers["authorization"].startswith("Bearer "))


class Certificates(Secure):
    def test_an_authority_of_ones_own_is_trusted_by_setting(self):
        server = self.secure()
        self.works(self.trusting(server), server)

    def check_that_it_is_refused(self, worker, server, why):
        agent = worker.wait(lambda agent: why in agent["last_error"], f"it says {why}")
        self.assertIn(agent["state"], ("connecting", "backing_off"))
        # Refused within the handshake: the server has seen no request, so no token either.
        self.assertEqual([one.request for one in server.connections if one.request is not None], [])

    def test_without_that_setting_it_isnt(self):
        server = self.secure()
        self.check_that_it_is_refused(self.worker(server, livekit=EAGER), server, "set ca_file to the certificate")

    def test_a_certificate_for_somebody_else_is_refused(self):
        server = self.secure("DNS:somebody.else")
        self.check_that_it_is_refused(self.trusting(server), server, "is not for 127.0.0.1 but for somebody.else")

    def test_an_expired_certificate_is_refused_until_it_is_renewed(self):
        server = self.secure(days=-1)
        worker = self.trusting(server)
        self.check_that_it_is_refused(worker, server, "has expired on")
        server.close()
        renewed = self.secure(port=server.port)
        worker.registered()
        self.works(worker, renewed)

    def test_a_handshake_that_doesnt_end_is_given_up(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        server = self.secure()
        server.url = f"wss://127.0.0.1:{silent.getsockname()[1]}"
        worker = self.trusting(server, livekit={"connect_timeout": "400ms"})
        worker.wait_for_log("no connection within 0.4")
        agent = worker.wait(lambda agent: agent["state"] == "connecting", "it tries again")
        self.assertIn("no connection within", agent["last_error"])


class Proxy:
    """Takes CONNECT requests and passes all on to one port, wherever they want to go."""

    def __init__(self, port):
        self._target = port
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        request, _ = read_head(lambda: near.recv(65536))
        if request is None:
            return near.close()
        self.requests.append(request.first)
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        far = socket.create_connection(("127.0.0.1", self._target))
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join(DEADLINE)
        far.close()
        near.close()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Proxies(Secure):
    # Nobody can look that name up but the proxy.
    NAME = "livekit.invalid"

    def setUp(self):
        super().setUp()
        self.lk = self.secure("DNS:" + self.NAME)
        self.proxy = Proxy(self.lk.port)
        self.addCleanup(self.proxy.close)
        self.lk.url = f"wss://{self.NAME}:4443"

    def by(self, **environment):
        names = ("http_proxy", "https_proxy", "no_proxy")
        clean = {name: "" for name in [*names, *map(str.upper, names)]}
        return self.trusting(self.lk, environment={**clean, **environment})

    def test_a_proxy_of_the_environment_leads_to_the_server(self):
        for name in ("https_proxy", "HTTPS_PROXY"):
            with self.subTest(name):
                self.works(self.by(**{name: f"http://127.0.0.1:{self.proxy.port}"}), self.lk)
        self.assertEqual({one.split(" HTTP")[0] for one in self.proxy.requests}, {f"CONNECT {self.NAME}:4443"})

    def test_a_server_that_is_named_in_no_proxy_is_reached_without(self):
        worker = self.by(https_proxy=f"http://127.0.0.1:{self.proxy.port}", no_proxy=self.NAME)
        worker.wait(lambda agent: "look-up of " + self.NAME in agent["last_error"], "it looks the name up itself")
        self.assertEqual(self.proxy.requests, [])


if __name__ == "__main__":
    unittest.main()
