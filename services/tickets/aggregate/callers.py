"""What kinds of callers may do with tickets, and how their acts are traced."""

from collections.abc import Callable
from typing import Any

from shared.access.caller import Caller
from shared.access.permissions import may, require
from shared.access.scope import Scope, visible
from shared.contracts import actions
from shared.contracts.actions import Action
from shared.outbox import Cause

Document = dict[str, Any]


def is_desk(caller: Caller) -> bool:
    """Whether he acts for the service: an agent, a service administrator, or a machine client that may write."""
    return may(caller, actions.HANDLE_TICKET)


def permitting(caller: Caller, action: Action) -> Callable[[Document], None]:
    """Asked of a ticket that the caller sees: raises Forbidden, naming who could, unless he may do this with it."""
    return lambda document: require(caller, action, account_id=document["ticket"]["account_id"])


def visible_tickets(caller: Caller) -> Scope:
    """The tickets that a caller may see."""
    return visible(
        caller,
        actions.READ_TICKET,
        account="ticket.account_id",
        device="ticket.device.device_id",
        group="group_ids",
    )


def visible_rows(caller: Caller) -> Scope:
    """The rows of the tickets that a caller may see."""
    return visible(caller, actions.READ_TICKET)


def cause_of(caller: Caller) -> Cause:
    """The trace of an act on a ticket: the channel tells a customer's from the desk's."""
    if caller.kind == "client":
        return Cause.of(caller, channel="api")
    return Cause.of(caller, channel="desk" if is_desk(caller) else "portal")
