"""The caller of a request, with the rights that he has now."""

from dataclasses import dataclass

from shared.contracts.identity import Right, StaffRole


@dataclass(frozen=True, slots=True)
class Caller:
    """One user or machine client, with his present rights. Scopes are only for machine clients."""

    id: str
    kind: str
    session_id: str = ""
    staff_roles: frozenset[StaffRole] = frozenset()
    rights: tuple[Right, ...] = ()
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    language: str = "en"
    time_zone: str = "UTC"
    country: str = ""
