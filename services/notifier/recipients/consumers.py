"""People and country editions, followed from identity."""

from services.notifier.recipients.store import VIEW_EDITIONS, VIEW_PEOPLE, edition_fields, person_fields
from services.notifier.service import Service
from shared.consumers import ViewRow, view, views
from shared.contracts.identity import EditionPublished, PersonChanged
from shared.wire.envelope import Envelope


@view("identity.people", group="notifier.people", events=(PersonChanged,), tombstones=True)
async def follow_people(records: list[Envelope[PersonChanged]], service: Service) -> None:
    """Names and addresses; a tombstone erases them here as well."""
    people = service.db[VIEW_PEOPLE]
    await views.erase(people, [ViewRow(r.key, r.sequence) for r in records if r.is_tombstone])
    told = [ViewRow(r.key, r.sequence, person_fields(r.event.person)) for r in records if not r.is_tombstone]
    await views.upsert(people, told)


@view("identity.editions", group="notifier.editions", events=(EditionPublished,))
async def follow_editions(records: list[Envelope[EditionPublished]], service: Service) -> None:
    rows = [ViewRow(r.event.edition.country, r.sequence, edition_fields(r.event.edition)) for r in records]
    await views.upsert(service.db[VIEW_EDITIONS], rows)
