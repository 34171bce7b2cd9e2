"""From what a customer says of a site to the site itself."""

from services.catalog.lists.store import fold
from services.catalog.service import Service
from services.catalog.sites import domain, queries
from services.catalog.sites.domain import SiteWanted
from shared.access.caller import Caller
from shared.contracts.catalog import DeviceState, Site
from shared.ids import derived_id
from shared.problems import FieldError, Invalid


class SiteUnknown(Invalid):
    code = "site_unknown"
    title = "The account has no such site"


class SiteContradicted(Invalid):
    code = "site_contradicted"
    title = "Another address is another site: leave site_id out"


class SiteIncomplete(Invalid):
    code = "site_incomplete"
    title = "A new site needs a name and an address"


async def chosen_site(deps: Service, *, caller: Caller, device: DeviceState, wanted: SiteWanted) -> Site:
    """The site that is meant for a device. Raises SiteUnknown, SiteContradicted, SiteIncomplete.

    The same address entered twice in an account becomes one site. Machine clients may bring ids of their own.
    """
    if wanted.site_id is not None:
        known = await queries.known_site(deps, account_id=device.account_id, site_id=wanted.site_id)
        if known is not None:
            _refuse(SiteContradicted, domain.contradictions(wanted, known), rule="as_known")
            return domain.known_site(wanted, known)
        if caller.kind != "client":
            raise SiteUnknown(field="site.site_id", rule="known_site")
    _refuse(SiteIncomplete, domain.missing_fields(wanted), rule="required")
    country = wanted.country or device.site.country
    parts = (wanted.name, wanted.street, wanted.postcode, wanted.city, country)
    site_id = wanted.site_id or derived_id("site", device.account_id, *(fold(part or "") for part in parts))
    return domain.new_site(wanted, site_id=site_id, present=device.site)


def _refuse(problem: type[Invalid], fields: list[str], *, rule: str) -> None:
    if fields:
        errors = [FieldError(field=f"site.{field}", rule=rule, message=problem.title) for field in fields]
        raise problem(errors=errors)
