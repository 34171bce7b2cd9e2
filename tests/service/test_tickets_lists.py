"""The list of tickets at its door: orders, pages both ways, counts by state, and the export of the same view."""

import csv
import io

from tests.support.stack import Stack
from tests.support.world import World


async def test_counts_export_and_pages_are_of_one_view_and_nobody_elses(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    device, other = await world.device(account), await world.device(account)
    right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right])
    stranger_account = await world.account("DE")
    stranger = await world.person("DE", rights=[{**right, "account_id": stranger_account.account_id}])
    tickets = [await world.open_ticket(person, device), await world.open_ticket(person, other)]
    async with await world.api("tickets", person) as own:
        third = await own.post(
            "/v1/tickets",
            json={
                "device_id": device.device_id,
                "description": "=1+1 prints streaks",
                "own_reference": "007",
                "another_ticket_is_open_ok": True,
            },
        )
        assert third.status_code == 201
        tickets.append(third.json())
        cancelled = await own.post(f"/v1/tickets/{tickets[0]['ticket_id']}/cancel", json={})
        assert cancelled.status_code == 200
        ids = [ticket["ticket_id"] for ticket in tickets]

        facets = (await own.get("/v1/tickets/facets")).json()
        assert facets == {"statuses": {"received": 2, "cancelled": 1}}
        narrowed = {"state": "open", "status": "received", "device_id": device.device_id}
        assert (await own.get("/v1/tickets/facets", params=narrowed)).json() == {"statuses": {"received": 1}}
        assert (await own.get("/v1/tickets/facets", params={"q": "?!"})).json() == {"statuses": {}}

        oldest = (await own.get("/v1/tickets", params={"sort": "opened", "total": "true"})).json()
        assert [item["ticket_id"] for item in oldest["items"]] == ids
        assert (oldest["total"], oldest["next"], oldest["previous"]) == (3, None, None)

        seen = []
        page = (await own.get("/v1/tickets", params={"limit": 1})).json()
        while page["next"]:
            seen.append(page["items"][0]["ticket_id"])
            page = (await own.get("/v1/tickets", params={"limit": 1, "cursor": page["next"]})).json()
        assert [*seen, page["items"][0]["ticket_id"]] == ids[::-1]
        back = (await own.get("/v1/tickets", params={"limit": 1, "cursor": page["previous"]})).json()
        assert back["items"][0]["ticket_id"] == ids[1]
        foreign_order = await own.get("/v1/tickets", params={"limit": 1, "cursor": page["previous"], "sort": "opened"})
        assert (foreign_order.status_code, foreign_order.json()["code"]) == (400, "cursor_invalid")

        exported = await own.get("/v1/tickets/export.csv", params={"state": "open", "sort": "opened"})
        assert exported.headers["content-disposition"] == 'attachment; filename="tickets.csv"'
        rows = list(csv.DictReader(io.StringIO(exported.text)))
        assert [row["number"] for row in rows] == [ticket["number"] for ticket in tickets[1:]]
        assert rows[1]["description"] == "'=1+1 prints streaks" and rows[1]["own_reference"] == "007"
        sheet = await own.get("/v1/tickets/export.csv", params={"state": "open", "layout": "spreadsheet"})
        assert sheet.content.startswith(b"\xef\xbb\xbfnumber;status;") and '"=""007"""' in sheet.text
    async with await world.api("tickets", stranger) as foreign:
        for params in ({}, {"account_id": account.account_id}, {"device_id": device.device_id}):
            assert (await foreign.get("/v1/tickets/facets", params=params)).json() == {"statuses": {}}
            lines = (await foreign.get("/v1/tickets/export.csv", params=params)).text.splitlines()
            assert len(lines) == 1
        stolen = await foreign.get("/v1/tickets", params={"cursor": page["previous"]})
        assert (stolen.status_code, stolen.json()["items"]) == (200, [])
