"""What dispatch and the engineers send."""

from services.tickets.visits import operations
from shared.contracts.inbound import DispatchMessage, EngineerMessage
from shared.kafka import Envelope, inbound
from shared.service import Service


@inbound("inbound.dispatch", group="tickets.dispatch", events=(DispatchMessage,))
async def hear_dispatch(record: Envelope[DispatchMessage], deps: Service) -> None:
    await operations.take(deps, record, "dispatch")


@inbound("inbound.engineer", group="tickets.engineer", events=(EngineerMessage,))
async def hear_engineers(record: Envelope[EngineerMessage], deps: Service) -> None:
    await operations.take(deps, record, "engineer")
