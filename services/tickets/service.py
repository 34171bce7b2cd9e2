"""The form of the service that everything in tickets uses, and its own parts."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends

from services.tickets.aggregate.numbers import Numbers
from services.tickets.aggregate.store import Document, Sight
from services.tickets.clocks.store import Calendars
from services.tickets.devices.store import Views
from services.tickets.settings import Settings
from shared import service
from shared.http.live import Live
from shared.joined import Joined


@dataclass(frozen=True, slots=True)
class Parts:
    calendars: Calendars
    numbers: Numbers
    live: Live[Sight]
    views: Views
    open_tickets: Joined[str, Document | None]
    """Any open ticket of a device, by the device's id."""


Service: TypeAlias = service.Service[Settings, Parts]
Deps = Annotated[Service, Depends(service.service_of)]
