"""Follows identity's accounts."""

from services.catalog.accounts import store
from shared.contracts.identity import AccountEvent
from shared.kafka import Envelope, ViewRow, view, views
from shared.service import Service


@view("identity.accounts", group="catalog.accounts", events=(AccountEvent,))
async def follow_accounts(records: list[Envelope[AccountEvent]], deps: Service) -> None:
    rows = [ViewRow(record.key, record.sequence, store.fields(record.event.account)) for record in records]
    await views.upsert(store.accounts(deps.db), rows)
