"""Sites are known by the devices that stand there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.devices import store as devices
from services.catalog.lists.store import site_list
from shared.access import visible
from shared.auth import Caller
from shared.contracts.catalog import Site
from shared.service import Service


@dataclass(frozen=True, slots=True)
class KnownSite:
    account_id: str
    site: Mapping[str, Any]
    devices: int


async def known_sites(deps: Service, *, caller: Caller, account_id: str | None) -> list[KnownSite]:
    """The sites of all devices in scope, per account, by city, street and name."""
    narrowed: list[dict[str, Any]] = [{"account_id": account_id}] if account_id else []
    cursor = await devices.devices(deps.db).aggregate(
        [
            {"$match": {"$and": [*narrowed, visible(caller, device="_id")]}},
            {
                "$group": {
                    "_id": {"account": "$account_id", "site": "$site.site_id"},
                    "site": {"$last": "$site"},
                    "devices": {"$sum": 1},
                }
            },
        ]
    )
    sites = [KnownSite(found["_id"]["account"], found["site"], found["devices"]) async for found in cursor]
    return sorted(sites, key=lambda known: (known.site["city"], known.site["street"], known.site["name"]))


async def known_site(deps: Service, *, account_id: str, site_id: str) -> Site | None:
    """A site where a device of the account stands."""
    document = await devices.devices(deps.db).find_one(
        {"lists": site_list(site_id), "account_id": account_id}, {"site": 1}
    )
    return None if document is None else Site.model_validate(document["site"])
