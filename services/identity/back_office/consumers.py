"""Kafka in: master records of accounts and users from the back office."""

from services.identity.back_office import operations
from services.identity.service import Service
from shared.consumers import inbound
from shared.contracts.inbound import BackOfficeAccountUpdated, BackOfficeUserUpdated
from shared.outbox import Cause
from shared.wire.envelope import Envelope

ACTOR = "back-office"


@inbound(
    "inbound.back-office.accounts",
    group="identity.back-office",
    events=(BackOfficeAccountUpdated, BackOfficeUserUpdated),
)
async def take_master_record(record: Envelope[BackOfficeAccountUpdated | BackOfficeUserUpdated], deps: Service) -> None:
    cause = Cause.following(record, actor=ACTOR)
    match record.event:
        case BackOfficeAccountUpdated() as message:
            await operations.take_account(deps, message=message, cause=cause)
        case BackOfficeUserUpdated() as message:
            await operations.take_user(deps, message=message, cause=cause)
