"""What a caller may see of other users and do to them, from his roles and scopes."""

from services.identity.users.domain import Authority, User, administered
from shared.access.caller import Caller
from shared.access.scope import EVERYTHING, Scope, sees_everything
from shared.contracts.identity import Role, StaffRole
from shared.problems import Forbidden

WRITE_SCOPE = "identity:write"


def authority_of(caller: Caller) -> Authority:
    manages_all = StaffRole.SERVICE_ADMIN in caller.staff_roles or WRITE_SCOPE in caller.scopes
    return Authority(
        user_id=caller.id,
        sees_all=sees_everything(caller) or manages_all,
        manages_all=manages_all,
        manages_customers=StaffRole.CONTACT_CENTRE_AGENT in caller.staff_roles,
        accounts=administered(caller.rights),
    )


def visible_users(authority: Authority) -> Scope:
    """The users that somebody sees: all, or those of his accounts and himself."""
    if authority.sees_all:
        return EVERYTHING
    if not authority.accounts:
        return Scope({"_id": authority.user_id})
    return Scope({"$or": [{"account_ids": {"$in": sorted(authority.accounts)}}, {"_id": authority.user_id}]})


def require_management(authority: Authority, user: User) -> None:
    """Raise Forbidden unless the authority manages this user as a whole."""
    if not authority.manages(user):
        could = [StaffRole.SERVICE_ADMIN.value] if user.is_staff else _COULD
        raise Forbidden("This needs an administrator of all accounts of this user.", roles=could)


def require_granting(authority: Authority, account_ids: set[str]) -> None:
    """Raise Forbidden unless the authority grants rights in all of these accounts."""
    if not authority.grants_in(account_ids):
        raise Forbidden("Rights can be given and taken only in accounts that you administer.", roles=_COULD)


_COULD = [Role.ADMINISTRATOR.value, StaffRole.CONTACT_CENTRE_AGENT.value, StaffRole.SERVICE_ADMIN.value]
