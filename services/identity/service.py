"""The form of the service that everything in identity uses, and its own parts."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends

from services.identity.sessions.passwords import Passwords
from services.identity.sessions.signing import Signer
from services.identity.settings import Settings
from shared import service


@dataclass(frozen=True, slots=True)
class Parts:
    passwords: Passwords
    signer: Signer
    front_door_key: bytes | None


Service: TypeAlias = service.Service[Settings, Parts]
Deps = Annotated[Service, Depends(service.service_of)]
