"""What a message of dispatch or an engineer does to a visit: one table, visit state by message (TIC-13).

A message is older when its sequence is below the highest of its party for this visit, or when it is dated before the
fact of another party that led to the visit's present state. A message whose sequence was seen before is a repetition
and changes nothing. Of each party and visit the fifty highest sequences are remembered: one below them is older, and
whether it was flagged before its mark tells. A visit that has left the ticket is over: what is not newer than all that
was told of it changes nothing, what is newer is flagged.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from shared.contracts.tickets import VisitStatus


class Told(StrEnum):
    """What a message says about a visit."""

    PLANNED = "planned"
    MOVED = "moved"
    CANCELLED = "cancelled"
    TRAVELLING = "travelling"
    ARRIVED = "arrived"
    REPORTED = "reported"


class Verdict(StrEnum):
    """What becomes of a message."""

    APPLY = "apply"
    """The visit takes the state that the message tells."""

    FILL_IN = "fill_in"
    """The state stays; what the message knows and we do not is added."""

    FLAG = "flag"
    """It contradicts what we know: kept whole, and a person has to look."""

    KNOWN = "known"
    """It tells nothing new: only its sequence is remembered."""


class Rule(NamedTuple):
    newer: Verdict
    older: Verdict


_APPLY = Rule(Verdict.APPLY, Verdict.APPLY)
_APPLY_IF_NEWER = Rule(Verdict.APPLY, Verdict.KNOWN)
_APPLY_OR_FILL_IN = Rule(Verdict.APPLY, Verdict.FILL_IN)
_FILL_IN = Rule(Verdict.FILL_IN, Verdict.FILL_IN)
_FILL_IN_OR_FLAG = Rule(newer=Verdict.FLAG, older=Verdict.FILL_IN)
_FLAG = Rule(Verdict.FLAG, Verdict.FLAG)
_KNOWN = Rule(Verdict.KNOWN, Verdict.KNOWN)

UNKNOWN = None
"""The state of a visit that we have not heard of; its work order is known."""

CONFLICTS: Mapping[tuple[VisitStatus | None, Told], Rule] = {
    # Any message may be the first that reaches us: it creates the visit, also arrival before planning.
    (UNKNOWN, Told.PLANNED): _APPLY,
    (UNKNOWN, Told.MOVED): _APPLY,
    (UNKNOWN, Told.CANCELLED): _APPLY,
    (UNKNOWN, Told.TRAVELLING): _APPLY,
    (UNKNOWN, Told.ARRIVED): _APPLY,
    (UNKNOWN, Told.REPORTED): _APPLY,
    (VisitStatus.PLANNED, Told.PLANNED): _APPLY_IF_NEWER,
    (VisitStatus.PLANNED, Told.MOVED): _APPLY_IF_NEWER,
    (VisitStatus.PLANNED, Told.CANCELLED): _APPLY_IF_NEWER,
    # The engineer's clock is not the planner's: what he does is more than a plan, whatever the two dates say.
    (VisitStatus.PLANNED, Told.TRAVELLING): _APPLY,
    (VisitStatus.PLANNED, Told.ARRIVED): _APPLY,
    (VisitStatus.PLANNED, Told.REPORTED): _APPLY,
    (VisitStatus.TRAVELLING, Told.PLANNED): _FILL_IN,
    # Dispatch may call an engineer back; if its message is older, he has set off in spite of it.
    (VisitStatus.TRAVELLING, Told.MOVED): _APPLY_OR_FILL_IN,
    (VisitStatus.TRAVELLING, Told.CANCELLED): Rule(newer=Verdict.APPLY, older=Verdict.FLAG),
    (VisitStatus.TRAVELLING, Told.TRAVELLING): Rule(newer=Verdict.FILL_IN, older=Verdict.KNOWN),
    (VisitStatus.TRAVELLING, Told.ARRIVED): _APPLY,
    (VisitStatus.TRAVELLING, Told.REPORTED): _APPLY,
    (VisitStatus.ARRIVED, Told.PLANNED): _FILL_IN,
    (VisitStatus.ARRIVED, Told.MOVED): _FILL_IN_OR_FLAG,
    (VisitStatus.ARRIVED, Told.CANCELLED): _FLAG,
    (VisitStatus.ARRIVED, Told.TRAVELLING): _FILL_IN_OR_FLAG,
    (VisitStatus.ARRIVED, Told.ARRIVED): _KNOWN,
    (VisitStatus.ARRIVED, Told.REPORTED): _APPLY,
    (VisitStatus.DONE, Told.PLANNED): _FILL_IN,
    (VisitStatus.DONE, Told.MOVED): _FILL_IN_OR_FLAG,
    (VisitStatus.DONE, Told.CANCELLED): _FLAG,
    (VisitStatus.DONE, Told.TRAVELLING): _FILL_IN_OR_FLAG,
    (VisitStatus.DONE, Told.ARRIVED): _FILL_IN_OR_FLAG,
    (VisitStatus.DONE, Told.REPORTED): Rule(newer=Verdict.FLAG, older=Verdict.KNOWN),
    # A plan made after the cancellation holds again; one made before it is history.
    (VisitStatus.CANCELLED, Told.PLANNED): _APPLY_OR_FILL_IN,
    (VisitStatus.CANCELLED, Told.MOVED): _FILL_IN_OR_FLAG,
    (VisitStatus.CANCELLED, Told.CANCELLED): _KNOWN,
    (VisitStatus.CANCELLED, Told.TRAVELLING): _FILL_IN_OR_FLAG,
    (VisitStatus.CANCELLED, Told.ARRIVED): _FLAG,
    (VisitStatus.CANCELLED, Told.REPORTED): _FLAG,
}


def verdict(status: VisitStatus | None, told: Told, *, older: bool) -> Verdict:
    """What the table says for a message that meets a visit in this state."""
    rule = CONFLICTS[status, told]
    return rule.older if older else rule.newer
