"""The caller of a request, with the rights that he has now."""

from dataclasses import dataclass

from shared.contracts.identity import Right, StaffRole
from shared.problems import Forbidden


@dataclass(frozen=True, slots=True)
class Caller:
    """One user or machine client, with his present rights. Scopes are only for machine clients.

    `reads_all` is a machine client's scope `<service>:read`, for the service that asks.
    """

    id: str
    kind: str
    session_id: str = ""
    staff_roles: frozenset[StaffRole] = frozenset()
    rights: tuple[Right, ...] = ()
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    reads_all: bool = False
    language: str = "en"
    time_zone: str = "UTC"
    country: str = ""

    @property
    def is_staff(self) -> bool:
        return bool(self.staff_roles)

    def require(self, *, staff: tuple[StaffRole, ...] = (), scope: str | None = None) -> None:
        """Raise Forbidden, naming the role or scope that could, unless the caller has one of them."""
        if self.staff_roles.intersection(staff) or (scope is not None and scope in self.scopes):
            return
        could = [role.value for role in staff] + ([f"scope {scope}"] if scope else [])
        raise Forbidden(f"This needs: {' or '.join(could)}.", roles=could)

    def require_staff(self, *roles: StaffRole) -> None:
        self.require(staff=roles)

    def require_scope(self, scope: str) -> None:
        self.require(scope=scope)
