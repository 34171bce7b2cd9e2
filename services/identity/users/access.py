"""What a caller may see of other users and do to them, as the table of actions says."""

from services.identity.users.domain import Authority, User
from shared.access.caller import Caller
from shared.access.permissions import may, reach, refusal
from shared.access.scope import Scope, visible_people
from shared.contracts import actions


def authority_of(caller: Caller) -> Authority:
    managing = reach(caller, actions.MANAGE_USER)
    return Authority(
        user_id=caller.id,
        sees_all=reach(caller, actions.READ_USER).everywhere,
        manages_customers=managing.everywhere,
        manages_staff=may(caller, actions.MANAGE_STAFF),
        accounts=managing.account_ids,
    )


def visible_users(caller: Caller) -> Scope:
    """The users that somebody sees: all, or those of his accounts and himself."""
    return visible_people(caller, actions.READ_USER, accounts="account_ids")


def require_management(authority: Authority, user: User) -> None:
    """Raise Forbidden unless the authority manages this user as a whole."""
    if not authority.manages(user):
        raise refusal(
            actions.MANAGE_STAFF if user.is_staff else actions.MANAGE_USER,
            "" if user.is_staff else "It takes an administrator of all accounts of this user.",
        )


def require_granting(authority: Authority, account_ids: set[str]) -> None:
    """Raise Forbidden unless the authority grants rights in all of these accounts."""
    if not authority.grants_in(account_ids):
        raise refusal(actions.MANAGE_USER, "Rights can be given and taken only in accounts that you administer.")
