"""Follows identity's accounts."""

from services.catalog.accounts import store
from services.catalog.service import Service
from shared.consumers import ViewRow, view, views
from shared.contracts.identity import AccountEvent
from shared.wire.envelope import Envelope


@view("identity.accounts", group="catalog.accounts", events=(AccountEvent,))
async def follow_accounts(records: list[Envelope[AccountEvent]], deps: Service) -> None:
    rows = [ViewRow(record.key, record.sequence, store.fields(record.event.account)) for record in records]
    await views.upsert(store.accounts(deps.db), rows)
