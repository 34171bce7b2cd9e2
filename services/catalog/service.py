"""The form of the service that everything in the catalog uses, and its own parts."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from fastapi import Depends

from services.catalog.lists.combinations import Combinations
from services.catalog.settings import Settings
from shared import service


@dataclass(frozen=True, slots=True)
class Parts:
    combinations: Combinations = field(default_factory=dict)


Service: TypeAlias = service.Service[Settings, Parts]
Deps = Annotated[Service, Depends(service.service_of)]
