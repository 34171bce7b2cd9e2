"""What an endpoint has to answer, from the table of actions and what is known of caller and object alone."""

from dataclasses import dataclass, field

from shared.contracts.actions import Action, Relation
from shared.contracts.identity import Role
from tests.permissions.cast import Member

LET_IN = 200


@dataclass(frozen=True)
class Thing:
    """An object as the paths name it. `place`: own, a colleague's, foreign, or unknown."""

    place: str
    params: dict[str, str] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    device_id: str = ""
    group_id: str = ""
    owner: str = ""
    version: int = 1

    @property
    def id(self) -> str:
        return next(iter(self.params.values()))


def expected(member: Member, action: Action, thing: Thing | None, sight: Action | None = None) -> int:
    """The status, 200 for any good one. `sight` is by what an object is found that the body of a request names."""
    if action.public:
        return LET_IN if thing is None or thing.place != "unknown" else 404
    if not member.token:
        return 401
    if action.relation is Relation.NONE:
        if not _may(member, action):
            return 403
        if thing is None:
            return LET_IN
        return 404 if thing.place == "unknown" or (sight and not sees(member, sight, thing)) else LET_IN
    assert thing is not None, f"{action.name} is done to an object"
    if thing.place == "unknown" or not sees(member, action.seen_by, thing):
        return 404
    return LET_IN if action.sight is None or _may_with(member, action, thing) else 403


def sees(member: Member, action: Action, thing: Thing) -> bool:
    if sees_all(member, action):
        return True
    own = bool(thing.owner) and thing.owner == member.user_id
    held = [right for right in member.rights if right.role in action.customer and right.account_id in thing.accounts]
    if action.relation is Relation.SELF:
        return own
    if action.relation is Relation.ADMINISTERED:
        return own or bool(held)
    if not thing.device_id and not thing.group_id:
        return bool(held)
    granted = thing.device_id in member.devices or thing.group_id in member.groups
    return any(right.whole or right.role is Role.ADMINISTRATOR or granted for right in held)


def sees_all(member: Member, action: Action) -> bool:
    return bool(member.staff & action.staff or member.scopes & action.scopes)


def _may(member: Member, action: Action) -> bool:
    if sees_all(member, action) or (action.everybody and member.is_person):
        return True
    return any(right.role in action.customer for right in member.rights)


def _may_with(member: Member, action: Action, thing: Thing) -> bool:
    if sees_all(member, action) or (action.everybody and member.is_person):
        return True
    accounts = thing.accounts or {right.account_id for right in member.rights}
    return any(right.role in action.customer and right.account_id in accounts for right in member.rights)
