"""Master data from the back office, in whatever order it comes."""

from services.catalog.contracts import operations as contracts
from services.catalog.devices import model_names
from services.catalog.devices import operations as devices
from services.catalog.models import operations as models
from services.catalog.service import Service
from shared.consumers import inbound
from shared.contracts.inbound import (
    BackOfficeContractUpdated,
    BackOfficeDeviceUpdated,
    BackOfficeMessage,
    BackOfficeModelUpdated,
)
from shared.outbox import Cause
from shared.wire.envelope import Envelope


@inbound(
    "inbound.back-office.fleet",
    group="catalog.back-office",
    events=(BackOfficeModelUpdated, BackOfficeDeviceUpdated, BackOfficeContractUpdated),
)
async def take_master_record(record: Envelope[BackOfficeMessage], deps: Service) -> None:
    """One record for one owner of facts; then whoever depends on it looks again, so that the order does not matter."""
    cause, now = Cause.following(record), deps.clock()
    match record.event:
        case BackOfficeModelUpdated() as event:
            model = await models.take_master(deps, record=event, cause=cause)
            await model_names.start(deps, model=model, cause=cause, now=now)
        case BackOfficeDeviceUpdated() as event:
            await devices.take_master(deps, record=event, cause=cause, now=now)
        case BackOfficeContractUpdated() as event:
            concerned = await contracts.take_master(deps, record=event, cause=cause)
            for device_id, lines in concerned.items():
                await devices.take_lines(deps, device_id=device_id, lines=lines, cause=cause, now=now)
