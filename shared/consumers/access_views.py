"""The views that access depends on: users with their resolved rights, grants, and what is revoked. Every service
follows them."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from shared.access.callers import VIEW_GRANTS, VIEW_REVOCATIONS, VIEW_USERS
from shared.consumers import Subscription, ViewRow, view, views
from shared.contracts.catalog import GrantsChanged
from shared.contracts.identity import RevocationEvent, UserEvent
from shared.service import Service
from shared.wire.envelope import Envelope

KEPT_SECONDS = 3600


def follow_users(service_name: str) -> Subscription[Any]:
    """The view `view_users` of one service: status, roles, rights, language, time zone and country by user id."""

    @view("identity.users", group=f"{service_name}.users", events=(UserEvent,))
    async def follow(records: list[Envelope[UserEvent]], service: Service[Any, Any]) -> None:
        rows = [ViewRow(r.key, r.sequence, _without(r.event.user.model_dump(mode="json"), "user_id")) for r in records]
        await views.upsert(service.db[VIEW_USERS], rows)
        for record in records:
            service.callers.forget(record.key)

    return follow


def follow_grants(service_name: str) -> Subscription[Any]:
    """The view `view_grants` of one service: device and group ids by user id."""

    @view("catalog.grants", group=f"{service_name}.grants", events=(GrantsChanged,))
    async def follow(records: list[Envelope[GrantsChanged]], service: Service[Any, Any]) -> None:
        rows = [
            ViewRow(r.key, r.sequence, _without(r.event.grants.model_dump(mode="json"), "user_id")) for r in records
        ]
        await views.upsert(service.db[VIEW_GRANTS], rows)
        for record in records:
            service.callers.forget(record.key)

    return follow


def follow_revocations(service_name: str) -> Subscription[Any]:
    """The view `view_revocations` of one service: until when, by id of session or client."""

    @view("identity.revocations", group=f"{service_name}.revocations", events=(RevocationEvent,))
    async def follow(records: list[Envelope[RevocationEvent]], service: Service[Any, Any]) -> None:
        rows = [ViewRow(r.key, r.sequence, {"until": r.event.revocation.until}) for r in records]
        await views.upsert(service.db[VIEW_REVOCATIONS], rows)
        for record in records:
            service.callers.forget_bearer(record.key)

    return follow


async def prepare(db: AsyncDatabase[dict[str, Any]]) -> None:
    """What is revoked need not be known for longer than its tokens could live."""
    await db[VIEW_REVOCATIONS].create_index("until", expireAfterSeconds=KEPT_SECONDS)


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
