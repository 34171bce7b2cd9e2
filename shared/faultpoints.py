"""Places where a test may kill the process, to prove what a crash there costs. Without the setting they do nothing."""

import os
import signal

ENVIRONMENT_VARIABLE = "LOCKSTEP_FAULT_POINT"

_armed, _, _count = os.environ.get(ENVIRONMENT_VARIABLE, "").partition(":")
_remaining = int(_count or 1)

COMMAND_WRITTEN = "command.written"
OUTBOX_PUBLISHED = "outbox.published"
CONSUMER_WORKED = "consumer.worked"
JOB_SLICE_DONE = "job.slice_done"
MAIL_CLAIMED = "mail.claimed"
MAIL_SENT = "mail.sent"


def reach(point: str) -> None:
    """Die by SIGKILL when this point is armed: `LOCKSTEP_FAULT_POINT=outbox.published:3` at the third time."""
    global _remaining
    if point != _armed:
        return
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
