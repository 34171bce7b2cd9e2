"""Who may see what, as one store filter and as the same rule on values. Nothing is visible by default."""

from collections.abc import Collection, Iterable
from typing import Any

from shared.auth import Caller
from shared.contracts.identity import Right, Role, StaffRole

DEVICE_ROLES = frozenset({Role.ADMINISTRATOR, Role.DEVICE_MANAGER, Role.DEVICE_STOCK_MANAGER})
STOCK_ROLES = frozenset({Role.ADMINISTRATOR, Role.STOCK_MANAGER, Role.DEVICE_STOCK_MANAGER})
ALL_SEEING_STAFF = frozenset({StaffRole.CONTACT_CENTRE_AGENT, StaffRole.SERVICE_ADMIN})

NOTHING: dict[str, Any] = {"_id": {"$in": []}}


def sees_everything(caller: Caller) -> bool:
    """Agents and service administrators see all accounts; each look is logged. Machine clients by their read scope."""
    return caller.reads_all or bool(caller.staff_roles & ALL_SEEING_STAFF)


def accounts_of(rights: Iterable[Right], roles: Collection[Role]) -> tuple[frozenset[str], frozenset[str]]:
    """The accounts held whole, and those held in part, by any of the roles."""
    held = [right for right in rights if right.role in roles]
    whole = frozenset(right.account_id for right in held if right.whole or right.role is Role.ADMINISTRATOR)
    return whole, frozenset(right.account_id for right in held) - whole


def visible(
    caller: Caller,
    *,
    account: str = "account_id",
    device: str = "device_id",
    group: str = "group_ids",
    roles: Collection[Role] = DEVICE_ROLES,
) -> dict[str, Any]:
    """The store filter of what a caller may see; the arguments name the fields of the collection.

    Account in whole accounts, or account in own accounts and (device in own devices, or groups meet own groups).
    """
    if sees_everything(caller):
        return {}
    whole, partly = accounts_of(caller.rights, roles)
    choices: list[dict[str, Any]] = []
    if whole:
        choices.append({account: _one_or_in(whole)})
    if partly and caller.devices:
        choices.append({account: _one_or_in(partly), device: _one_or_in(caller.devices)})
    if partly and caller.groups:
        choices.append({account: _one_or_in(partly), group: _one_or_in(caller.groups)})
    if not choices:
        return dict(NOTHING)
    return choices[0] if len(choices) == 1 else {"$or": choices}


def sees(
    caller: Caller,
    *,
    account_id: str,
    device_id: str,
    group_ids: Iterable[str] = (),
    roles: Collection[Role] = DEVICE_ROLES,
) -> bool:
    """The same rule on values, for streams, mails and single documents."""
    if sees_everything(caller):
        return True
    whole, partly = accounts_of(caller.rights, roles)
    if account_id in whole:
        return True
    return account_id in partly and (device_id in caller.devices or not caller.groups.isdisjoint(group_ids))


def _one_or_in(values: Collection[str]) -> Any:
    """A single value as an equality: only that lets the store read an index in order."""
    return next(iter(values)) if len(values) == 1 else {"$in": sorted(values)}
