"""Who may see what, as a scope that narrows every query, and as the same rule on values.

A scope is a value of its own, which cannot be unpacked or merged by hand: a condition that names a field of the scope
again would overwrite it. `all_of` is the only way from a scope to a query.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, final

from shared.access.caller import Caller
from shared.access.permissions import is_everywhere, reach
from shared.contracts.actions import Action
from shared.contracts.identity import Right, Role

Condition = Mapping[str, Any]
Query = dict[str, Any]


@final
class Scope:
    """Which documents of a collection may be seen, whatever else is asked for."""

    __slots__ = ("_condition",)

    def __init__(self, condition: Condition) -> None:
        self._condition = dict(condition)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and self._condition == other._condition

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"Scope({self._condition!r})"

    def is_one(self, field: str) -> bool:
        """Whether it shows all that have one value in this field: then an index that begins with it gives an order."""
        return self._condition.keys() == {field} and isinstance(self._condition[field], str)


EVERYTHING = Scope({})
"""For those who see all, and for what a service does by itself."""

NOTHING = Scope({"_id": {"$in": []}})


def all_of(scope: Scope, *conditions: Condition) -> Query:
    """The query for what is in the scope and meets all conditions.

    Fields that appear once stand side by side, so that indexes serve them; a field that appears twice has to meet both.
    """
    parts = [dict(part) for part in (scope._condition, *conditions) if part]
    names = [name for part in parts for name in part]
    if len(names) == len(set(names)):
        return {name: value for part in parts for name, value in part.items()}
    return {"$and": parts}


def accounts_of(rights: Iterable[Right], roles: Collection[Role]) -> tuple[frozenset[str], frozenset[str]]:
    """The accounts held whole, and those held in part, by any of the roles."""
    held = [right for right in rights if right.role in roles]
    whole = frozenset(right.account_id for right in held if right.whole or right.role is Role.ADMINISTRATOR)
    return whole, frozenset(right.account_id for right in held) - whole


def visible(
    caller: Caller,
    action: Action,
    *,
    account: str = "account_id",
    device: str = "device_id",
    group: str = "group_ids",
) -> Scope:
    """What a caller sees by an action; the arguments name the fields of the collection.

    All of it for the named staff and scopes. Else account in whole accounts, or account in own accounts and (device in
    own devices, or groups meet own groups).
    """
    if is_everywhere(caller, action):
        return EVERYTHING
    whole, partly = accounts_of(caller.rights, action.customer)
    choices: list[dict[str, Any]] = []
    if whole:
        choices.append({account: _one_or_in(whole)})
    if partly and caller.devices:
        choices.append({account: _one_or_in(partly), device: _one_or_in(caller.devices)})
    if partly and caller.groups:
        choices.append({account: _one_or_in(partly), group: _one_or_in(caller.groups)})
    if not choices:
        return NOTHING
    return Scope(choices[0] if len(choices) == 1 else {"$or": choices})


def sees(
    caller: Caller,
    action: Action,
    *,
    account_id: str,
    device_id: str,
    group_ids: Iterable[str] = (),
) -> bool:
    """The same rule on values, for streams, mails and single documents."""
    if is_everywhere(caller, action):
        return True
    whole, partly = accounts_of(caller.rights, action.customer)
    if account_id in whole:
        return True
    return account_id in partly and (device_id in caller.devices or not caller.groups.isdisjoint(group_ids))


def visible_people(caller: Caller, action: Action, *, person: str = "_id", accounts: str) -> Scope:
    """The people whom a caller sees by an action: himself, and those of the accounts where it is his."""
    where = reach(caller, action)
    if where.everywhere:
        return EVERYTHING
    if not where.account_ids:
        return Scope({person: caller.id})
    return Scope({"$or": [{accounts: {"$in": sorted(where.account_ids)}}, {person: caller.id}]})


def own(caller: Caller, action: Action, *, owner: str = "user_id") -> Scope:
    """What belongs to a caller; for the named staff and scopes, whosever it is."""
    return EVERYTHING if is_everywhere(caller, action) else Scope({owner: caller.id})


def _one_or_in(values: Collection[str]) -> Any:
    """A single value as an equality: only that lets the store read an index in order."""
    return next(iter(values)) if len(values) == 1 else {"$in": sorted(values)}
