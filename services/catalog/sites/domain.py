"""Which site a customer means: one that is known, or a new one."""

from typing import Annotated, Any

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.catalog import Site

ADDRESS = ("name", "street", "postcode", "city", "country", "subdivision", "time_zone")
REQUIRED = ("name", "street", "postcode", "city")

Text = Annotated[str, Field(min_length=1, max_length=200)]


class SiteWanted(Contract):
    """With `site_id` a known site, whose address is taken as it is; without one a new site.

    Country and time zone of a new site are those of the device's present site where they are left out.
    """

    site_id: Text | None = None
    name: Text | None = None
    street: Text | None = None
    postcode: Text | None = None
    city: Text | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    subdivision: Text | None = None
    time_zone: Text | None = None
    opening_hours: Annotated[str, Field(max_length=500)] | None = None
    access_notes: Annotated[str, Field(max_length=1000)] | None = None


def missing_fields(wanted: SiteWanted) -> list[str]:
    """What a new site lacks."""
    return [field for field in REQUIRED if getattr(wanted, field) is None]


def contradictions(wanted: SiteWanted, known: Site) -> list[str]:
    """Address fields that differ from the known site's: another address is another site."""
    return [
        field
        for field in ADDRESS
        if getattr(wanted, field) is not None and getattr(wanted, field) != getattr(known, field)
    ]


def known_site(wanted: SiteWanted, known: Site) -> Site:
    """The known site, with what the customer says of hours and access."""
    notes: dict[str, Any] = {
        field: getattr(wanted, field) or None
        for field in ("opening_hours", "access_notes")
        if field in wanted.model_fields_set
    }
    return known.model_copy(update=notes)


def new_site(wanted: SiteWanted, *, site_id: str, present: Site) -> Site:
    """A site that the customer names; nothing required may be missing."""
    fields = wanted.model_dump(exclude={"site_id"})
    fields["country"] = wanted.country or present.country
    fields["time_zone"] = wanted.time_zone or present.time_zone
    return Site(site_id=site_id, **fields)
