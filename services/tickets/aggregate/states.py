"""The ticket's state machine: one table (TIC-6)."""

from collections.abc import Mapping
from enum import StrEnum

from shared.contracts.tickets import TicketStatus as Status


class Action(StrEnum):
    """What can happen to a ticket, whoever does it."""

    ACKNOWLEDGE = "acknowledge"
    WAIT_FOR_CUSTOMER = "wait_for_customer"
    WAIT_FOR_PARTS = "wait_for_parts"
    CONTINUE = "continue"
    PLAN_VISIT = "plan_visit"
    TRAVEL = "travel"
    ARRIVE = "arrive"
    END_VISIT = "end_visit"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"


_ALWAYS_WHILE_OPEN = {
    Action.WAIT_FOR_CUSTOMER: Status.WAITING_FOR_CUSTOMER,
    Action.WAIT_FOR_PARTS: Status.WAITING_FOR_PARTS,
    Action.PLAN_VISIT: Status.VISIT_PLANNED,
    Action.TRAVEL: Status.ON_THE_WAY,
    Action.ARRIVE: Status.ON_SITE,
    Action.END_VISIT: Status.IN_PROGRESS,
    Action.RESOLVE: Status.RESOLVED,
    Action.CANCEL: Status.CANCELLED,
}

TRANSITIONS: Mapping[Status, Mapping[Action, Status]] = {
    Status.RECEIVED: {**_ALWAYS_WHILE_OPEN, Action.ACKNOWLEDGE: Status.ACKNOWLEDGED},
    Status.ACKNOWLEDGED: _ALWAYS_WHILE_OPEN,
    Status.IN_PROGRESS: _ALWAYS_WHILE_OPEN,
    Status.WAITING_FOR_CUSTOMER: {**_ALWAYS_WHILE_OPEN, Action.CONTINUE: Status.IN_PROGRESS},
    Status.WAITING_FOR_PARTS: {**_ALWAYS_WHILE_OPEN, Action.CONTINUE: Status.IN_PROGRESS},
    Status.VISIT_PLANNED: _ALWAYS_WHILE_OPEN,
    # An engineer is under way: what is planned beside him does not show, and nobody cancels the ticket under his hands.
    Status.ON_THE_WAY: {
        Action.WAIT_FOR_PARTS: Status.WAITING_FOR_PARTS,
        Action.PLAN_VISIT: Status.ON_THE_WAY,
        Action.TRAVEL: Status.ON_THE_WAY,
        Action.ARRIVE: Status.ON_SITE,
        Action.END_VISIT: Status.IN_PROGRESS,
        Action.RESOLVE: Status.RESOLVED,
    },
    Status.ON_SITE: {
        Action.WAIT_FOR_PARTS: Status.WAITING_FOR_PARTS,
        Action.PLAN_VISIT: Status.ON_SITE,
        Action.TRAVEL: Status.ON_SITE,
        Action.ARRIVE: Status.ON_SITE,
        Action.END_VISIT: Status.IN_PROGRESS,
        Action.RESOLVE: Status.RESOLVED,
    },
    # Facts of a visit that are told after the solution are kept on the visit and do not open the ticket again.
    Status.RESOLVED: {
        Action.TRAVEL: Status.RESOLVED,
        Action.ARRIVE: Status.RESOLVED,
        Action.END_VISIT: Status.RESOLVED,
        Action.RESOLVE: Status.RESOLVED,
        Action.REOPEN: Status.IN_PROGRESS,
        Action.CLOSE: Status.CLOSED,
    },
    Status.CLOSED: {},
    Status.CANCELLED: {},
}

WORK_REMAINS = frozenset(Status) - {Status.RESOLVED, Status.CLOSED, Status.CANCELLED}
"""States in which the customer still waits for something; the rest counts as closed in lists."""

ENDED = frozenset({Status.CLOSED, Status.CANCELLED})
"""States that a ticket never leaves."""

WAITING = frozenset({Status.WAITING_FOR_CUSTOMER, Status.WAITING_FOR_PARTS})

WITH_VISIT = frozenset({Status.VISIT_PLANNED, Status.ON_THE_WAY, Status.ON_SITE})


def next_status(status: Status, action: Action) -> Status | None:
    """The state after an action; None where the table does not allow it."""
    return TRANSITIONS[status].get(action)
