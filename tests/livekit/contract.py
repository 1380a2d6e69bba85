"""Our contracts as Python classes, made by protoc from proto/ when this is imported: `wire` is
proto/livekit_agent.proto, `agent_job` is proto/agent_job.proto."""

import importlib
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def _load():
    names = ("livekit_agent", "agent_job")
    with tempfile.TemporaryDirectory(prefix="andiron-") as made:
        subprocess.run(["protoc", "-I", os.path.join(SOURCE, "proto"), f"--python_out={made}"]
                       + [f"{name}.proto" for name in names], check=True, timeout=60)
        sys.path.insert(0, made)
        try:
            return [importlib.import_module(f"{name}_pb2") for name in names]
        finally:
            sys.path.remove(made)


wire, agent_job = _load()


def job_bytes(id, room="room", metadata="", agent_name=""):
    """A job as a server encodes it."""
    job = agent_job.Job(id=id, metadata=metadata, agent_name=agent_name)
    job.room.name = room
    return job.SerializeToString()


def job_of(message):
    """The job in an Offer or an Assignment."""
    return agent_job.Job.FromString(message.job)


class Heard:
    """One message: when it came (monotonic seconds), what it is called in its oneof, and the message itself."""

    def __init__(self, time, envelope):
        self.time = time
        self.name = envelope.WhichOneof("word") or ""
        self.word = getattr(envelope, self.name) if self.name else None

    def __repr__(self):
        text = " ".join(str(self.word).split()) if self.word is not None else ""
        return f"<{self.time:.3f} {self.name} {text[:200]}>"
