"""A client that a public generator makes of the document opens, follows and answers a ticket."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.contracts import FOLDER
from shared.contracts.inbound import DispatchVisitPlanned
from tests.support.stack import Stack
from tests.support.visits import message, window
from tests.support.waiting import eventually
from tests.support.world import World

PACKAGE = "generated_tickets"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The name of the package, which can be imported."""
    folder = tmp_path_factory.mktemp("client")
    generator = Path(sys.executable).parent / "openapi-python-client"
    document = FOLDER / "openapi-tickets.json"
    options = ("--path", str(document), "--output-path", str(folder / PACKAGE), "--meta", "none")
    done = subprocess.run([generator, "generate", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield PACKAGE
    sys.path.remove(str(folder))


def part(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


async def test_a_generated_client_opens_follows_and_answers_a_ticket(
    generated: str, stack: Stack, world: World
) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    person = await world.manager(account, whole=True)
    models = part("models")
    client = part("client").AuthenticatedClient(base_url=stack.url("tickets"), token=person.token)
    report = models.OpenTicket(device_id=device.device_id, description="Paper jams")
    opened = await part("api.tickets.open_ticket").asyncio(client=client, body=report, idempotency_key="once")
    assert isinstance(opened, models.TicketView)
    again = await part("api.tickets.open_ticket").asyncio(client=client, body=report, idempotency_key="once")
    assert again.ticket_id == opened.ticket_id

    order = str(opened.work_order_id)
    planned = message(DispatchVisitPlanned, order, 1, **window(hours=20))
    await stack.wire("dispatch").send(planned, order)

    async def followed() -> Any:
        ticket = await part("api.tickets.read_ticket").asyncio(opened.ticket_id, client=client)
        return ticket if ticket.visits else None

    [visit] = (await eventually(followed, what="the visit")).visits
    answer = models.ReplyToVisit(reply=models.ReplyToVisitReply.CONFIRMED, window_from=visit.window_from)
    answered = await part("api.visits.answer_visit").asyncio(
        opened.ticket_id, visit.visit_id, client=client, body=answer, idempotency_key="yes"
    )
    assert answered.visits[0].customer_reply == "confirmed"
    lines = await part("api.tickets.read_timeline").asyncio(opened.ticket_id, client=client)
    assert len(lines.items) >= 3
    refused = await part("api.tickets.read_ticket").asyncio("no-such-ticket", client=client)
    assert isinstance(refused, models.ProblemDetails) and refused.status == 404
