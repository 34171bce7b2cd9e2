"""A small customer with everything that a page can show: visits, questions, reports, contracts that end."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deploy.seed.editions import EDITIONS
from shared.contracts.inbound import (
    ContactCentreTicketReplied,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    EngineerVisitTravelling,
)
from tests.support.visits import message, report, window
from tests.support.waiting import eventually
from tests.support.world import Account, Device, Person, World

NAMES = ("Empfang", "Buchhaltung 3. OG", "Personalabteilung Großraumbüro", "Poststelle", "Rechtsabteilung")
TEXTS = (
    "Papierstau im Duplexer, seit heute Nachmittag. Die Meldung kommt nach dem Öffnen sofort wieder.",
    "Streifen auf allen Ausdrucken, besonders am linken Rand",
    "Gerät zieht kein Papier aus Fach 2",
    "Scanner schickt keine E-Mails mehr",
)


@dataclass
class Scene:
    """One customer as the tests of the pages find it. Tickets by what they show."""

    world: World
    account: Account
    devices: list[Device]
    german: Person
    finnish: Person
    agent: Person
    tickets: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def make(cls, world: World) -> "Scene":
        async with await world.api("identity") as identity:
            for edition in EDITIONS:
                answer = await identity.put(f"/v1/editions/{edition['country']}", json=edition)
                assert answer.status_code == 200, answer.text
        account = await world.account("DE")
        today = datetime.now(UTC).date()
        ends: tuple[date | None, ...] = (None, None, None, today + timedelta(days=20), today - timedelta(days=10))
        devices = [await world.device(account, valid_until=end) for end in ends]
        right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
        scene = cls(
            world,
            account,
            devices,
            german=await world.person("DE", rights=[right]),
            finnish=await world.person("FI", rights=[right]),
            agent=await world.person("DE", staff_roles=["contact_centre_agent"]),
        )
        await scene._name_devices()
        await scene._open_tickets()
        return scene

    async def _name_devices(self) -> None:
        async with await self.world.api("catalog", self.german) as catalog:
            for device, name in zip(self.devices, NAMES, strict=True):
                path = f"/v1/devices/{device.device_id}"
                version = (await catalog.get(path)).headers["etag"]
                answer = await catalog.patch(path, json={"own_name": name}, headers={"If-Match": version})
                assert answer.status_code == 200, answer.text

    async def _open_tickets(self) -> None:
        ways = ("planned", "asked", "travelling", "resolved")
        for device, text, way in zip(self.devices, TEXTS, ways, strict=False):
            opened = await self.world.open_ticket(self.german, device, description=text, impact="down")
            self.tickets[way] = opened["ticket_id"]
            await self._lead_to(way, opened)
        received = await self.world.open_ticket(
            self.german, self.devices[0], description="Der Deckel klemmt", another_ticket_is_open_ok=True
        )
        self.tickets["received"] = received["ticket_id"]

    async def _lead_to(self, way: str, ticket: dict[str, Any]) -> None:
        order, stack = str(ticket["work_order_id"]), self.world.stack
        if way == "asked":
            question = ContactCentreTicketReplied(
                ticket_id=ticket["ticket_id"],
                reply_id="question",
                audience="public",
                text="Welche Meldung steht nach dem Neustart auf dem Display?",
                waiting_for_customer=True,
                occurred_at=datetime.now(UTC),
            )
            await stack.wire("contact-centre").send(question, ticket["ticket_id"])
            await self.becomes(ticket, "waiting_for_customer")
            return
        await stack.wire("dispatch").send(message(DispatchVisitPlanned, order, 1, **window(hours=14)), order)
        await self.becomes(ticket, "visit_planned")
        if way == "planned":
            return
        expected = datetime.now(UTC) + timedelta(hours=1)
        engineer = stack.wire("engineer")
        await engineer.send(message(EngineerVisitTravelling, order, 1, expected_at=expected), order)
        await self.becomes(ticket, "on_the_way")
        if way == "resolved":
            await engineer.send(message(EngineerVisitArrived, order, 2), order)
            await engineer.send(message(EngineerVisitReported, order, 3, **report()), order)
            await self.becomes(ticket, "resolved")

    async def becomes(self, ticket: dict[str, Any], status: str) -> None:
        async with await self.world.api("tickets", self.german) as tickets:

            async def there() -> bool:
                answer = await tickets.get(f"/v1/tickets/{ticket['ticket_id']}")
                return answer.status_code == 200 and answer.json()["status"] == status

            await eventually(there, what=f"the ticket {status}")

    def screens(self) -> dict[str, str]:
        """Every screen by name."""
        return {
            "home": "/",
            "tickets": "/tickets",
            "tickets-closed": "/tickets?state=closed",
            "tickets-nothing-fits": "/tickets?q=zzzz",
            **{f"ticket-{name}": f"/tickets/{ticket_id}" for name, ticket_id in self.tickets.items()},
            "report-device": "/tickets/new",
            "report": f"/tickets/new?device_id={self.devices[3].device_id}",
            "report-again": f"/tickets/new?device_id={self.devices[0].device_id}",
            "report-refused": f"/tickets/new?device_id={self.devices[4].device_id}",
            "devices": "/devices",
            "devices-nothing-fits": "/devices?q=zzzz",
            "device": f"/devices/{self.devices[0].device_id}",
            "device-edit": f"/devices/{self.devices[0].device_id}/edit",
            "device-sound": f"/devices/{self.devices[3].device_id}",
            "device-expired": f"/devices/{self.devices[4].device_id}",
            "profile": "/profile",
            "contact": "/contact",
            "components": "/components",
            "not-found": "/devices/nothing",
        }
