"""Who looks at which pages of the demonstration, and what has to be open so that there is something to see."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

GERMAN = "juergen.mueller@rheinauer.example"
FINNISH = "mikko.saarinen@koivuniemi.example"
AGENT, GERMAN_AGENT = "robin.aalto@tornvald.example", "helena.brandt@tornvald.example"
OPERATOR = "tomasz.wilk@tornvald.example"

NOT_THERE = "/devices/nothing"
REPORTS = (
    ("Streifen auf jeder Kopie, seit heute morgen", "impaired"),
    ("Druckt nicht mehr, die Anzeige bleibt dunkel", "down"),
    ("Wie stelle ich die Sprache des Bedienfelds um?", "question"),
)


@dataclass(frozen=True)
class Reader:
    """One person with his pages, by name."""

    name: str
    email: str
    pages: Mapping[str, str]


@dataclass(frozen=True)
class Doors:
    """The services of a running installation, as people with one password enter them."""

    identity: str
    catalog: str
    tickets: str
    password: str

    def signed_in(self, email: str) -> httpx.Client:
        """A client with a token; each write is a command of its own."""
        answer = httpx.post(
            f"{self.identity}/v1/sessions", json={"email": email, "password": self.password}, headers=_key()
        )
        answer.raise_for_status()
        return httpx.Client(headers={"Authorization": f"Bearer {answer.json()['access_token']}"}, timeout=30)


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def readers(doors: Doors) -> list[Reader]:
    """Everybody with his pages; opens a few requests where none is open."""
    found = []
    for name, email in (("customer-de", GERMAN), ("customer-fi", FINNISH)):
        with doors.signed_in(email) as client:
            listed = client.get(f"{doors.catalog}/v1/devices", params={"limit": 10, "contract": "valid"}).json()
            ids = [device["device_id"] for device in listed["items"]]
            tickets = _open_tickets(doors, client, ids)
        found.append(Reader(name, email, _of_a_customer(ids, tickets)))
    with doors.signed_in(AGENT) as agent:
        cases = _led_on(doors, agent)
    agents = (("agent-fi", AGENT), ("agent-de", GERMAN_AGENT))
    found += [Reader(name, email, _of_the_desk(cases)) for name, email in agents]
    found.append(Reader("operator", OPERATOR, {"operations": "/operations", "runbook": "/operations/runbook"}))
    return found


def _open_tickets(doors: Doors, client: httpx.Client, devices: list[str]) -> list[str]:
    address = f"{doors.tickets}/v1/tickets"
    listed = client.get(address, params={"state": "open", "limit": 10}).json()["items"]
    for device_id, (text, impact) in zip(devices, REPORTS, strict=False):
        if len(listed) >= len(REPORTS):
            break
        body = {"device_id": device_id, "description": text, "impact": impact, "another_ticket_is_open_ok": True}
        answer = client.post(address, json=body, headers=_key())
        answer.raise_for_status()
        listed.append(answer.json())
    return [ticket["ticket_id"] for ticket in listed]


def _led_on(doors: Doors, agent: httpx.Client) -> list[str]:
    """The cases of the desk; some of them taken up, answered, waiting."""
    address = f"{doors.tickets}/v1/tickets"
    listed = agent.get(address, params={"state": "open", "sort": "due", "limit": 20}).json()["items"]
    ids = [ticket["ticket_id"] for ticket in listed]
    received = [ticket["ticket_id"] for ticket in listed if ticket["status"] == "received"]
    steps: tuple[tuple[str, dict[str, str]], ...] = (
        ("acknowledge", {}),
        ("wait", {"reason": "customer", "text": "Welche Meldung steht auf dem Display?"}),
        ("wait", {"reason": "parts", "text": "Eine Walze ist bestellt."}),
    )
    for ticket_id, (step, body) in zip(received[::2], steps, strict=False):
        agent.post(f"{address}/{ticket_id}/{step}", json=body, headers=_key()).raise_for_status()
    for ticket_id in ids[:1]:
        note = {"text": "Dritter Stau in diesem Monat."}
        agent.post(f"{address}/{ticket_id}/notes", json=note, headers=_key()).raise_for_status()
    return ids


def _of_a_customer(devices: list[str], tickets: list[str]) -> dict[str, str]:
    return {
        "home": "/",
        "tickets": "/tickets",
        "tickets-closed": "/tickets?state=closed",
        "tickets-none": "/tickets?q=zzzz",
        **{f"ticket-{number}": f"/tickets/{ticket_id}" for number, ticket_id in enumerate(tickets[:3], start=1)},
        "report-device": "/tickets/new",
        "report": f"/tickets/new?device_id={devices[-1]}",
        "devices": "/devices",
        "device": f"/devices/{devices[0]}",
        "device-edit": f"/devices/{devices[0]}/edit",
        "profile": "/profile",
        "contact": "/contact",
        "components": "/components",
        "not-found": NOT_THERE,
    }


def _of_the_desk(cases: list[str]) -> dict[str, str]:
    shown = {f"case-{number}": f"/desk/{ticket_id}?queue=all" for number, ticket_id in enumerate(cases[:2], start=1)}
    return {"desk": "/desk", "desk-all": "/desk?queue=all", "desk-empty": "/desk?queue=flagged", **shown}
