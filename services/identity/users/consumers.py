"""Kafka in: the tree of accounts changes rights, and users who administer are counted by their accounts."""

from services.identity.accounts import operations as accounts
from services.identity.accounts import store as account_store
from services.identity.service import Service
from services.identity.users import operations
from services.identity.users import store as user_store
from shared.consumers import reaction
from shared.contracts.identity import AccountEvent, UserEvent
from shared.outbox import Cause
from shared.wire.envelope import Envelope


@reaction("identity.accounts", group="identity.rights", events=(AccountEvent,))
async def follow_account(record: Envelope[AccountEvent], deps: Service) -> None:
    """Carry a change of the tree down to the child accounts, and into the rights of the users above.

    It looks at what is, not at what the record tells: repeating it changes nothing.
    """
    cause = Cause.following(record)
    account_id = record.event.account.account_id
    for child_id in await account_store.children(deps.db, account_id):
        await accounts.place(deps, account_id=child_id, cause=cause)
    await operations.follow_tree(deps, account_id=account_id, cause=cause)


@reaction("identity.users", group="identity.administrators", events=(UserEvent,))
async def count_administrator(record: Envelope[UserEvent], deps: Service) -> None:
    """Finish what a crash between a user's write and that of his accounts has left open. Who is gone counts nowhere."""
    user_id = record.event.user.user_id
    if await user_store.find(deps.db, user_id) is not None:
        await operations.appoint(deps, user_id=user_id, cause=Cause.following(record))
