"""Publishing country editions, and their opening as of now."""

from datetime import datetime

from services.identity.editions import domain, store
from services.identity.editions.holiday_calendar import holidays_of
from services.identity.editions.store import EDITIONS, Document
from services.identity.service import Service
from shared.access.scope import EVERYTHING
from shared.contracts.identity import EditionPublished, EditionState
from shared.outbox import Cause, Change
from shared.problems import FieldError, Invalid, NotFound


class EditionNotFound(NotFound):
    code = "edition_not_found"
    title = "There is no edition for this country"


class EditionInvalid(Invalid):
    code = "edition_invalid"
    title = "The edition breaks its rules"


async def publish(deps: Service, *, edition: EditionState, cause: Cause, if_match: int | None = None) -> Document:
    """Publish an edition, or its next version. An unchanged one publishes nothing. Raises EditionInvalid."""
    _require_valid(edition)
    events = [EditionPublished(edition=edition)]

    def decide(document: Document) -> Change | None:
        if store.edition_of(document) == edition:
            return None
        return Change(set=store.fields(edition), events=events)

    return await deps.outbox.create_or_change(
        EDITIONS,
        edition.country,
        create=lambda: Change(set=store.fields(edition), events=events),
        decide=decide,
        scope=EVERYTHING,
        cause=cause,
        if_match=if_match,
    )


def opening_of(edition: EditionState, now: datetime) -> domain.Opening:
    is_holiday = holidays_of(edition.holiday_country, edition.holiday_subdivision)
    return domain.opening(edition, now=now, is_holiday=is_holiday)


def _require_valid(edition: EditionState) -> None:
    errors = [FieldError(**fault.model_dump()) for fault in domain.faults(edition)]
    try:
        holidays_of(edition.holiday_country, edition.holiday_subdivision)
    except NotImplementedError:
        message = "there is no holiday calendar for this country and region"
        errors.append(FieldError(field="holiday_country", rule="holiday_calendar", message=message))
    if errors:
        raise EditionInvalid(f"{errors[0].field}: {errors[0].message}", errors=errors)
