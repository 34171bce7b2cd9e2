"""The catalog as an application."""

from fastapi import FastAPI

from services.catalog.accounts import store as accounts
from services.catalog.accounts.consumers import follow_accounts
from services.catalog.contracts import store as contracts
from services.catalog.devices import operations as device_operations
from services.catalog.devices import serials
from services.catalog.devices import store as devices
from services.catalog.devices.consumers import follow_tickets
from services.catalog.devices.model_names import FOLLOW_MODEL
from services.catalog.devices.routes import router as device_routes
from services.catalog.grants import store as grants
from services.catalog.grants.routes import router as grant_routes
from services.catalog.groups import store as groups
from services.catalog.groups.following import FOLLOW_MEMBERS
from services.catalog.groups.routes import router as group_routes
from services.catalog.imports.consumers import take_master_record
from services.catalog.lists.routes import router as list_routes
from services.catalog.models import store as models
from services.catalog.models.routes import router as model_routes
from services.catalog.service import Parts, Service
from services.catalog.settings import Settings
from services.catalog.sites.routes import router as site_routes
from shared import jobs
from shared.application import create_service_app
from shared.jobs.routes import jobs_router
from shared.joined import Joined
from shared.outbox.statements import Statements
from shared.timers import TimerRule

JOB_KINDS = (FOLLOW_MEMBERS, FOLLOW_MODEL)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application of the catalog; settings come from the environment where none are given."""
    return create_service_app(
        settings or Settings(),
        title="Lockstep catalog",
        about="Devices, contracts, groups, and who manages what.",
        # The list's fixed paths come before the path of one device.
        routers=[
            list_routes,
            device_routes,
            site_routes,
            model_routes,
            grant_routes,
            group_routes,
            jobs_router(JOB_KINDS),
        ],
        build_parts=lambda db, _settings: Parts(
            Joined(lambda device_ids: contracts.lines_of(db, device_ids)), Statements(db[serials.SERIALS])
        ),
        aggregates=[devices.DEVICES, contracts.CONTRACTS, models.MODELS, grants.GRANTS, groups.GROUPS, jobs.JOBS],
        subscriptions=[take_master_record, follow_accounts, follow_tickets],
        prepare=[_prepare],
        timers=[
            TimerRule(aggregate=devices.DEVICES, fire=device_operations.pass_boundary),
            jobs.rule_of(JOB_KINDS),
        ],
        followed={"devices": devices.DEVICES.collection, "grants": grants.GRANTS.collection, "groups": "groups"},
        load_grants=grants.load,
    )


async def _prepare(service: Service) -> None:
    for store in (accounts, contracts, devices, grants, groups, jobs):
        await store.prepare(service.db)
    await service.outbox.rows.complete(devices.DEVICES)
    await serials.complete(service)
