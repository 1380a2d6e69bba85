"""The payload of a job that came from a LiveKit server.

import andiron
from andiron.livekit import AgentJob

def run(job):
    agent_job = AgentJob.FromString(job.payload)
    ... join agent_job.job.room.name at agent_job.url with agent_job.token ...

andiron.serve(run=run)

proto/agent_job.proto says what each field means. agent_job.token is a secret.
"""

from ._agent_job_pb2 import PARTICIPANT, PUBLISHER, ROOM, AgentJob, Job, Participant, Room

__all__ = ["PARTICIPANT", "PUBLISHER", "ROOM", "AgentJob", "Job", "Participant", "Room"]
