"""The form of the service that everything in the catalog uses, and its own parts."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from fastapi import Depends

from services.catalog.contracts.domain import DeviceLine
from services.catalog.lists.combinations import Combinations
from services.catalog.settings import Settings
from shared import service
from shared.joined import Joined
from shared.outbox.statements import Statements


@dataclass(frozen=True, slots=True)
class Parts:
    lines_of_device: Joined[str, dict[str, DeviceLine]]
    """The contract lines of a device by their id."""

    serials: Statements
    """Which device a serial number is reserved for."""

    combinations: Combinations = field(default_factory=dict)


Service: TypeAlias = service.Service[Settings, Parts]
Deps = Annotated[Service, Depends(service.service_of)]
