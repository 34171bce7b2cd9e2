"""One example request for each endpoint. An endpoint that is missing here fails the test that asks it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.contracts import actions
from shared.contracts.actions import Action
from tests.permissions.cast import Member
from tests.permissions.expectations import Thing
from tests.permissions.stage import Stage

Body = Callable[[Stage, Thing | None], Any]
Maker = Callable[[Stage, Member, Thing], Awaitable[Thing | None]]


@dataclass(frozen=True)
class Example:
    """How to ask an endpoint.

    `thing`: the kind of object that the request names. `fresh`: makes one for somebody who may change it, in the state
    that the change needs. `let_in`: what an accepted request is answered, where that is not a good status. `sight`: by
    which action something is found that the address does not name. `aimed`: queries of lists that ask for foreign
    things. `in_turn`: the requests share one object, so they come one after the other, each with its present version.
    `visitors_only`: nobody would be signed in afterwards.
    """

    thing: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    fresh: Maker | None = None
    let_in: int | None = None
    sight: Action | None = None
    query: Callable[[Thing], dict[str, str]] | None = None
    aimed: Callable[[Stage], list[dict[str, str]]] | None = None
    in_turn: bool = False
    stream: bool = False
    visitors_only: bool = False


def _said(**fields: Any) -> Body:
    return lambda _stage, _thing: fields


async def _ticket(stage: Stage, member: Member, thing: Thing) -> Thing:
    return await stage.new_ticket(thing.place)


async def _resolved(stage: Stage, member: Member, thing: Thing) -> Thing:
    ticket = await stage.new_ticket(thing.place)
    await stage.do("tickets", "POST", f"/v1/tickets/{ticket.id}/resolve", json={})
    return ticket


async def _visit(stage: Stage, member: Member, thing: Thing) -> Thing:
    return await stage.with_visit(await stage.new_ticket(thing.place))


async def _group(stage: Stage, member: Member, thing: Thing) -> Thing:
    return await stage.new_group(thing.place)


async def _active(stage: Stage, member: Member, thing: Thing) -> Thing:
    return await stage.new_user(thing.place)


async def _pending(stage: Stage, member: Member, thing: Thing) -> Thing:
    return await stage.new_user(thing.place, active=False)


async def _suspended(stage: Stage, member: Member, thing: Thing) -> Thing:
    user = await stage.new_user(thing.place)
    await stage.do("identity", "POST", f"/v1/users/{user.id}/suspend", json={})
    return user


async def _known_user(stage: Stage, member: Member, thing: Thing) -> Thing:
    user = await stage.new_user(thing.place, active=False)
    await stage.until_known(user.id)
    return user


async def _account(stage: Stage, member: Member, thing: Thing) -> Thing:
    made = await stage.do("identity", "POST", "/v1/accounts", json=_new_account(stage, thing))
    return replace(thing, params={"account_id": made["account_id"]})


async def _client(stage: Stage, member: Member, thing: Thing) -> Thing:
    made = await stage.do("identity", "POST", "/v1/clients", json={"name": "fresh", "scopes": []})
    return replace(thing, params={"client_id": made["client_id"]})


async def _session(stage: Stage, member: Member, thing: Thing) -> Thing:
    body = {"email": member.email, "password": member.password}
    opened = await stage.ask(member, "identity", "POST", "/v1/sessions", json=body)
    return replace(thing, params={"session_id": opened.json()["session_id"]})


async def _feed(stage: Stage, member: Member, thing: Thing) -> Thing | None:
    """Who may not make a feed has none to revoke."""
    made = await stage.ask(member, "tickets", "POST", "/v1/calendar-feeds")
    return replace(thing, params={"feed_id": made.json()["feed_id"]}) if made.is_success else None


def _new_account(stage: Stage, thing: Thing | None) -> dict[str, Any]:
    mark = stage.mark(thing.place) if thing else stage.ours.mark
    return {
        "name": f"Fresh {mark}",
        "billing_number": f"FB-{secrets.token_hex(6)}",
        "service_number": f"FS-{secrets.token_hex(6)}",
        "country": "FI",
        "language": "fi",
    }


def _new_user(stage: Stage, thing: Thing | None) -> dict[str, Any]:
    account_id = stage.account(thing.place if thing else "own")
    return {
        "first_name": "New",
        "last_name": "User",
        "email": f"{secrets.token_hex(8)}@example.com",
        "language": "en",
        "time_zone": "Europe/Helsinki",
        "country": "FI",
        "rights": [{"account_id": account_id, "role": "stock_manager", "whole": True}],
    }


def _new_rights(stage: Stage, thing: Thing | None) -> dict[str, Any]:
    account_id = stage.account("foreign" if thing and thing.place == "foreign" else "own")
    return {"rights": [{"account_id": account_id, "role": "device_manager", "whole": True}]}


def _report(stage: Stage, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"device_id": thing.id, "description": "Jams", "another_ticket_is_open_ok": True}


def _of_device(thing: Thing | None) -> dict[str, str]:
    assert thing is not None
    return {"device_id": thing.id}


def _wrong_sign_in(stage: Stage, thing: Thing | None) -> dict[str, Any]:
    return {"email": f"{secrets.token_hex(8)}@example.com", "password": "wrong"}


def _foreign_devices(stage: Stage) -> list[dict[str, str]]:
    foreign = {
        "q": stage.theirs.mark,
        "account_id": stage.theirs.id,
        "site_id": f"site-{stage.theirs.mark}",
        "group_id": stage.theirs.groups["foreign"],
    }
    return [{name: value} for name, value in foreign.items()]


def _foreign_tickets(stage: Stage) -> list[dict[str, str]]:
    foreign = {"q": stage.theirs.mark, "account_id": stage.theirs.id, "device_id": stage.theirs.devices["foreign"]}
    return [{name: value, "total": "true"} for name, value in foreign.items()]


EDITION = {
    "country": "QQ",
    "languages": ["en"],
    "time_zone": "Europe/Helsinki",
    "holiday_country": "FI",
    "opening_hours": [],
    "phone": "+358 9 555",
    "email": "desk@example.com",
    "address": "Street 1",
    "terms_version": "1",
    "team_name": "Service",
}
CALENDAR = {"time_zone": "Europe/Helsinki", "week": [[{"start": "08:00", "end": "16:00"}]] * 5 + [[], []]}
SITE = {
    "site": {"name": "New site", "street": "Street 9", "postcode": "00100", "city": "Helsinki", "country": "FI"},
    "location": {"room": "9"},
}

PUBLIC = Example()
KEYS = {"name": "identity", "path": "keys"}
HANDLED = _said(text="A word from the service")

EXAMPLES: Mapping[str, Example] = {
    # what every service has
    **{
        f"{service} GET {path}": PUBLIC
        for service in ("identity", "catalog", "tickets", "notifier", "portal")
        for path in ("/health/live", "/health/ready", "/metrics")
        if (service, path) != ("portal", "/metrics")  # its port is public
    },
    # signing in, and oneself
    "identity GET /v1/keys": PUBLIC,
    "identity POST /v1/sessions": Example(body=_wrong_sign_in, let_in=401),
    "identity POST /v1/sessions/refresh": Example(body=_said(refresh_token="wrong"), let_in=401),
    "identity POST /v1/sessions/sign-out": Example(body=_said(refresh_token="wrong")),
    "identity GET /v1/sessions": Example(),
    "identity DELETE /v1/sessions/{session_id}": Example("session", fresh=_session),
    "identity GET /v1/me": Example(),
    "identity PATCH /v1/me": Example(body=_said(phone="+358 9 555 0199")),
    "identity POST /v1/me/password": Example(
        body=_said(current_password="wrong", new_password="also wrong"), let_in=422
    ),
    # accounts, people, clients, editions
    "identity POST /v1/accounts": Example(body=_new_account),
    "identity GET /v1/accounts": Example(
        aimed=lambda stage: [{"q": stage.theirs.mark, "total": "true"}, {"parent_id": stage.theirs.id}]
    ),
    "identity GET /v1/accounts/{account_id}": Example("account"),
    "identity PATCH /v1/accounts/{account_id}": Example("account", body=_said(name="Renamed"), fresh=_account),
    "identity GET /v1/accounts/{account_id}/history": Example("account"),
    "identity POST /v1/users": Example(body=_new_user),
    "identity GET /v1/users": Example(
        aimed=lambda stage: [
            {"q": stage.stranger.email, "total": "true"},
            {"account_id": stage.theirs.id, "total": "true"},
        ]
    ),
    "identity GET /v1/users/{user_id}": Example("user"),
    "identity GET /v1/users/{user_id}/history": Example("user"),
    "identity PUT /v1/users/{user_id}/rights": Example("user", body=_new_rights, fresh=_active),
    "identity POST /v1/users/{user_id}/suspend": Example("user", body=_said(reason="left"), fresh=_active),
    "identity POST /v1/users/{user_id}/reactivate": Example("user", body=_said(), fresh=_suspended),
    "identity POST /v1/users/{user_id}/remove": Example("user", body=_said(), fresh=_active),
    "identity POST /v1/users/{user_id}/activate": Example(
        "user", body=_said(password="correct horse battery staple 7391"), fresh=_pending
    ),
    "identity POST /v1/clients/token": Example(body=_said(client_id="nobody", client_secret="wrong"), let_in=401),
    "identity POST /v1/clients": Example(body=_said(name="fresh", scopes=[])),
    "identity GET /v1/clients": Example(),
    "identity POST /v1/clients/{client_id}/secret": Example("client", fresh=_client),
    "identity DELETE /v1/clients/{client_id}": Example("client", fresh=_client),
    "identity GET /v1/editions": PUBLIC,
    "identity GET /v1/editions/{country}": Example(params={"country": "QX"}, let_in=404),
    "identity PUT /v1/editions/{country}": Example(params={"country": "QQ"}, body=_said(**EDITION)),
    # devices, groups, who manages what
    "catalog GET /v1/devices": Example(aimed=_foreign_devices),
    "catalog GET /v1/devices/facets": Example(aimed=_foreign_devices),
    "catalog GET /v1/devices/export.csv": Example(aimed=_foreign_devices),
    "catalog GET /v1/devices/{device_id}": Example("device"),
    "catalog PATCH /v1/devices/{device_id}": Example("device", body=_said(own_name="New name"), in_turn=True),
    "catalog PUT /v1/devices/{device_id}/site": Example("device", body=_said(**SITE), in_turn=True),
    "catalog GET /v1/sites": Example(aimed=lambda stage: [{"account_id": stage.theirs.id}]),
    "catalog GET /v1/models": Example(),
    "catalog GET /v1/grants/{user_id}": Example("grants"),
    "catalog PUT /v1/grants/{user_id}": Example("grants", body=_said(devices=[], groups=[]), fresh=_known_user),
    "catalog POST /v1/groups": Example(body=lambda stage, _: {"account_id": stage.ours.id, "name": "New group"}),
    "catalog GET /v1/groups": Example(aimed=lambda stage: [{"account_id": stage.theirs.id}]),
    "catalog PUT /v1/groups/{group_id}/members": Example("group", body=_said(device_ids=[]), fresh=_group),
    # long work; a job that has ended is not cancelled any more
    "catalog GET /v1/jobs": Example(),
    "catalog GET /v1/jobs/{job_id}": Example("job"),
    "catalog GET /v1/jobs/{job_id}/rows": Example("job"),
    "catalog GET /v1/jobs/{job_id}/rows.csv": Example("job"),
    "catalog POST /v1/jobs/{job_id}/cancel": Example("job", body=_said(), let_in=409),
    # tickets and visits
    "tickets GET /v1/devices/{device_id}/outlook": Example("device"),
    "tickets POST /v1/tickets": Example("device", body=_report, sight=actions.READ_OUTLOOK),
    "tickets GET /v1/tickets": Example(aimed=_foreign_tickets),
    "tickets GET /v1/tickets/facets": Example(aimed=_foreign_tickets),
    "tickets GET /v1/tickets/export.csv": Example(aimed=_foreign_tickets),
    "tickets GET /v1/tickets/{ticket_id}": Example("ticket"),
    "tickets GET /v1/tickets/{ticket_id}/timeline": Example("ticket"),
    "tickets GET /v1/tickets/{ticket_id}/explain": Example("ticket"),
    "tickets POST /v1/tickets/{ticket_id}/updates": Example("ticket", body=_said(text="More"), fresh=_ticket),
    "tickets POST /v1/tickets/{ticket_id}/notes": Example("ticket", body=_said(text="Aside"), fresh=_ticket),
    "tickets POST /v1/tickets/{ticket_id}/answers": Example("ticket", body=_said(text="Soon"), fresh=_ticket),
    "tickets DELETE /v1/tickets/{ticket_id}/answers/{answer_id}": Example(
        "ticket", params={"answer_id": "none"}, let_in=409
    ),
    "tickets POST /v1/tickets/{ticket_id}/flags/settle": Example("ticket", body=_said(), fresh=_ticket),
    "tickets POST /v1/tickets/{ticket_id}/work-orders": Example("ticket", body=_said(), fresh=_ticket),
    "tickets POST /v1/tickets/{ticket_id}/close": Example("ticket", body=_said(), fresh=_resolved),
    "tickets POST /v1/tickets/{ticket_id}/cancel": Example("ticket", body=_said(), fresh=_ticket),
    "tickets POST /v1/tickets/{ticket_id}/{action}": Example(
        "ticket", params={"action": "acknowledge"}, body=HANDLED, fresh=_ticket
    ),
    "tickets POST /v1/tickets/{ticket_id}/visits/{visit_id}/reply": Example(
        "visit", body=_said(reply="confirmed"), fresh=_visit
    ),
    "tickets GET /v1/tickets/{ticket_id}/visits/{visit_id}/calendar.ics": Example("visit"),
    "tickets GET /v1/stream": Example(stream=True),
    "tickets PUT /v1/calendars/{code}": Example(params={"code": "of-this-test"}, body=_said(**CALENDAR)),
    "tickets GET /v1/calendars": Example(),
    "tickets POST /v1/calendar-feeds": Example(),
    "tickets GET /v1/calendar-feeds": Example(),
    "tickets GET /v1/calendar-feeds/{token}.ics": Example("feed token"),
    "tickets DELETE /v1/calendar-feeds/{feed_id}": Example("feed", fresh=_feed),
    # mails
    "notifier GET /v1/messages": Example(aimed=lambda stage: [{"ticket_id": stage.things["ticket"]["foreign"].id}]),
    "notifier GET /v1/messages/{message_id}": Example("message"),
    "notifier GET /v1/preferences": Example(),
    "notifier PUT /v1/preferences": Example(body=_said(cadences={})),
    # how the services run; nothing is parked under this id
    **{f"{service} GET /v1/operations": Example() for service in ("identity", "catalog", "tickets", "notifier")},
    **{
        f"{service} POST /v1/operations/parked/requeue": Example(body=_said(id="no/such/record/0"), let_in=404)
        for service in ("identity", "catalog", "tickets", "notifier")
    },
    # pages, forms and files of the portal
    "portal GET /": Example(sight=actions.LIST_TICKETS),
    "portal GET /tickets": Example(aimed=_foreign_tickets),
    "portal GET /tickets/new": Example("device", query=_of_device, sight=actions.READ_OUTLOOK),
    "portal POST /tickets/new": Example(
        "device",
        body=lambda _, thing: {**_of_device(thing), "description": "Jams", "impact": "down", "another": "1"},
        sight=actions.READ_OUTLOOK,
    ),
    "portal GET /tickets/new/outlook": Example("device", query=_of_device),
    "portal GET /tickets/{ticket_id}": Example("ticket"),
    "portal GET /tickets/{ticket_id}/live": Example("ticket"),
    "portal GET /tickets/{ticket_id}/timeline": Example("ticket"),
    "portal POST /tickets/{ticket_id}/reply": Example("ticket", body=_said(text="More"), fresh=_ticket),
    "portal POST /tickets/{ticket_id}/cancel": Example("ticket", fresh=_ticket),
    "portal POST /tickets/{ticket_id}/visits/{visit_id}/reply": Example(
        "visit", body=_said(reply="confirmed"), fresh=_visit
    ),
    "portal GET /tickets/{ticket_id}/visits/{visit_id}/calendar.ics": Example("visit"),
    "portal GET /desk": Example(),
    "portal GET /desk/next": Example(),
    "portal GET /desk/{ticket_id}": Example("ticket"),
    "portal GET /desk/{ticket_id}/live": Example("ticket"),
    "portal GET /desk/{ticket_id}/held": Example("ticket"),
    "portal POST /desk/{ticket_id}/answers": Example("ticket", body=_said(text="Soon"), fresh=_ticket),
    "portal POST /desk/{ticket_id}/answers/{answer_id}/undo": Example(
        "ticket", params={"answer_id": "none"}, let_in=422
    ),
    "portal POST /desk/{ticket_id}/acknowledge": Example("ticket", fresh=_ticket),
    "portal POST /desk/{ticket_id}/visit": Example("ticket", fresh=_ticket),
    "portal POST /desk/{ticket_id}/flags": Example("ticket", fresh=_ticket),
    "portal POST /desk/{ticket_id}/cancel": Example("ticket", fresh=_ticket),
    "portal GET /devices": Example(aimed=_foreign_devices),
    "portal GET /devices/{device_id}": Example("device"),
    "portal GET /devices/{device_id}/edit": Example("device"),
    "portal POST /devices/{device_id}/names": Example("device", body=_said(own_name="Spare"), let_in=409),
    "portal POST /devices/{device_id}/place": Example("device", body=_said(site_id="x"), let_in=422),
    "portal POST /views": Example(body=_said(path="/devices", name="Mine", query="status=installed")),
    "portal POST /views/remove": Example(body=_said(path="/devices", name="Mine", query="")),
    "portal GET /live": Example(stream=True),
    "portal GET /operations": Example(),
    "portal GET /operations/runbook": Example(),
    "portal POST /operations/parked/requeue": Example(body=_said(service="tickets", id="no/such/record/0")),
    "portal GET /profile": Example(),
    "portal POST /profile": Example(
        body=_said(first_name="Maija", last_name="Virta", language="en", time_zone="Europe/Helsinki")
    ),
    "portal POST /profile/sessions/{session_id}/end": Example("session", fresh=_session),
    "portal GET /sign-in": PUBLIC,
    "portal POST /sign-in": Example(body=_wrong_sign_in, let_in=401),
    "portal POST /sign-out": Example(visitors_only=True),
    "portal POST /language": Example(body=_said(language="en")),
    "portal GET /contact": PUBLIC,
    "portal GET /components": PUBLIC,
    "portal GET /assets/{name}": Example(params={"name": "lockstep.css"}),
    "portal GET /api/{name}/v1/{path:path}": Example(params=KEYS),
    **{
        f"portal {method} /api/{{name}}/v1/{{path:path}}": Example(params=KEYS, let_in=405)
        for method in ("DELETE", "PATCH", "POST", "PUT")
    },
}
