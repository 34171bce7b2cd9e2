"""Jobs: wide work in slices, which goes on after a kill, tells how far it is, and may be cancelled.

`kinds.py` is what a service declares, `job.py` the document, `starting.py` how one begins, `running.py` what carries it
on, `outcomes.py` what became of single items, `routes.py` how people see it.
"""

from shared.jobs.job import JOBS, Job, JobState, prepare
from shared.jobs.kinds import Cursor, Failure, Frozen, JobKind, one_by_one, with_newest
from shared.jobs.running import carry_out, rule_of
from shared.jobs.starting import row_of, start

__all__ = [
    "JOBS",
    "Cursor",
    "Failure",
    "Frozen",
    "Job",
    "JobKind",
    "JobState",
    "carry_out",
    "one_by_one",
    "prepare",
    "row_of",
    "rule_of",
    "start",
    "with_newest",
]
