"""Sites are known by the devices that stand there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.catalog.devices import store as devices
from services.catalog.lists.queries import Wanted, combinations
from services.catalog.lists.store import site_list
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.contracts.catalog import Site


@dataclass(frozen=True, slots=True)
class KnownSite:
    account_id: str
    site: Mapping[str, Any]
    devices: int


async def known_sites(deps: Service, *, caller: Caller, account_id: str | None, now: datetime) -> list[KnownSite]:
    """The sites of all devices in scope, per account, by city, street and name."""
    found = await combinations(deps, caller=caller, wanted=Wanted(account_id=account_id), now=now)
    sites: dict[tuple[str, str], KnownSite] = {}
    for one in found:
        account, site = one.sample["account_id"], one.sample["site"]
        earlier = sites.get((account, site["site_id"]))
        number = one.devices + (earlier.devices if earlier else 0)
        sites[account, site["site_id"]] = KnownSite(account, site, number)
    return sorted(sites.values(), key=lambda known: (known.site["city"], known.site["street"], known.site["name"]))


async def known_site(deps: Service, *, account_id: str, site_id: str) -> Site | None:
    """A site where a device of the account stands."""
    document = await devices.rows(deps.db).find_one(
        {"lists": site_list(site_id), "account_id": account_id}, {"site": 1}
    )
    return None if document is None else Site.model_validate(document["site"])
