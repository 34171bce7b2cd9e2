"""Every event type there is, by its name on the wire."""

from shared.contracts import catalog, identity, inbound, notifier, outbound, tickets
from shared.contracts.base import Event

MODULES = (identity, catalog, tickets, notifier, outbound, inbound)

DECLARED: tuple[type[Event], ...] = tuple(event for module in MODULES for event in module.EVENTS)

BY_TYPE: dict[str, type[Event]] = {event.type: event for event in DECLARED}


def types_of(events: tuple[type[Event], ...]) -> frozenset[str]:
    """The names on the wire of some classes of events and of all their subclasses."""
    return frozenset(name for name, event in BY_TYPE.items() if issubclass(event, events))
