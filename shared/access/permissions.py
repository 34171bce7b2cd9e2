"""Who may do what: the table of actions, asked for one caller. Sight comes first and is `shared/access/scope.py`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.access.caller import Caller
from shared.contracts.actions import ACTIONS, Action
from shared.contracts.identity import Right, StaffRole
from shared.problems import Forbidden


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a caller may do something: everywhere, or in some accounts."""

    everywhere: bool = False
    account_ids: frozenset[str] = frozenset()

    def covers(self, account_ids: Iterable[str]) -> bool:
        return self.everywhere or self.account_ids.issuperset(account_ids)


def reach(caller: Caller, action: Action) -> Reach:
    """Everywhere for the named staff and scopes, else the accounts in which a right of the caller permits it."""
    if is_everywhere(caller, action):
        return Reach(everywhere=True)
    return Reach(account_ids=frozenset(right.account_id for right in caller.rights if right.role in action.customer))


def is_everywhere(caller: Caller, action: Action) -> bool:
    return not (caller.staff_roles.isdisjoint(action.staff) and caller.scopes.isdisjoint(action.scopes))


def may(caller: Caller, action: Action, *, account_id: str | None = None) -> bool:
    """Whether the caller may do this in an account, or at all where none is named."""
    if action.public or is_everywhere(caller, action):
        return True
    if action.everybody and caller.kind == "user" and account_id is None:
        return True
    return any(right.role in action.customer and account_id in (None, right.account_id) for right in caller.rights)


def require(caller: Caller, action: Action, *, account_id: str | None = None) -> None:
    """Raise Forbidden, naming the roles and scopes that could, unless the caller may."""
    if not may(caller, action, account_id=account_id):
        raise refusal(action)


def refusal(action: Action, reason: str = "") -> Forbidden:
    """The refusal that names who could, after a reason where the roles alone do not say it."""
    roles = [*sorted(role.value for role in action.customer), *sorted(role.value for role in action.staff)]
    scopes = sorted(action.scopes)
    could = [*roles, *(f"scope {scope}" for scope in scopes)]
    words = f"This needs: {' or '.join(could)}." if could else "This is for people, not for machine clients."
    return Forbidden(f"{reason} {words}".strip(), action=action.name, roles=roles, scopes=scopes)


def allowed_actions(rights: Collection[Right], staff_roles: Collection[StaffRole]) -> list[str]:
    """The names of all that a person's roles permit anywhere; what is open to the public goes without saying."""
    roles = {right.role for right in rights}
    return sorted(
        name
        for name, action in ACTIONS.items()
        if not action.public
        and (action.everybody or not action.customer.isdisjoint(roles) or not action.staff.isdisjoint(staff_roles))
    )
