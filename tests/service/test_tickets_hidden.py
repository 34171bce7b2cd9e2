"""What is hidden costs what does not exist: the same questions to the store, and the same answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.tickets.aggregate.operations import TicketNotFound
from services.tickets.tickets import operations, queries
from services.tickets.visits import operations as visits
from shared.access.caller import Caller
from shared.contracts.identity import Right, Role
from shared.ids import new_id
from shared.outbox.command import Command
from tests.service.tickets_alone import Alone, Grown

STRANGER = Caller(
    id="stranger", kind="user", rights=(Right(account_id="another account", role=Role.ADMINISTRATOR, whole=True),)
)
NOBODY = Caller(id="knowledge", kind="user", rights=())

Ask = Callable[[Alone, Caller, str], Awaitable[Any]]


def command() -> Command:
    return Command("stranger", "POST /v1/tickets", new_id(), "hash")


async def read(alone: Alone, caller: Caller, ticket_id: str) -> Any:
    return await queries.ticket_document(alone.deps, caller, ticket_id)


async def cancel(alone: Alone, caller: Caller, ticket_id: str) -> Any:
    return await operations.act(
        alone.deps,
        caller=caller,
        ticket_id=ticket_id,
        action="cancel",
        text=None,
        wait_for="customer",
        command=command(),
        if_match=7,
    )


async def note(alone: Alone, caller: Caller, ticket_id: str) -> Any:
    return await operations.write_note(
        alone.deps, caller=caller, ticket_id=ticket_id, text="Aside", command=command(), if_match=None
    )


async def reply(alone: Alone, caller: Caller, ticket_id: str) -> Any:
    return await visits.reply(
        alone.deps,
        caller=caller,
        ticket_id=ticket_id,
        visit_id="visit-0",
        answer="confirmed",
        text=None,
        window_from=None,
        command=command(),
        if_match=None,
    )


@pytest.fixture
async def alone(servers: Servers) -> AsyncIterator[Alone]:
    async with Alone.on(servers.profile) as one:
        yield one


@pytest.mark.parametrize("ask", [read, cancel, note, reply])
@pytest.mark.parametrize("caller", [STRANGER, NOBODY], ids=lambda caller: caller.id)
async def test_a_foreign_ticket_asks_the_store_what_an_unknown_one_asks(alone: Alone, ask: Ask, caller: Caller) -> None:
    foreign = Grown.of(entries=1, visits=1, now=alone.clock())
    await alone.keep(foreign)
    calls = []
    for ticket_id in (foreign.ticket.state.ticket_id, new_id()):
        alone.counter.reset()
        with pytest.raises(TicketNotFound):
            await ask(alone, caller, ticket_id)
        calls.append(list(alone.counter.calls))
    assert calls[0] == calls[1] == ["find"]
