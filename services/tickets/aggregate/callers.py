"""What kinds of callers may do with tickets, and how their acts are traced."""

from shared.access.caller import Caller
from shared.access.scope import ALL_SEEING_STAFF, Scope, visible
from shared.outbox import Cause

WRITE_SCOPE = "tickets:write"


def is_desk(caller: Caller) -> bool:
    """Whether he acts for the service: an agent, a service administrator, or a machine client that may write."""
    return bool(caller.staff_roles & ALL_SEEING_STAFF) or WRITE_SCOPE in caller.scopes


def require_desk(caller: Caller) -> None:
    """Raises Forbidden naming who could."""
    caller.require(staff=tuple(sorted(ALL_SEEING_STAFF)), scope=WRITE_SCOPE)


def require_writer(caller: Caller) -> None:
    """A customer or the desk; a machine client that only reads is refused. Raises Forbidden."""
    if caller.kind == "client":
        caller.require_scope(WRITE_SCOPE)


def visible_tickets(caller: Caller) -> Scope:
    """The tickets that a caller may see."""
    return visible(caller, account="ticket.account_id", device="ticket.device.device_id", group="group_ids")


def cause_of(caller: Caller) -> Cause:
    """The trace of an act on a ticket: the channel tells a customer's from the desk's."""
    if caller.kind == "client":
        return Cause.of(caller, channel="api")
    return Cause.of(caller, channel="desk" if is_desk(caller) else "portal")
