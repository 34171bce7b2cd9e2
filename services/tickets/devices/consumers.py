"""Follows catalog and identity; a new site of a device reaches its open tickets (CAT-4)."""

from services.tickets.aggregate import store as tickets
from services.tickets.devices import store
from services.tickets.service import Service
from services.tickets.tickets import operations
from shared.consumers import ViewRow, reaction, view, views
from shared.contracts.catalog import DeviceEvent, DeviceSiteChanged
from shared.contracts.identity import AccountEvent, PersonChanged
from shared.wire.envelope import Envelope


@view("catalog.devices", group="tickets.devices", events=(DeviceEvent,))
async def follow_devices(records: list[Envelope[DeviceEvent]], deps: Service) -> None:
    rows = [ViewRow(r.key, r.sequence, store.device_fields(r.event.device)) for r in records]
    await views.upsert(deps.db[store.DEVICES], rows)
    # The view first, then the copies on tickets: who opens a ticket meanwhile re-reads the view. They follow what the
    # view holds, not what the record says: an old record that comes again changes nothing.
    await tickets.refresh_groups(deps.outbox, await store.known_devices(deps.db, [r.key for r in records]))


@view("identity.accounts", group="tickets.companies", events=(AccountEvent,))
async def follow_accounts(records: list[Envelope[AccountEvent]], deps: Service) -> None:
    rows = [ViewRow(r.key, r.sequence, store.account_fields(r.event.account)) for r in records]
    await views.upsert(deps.db[store.ACCOUNTS], rows)


@view("identity.people", group="tickets.contacts", events=(PersonChanged,), tombstones=True)
async def follow_people(records: list[Envelope[PersonChanged]], deps: Service) -> None:
    """Who to ask for on site, and whom the desk talks to and looks for."""
    await views.erase(deps.db[store.PEOPLE], [ViewRow(r.key, r.sequence) for r in records if r.is_tombstone])
    rows = [ViewRow(r.key, r.sequence, store.person_fields(r.event.person)) for r in records if not r.is_tombstone]
    await views.upsert(deps.db[store.PEOPLE], rows)


@reaction("catalog.devices", group="tickets.site-changes", events=(DeviceSiteChanged,))
async def pass_site_on(record: Envelope[DeviceSiteChanged], deps: Service) -> None:
    await operations.site_changed(deps, record)
