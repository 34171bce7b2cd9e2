"""What dispatch and the engineers send."""

from services.tickets.service import Service
from services.tickets.visits import operations
from shared.consumers import inbound
from shared.contracts.inbound import DispatchMessage, EngineerMessage
from shared.wire.envelope import Envelope


@inbound("inbound.dispatch", group="tickets.dispatch", events=(DispatchMessage,))
async def hear_dispatch(record: Envelope[DispatchMessage], deps: Service) -> None:
    await operations.take(deps, record, "dispatch")


@inbound("inbound.engineer", group="tickets.engineer", events=(EngineerMessage,))
async def hear_engineers(record: Envelope[EngineerMessage], deps: Service) -> None:
    await operations.take(deps, record, "engineer")
