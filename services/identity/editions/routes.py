"""HTTP of country editions; reading is public: the contact page works without signing in."""

import re
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.identity.editions import operations, store
from services.identity.editions.operations import EditionNotFound, opening_of
from services.identity.editions.store import Document
from services.identity.fields import Country, Email, Phone
from services.identity.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.identity import EditionState, Link, OpeningHours
from shared.contracts.texts import one_line
from shared.http.body import Body
from shared.http.caller import may, public
from shared.http.commands import IfMatch, with_etag
from shared.http.seen import seen
from shared.outbox import Cause
from shared.problems import Invalid

router = APIRouter(tags=["country editions"])

CountryPath = Annotated[str, Path(pattern="^[A-Z]{2}$")]


CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
CLOCK_WANTED = "^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$"
DAY_WANTED = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"

ClockTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": CLOCK})]
"""On the clock of the place: JSON Schema's `time` would promise an offset."""


def _written(pattern: str, example: str) -> Any:
    """A value as it is written, and in no other way that could be read as one."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise PydanticCustomError("as_written", "must be written as {example}", {"example": example})
        return value

    return BeforeValidator(check)


class OpeningHoursView(OpeningHours):
    opens: ClockTime
    closes: ClockTime


class EditionView(EditionState):
    """The edition, and whether its contact centre is open; moments are UTC, opening hours local."""

    opening_hours: tuple[OpeningHoursView, ...]
    version: int
    open_now: bool
    closes_at: datetime | None
    opens_next_at: datetime | None

    @classmethod
    def of(cls, document: Document, now: datetime) -> "EditionView":
        edition = store.edition_of(document)
        opening = opening_of(edition, now)
        return cls(**edition.model_dump(), version=document["version"], **opening.model_dump())


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(one_line)]


class LinkWanted(Link):
    model_config = Body.model_config

    code: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,39}$")]
    url: Annotated[str, StringConstraints(pattern="^https://[^\\s/@]+(/[^\\s]*)?$", max_length=500)]


class HoursWanted(OpeningHours):
    model_config = Body.model_config

    weekday: Annotated[int, Field(ge=0, le=6, strict=True, description="0 is Monday")]
    opens: Annotated[time, _written(CLOCK_WANTED, "08:00"), WithJsonSchema({"type": "string", "pattern": CLOCK_WANTED})]
    closes: Annotated[
        time, _written(CLOCK_WANTED, "17:00"), WithJsonSchema({"type": "string", "pattern": CLOCK_WANTED})
    ]


class EditionWanted(EditionState, Body):
    """A country's edition as the maker's staff writes it."""

    model_config = Body.model_config

    country: Country
    languages: Annotated[tuple[str, ...], Field(max_length=6)]
    holiday_subdivision: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    closed_days: Annotated[tuple[Annotated[date, _written(DAY_WANTED, "2026-12-24")], ...], Field(max_length=100)] = ()
    opening_hours: Annotated[tuple[HoursWanted, ...], Field(max_length=50)]
    phone: Phone
    email: Email
    address: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    terms_version: Line
    team_name: Annotated[Line, Field(description="shown to customers in place of an agent's name")]
    links: Annotated[tuple[LinkWanted, ...], Field(max_length=50)] = ()

    def edition(self) -> EditionState:
        return EditionState.model_validate(self.model_dump())


class Editions(BaseModel):
    items: list[EditionView]


@router.put("/v1/editions/{country}")
async def publish(
    country: CountryPath,
    body: EditionWanted,
    caller: Annotated[Caller, may(actions.PUBLISH_EDITION)],
    if_match: IfMatch,
    response: Response,
    deps: Deps,
) -> EditionView:
    """Publish a country's edition."""
    if body.country != country:
        raise Invalid("The country of the edition is not that of the address.", field="country", rule="as_in_path")
    document = await operations.publish(deps, edition=body.edition(), cause=Cause.of(caller), if_match=if_match)
    with_etag(response, document["version"])
    seen(response, "editions", country, document["version"])
    return EditionView.of(document, deps.clock())


@router.get("/v1/editions", dependencies=[public(actions.READ_EDITIONS)])
async def all_editions(deps: Deps) -> Editions:
    """All editions by country: one per country, so this is not paged."""
    now = deps.clock()
    return Editions(items=[EditionView.of(document, now) for document in await store.find_all(deps.db)])


@router.get("/v1/editions/{country}", dependencies=[public(actions.READ_EDITIONS)])
async def get_edition(country: CountryPath, response: Response, deps: Deps) -> EditionView:
    """A country's look and contacts, with the opening hours and whether it is open now."""
    document = await store.find(deps.db, country)
    if document is None:
        raise EditionNotFound()
    with_etag(response, document["version"])
    return EditionView.of(document, deps.clock())
