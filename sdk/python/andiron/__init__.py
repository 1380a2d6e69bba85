"""Children of an Andiron worker: warm up once, then run the jobs that the worker hands over.

import andiron

def run(job):
    return job.payload.upper()

andiron.serve(run=run)
"""

from ._job import Cancelled, Job, WarmUp
from ._serve import is_child, serve
from ._version import __version__

__all__ = ["Cancelled", "Job", "WarmUp", "__version__", "is_child", "serve"]
