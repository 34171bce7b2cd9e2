"""From a ticket's event to a mail in somebody's inbox, or to the reason why there is none."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.tickets import (
    EngineerTravelling,
    TicketCancelled,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketResolved,
    TicketStatusChanged,
    TicketUpdated,
    VisitCancelled,
    VisitMoved,
    VisitPlanned,
)
from tests.service.notifier_scene import Scene
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import World
from tests.unit.notifier_samples import ENTRY

pytestmark = pytest.mark.alone("notifier")

SUBJECTS: dict[type[TicketEvent], str] = {
    TicketOpened: "bei uns eingegangen",
    VisitPlanned: "Besuch am Montag, 7. Dezember",
    VisitMoved: "neuer Besuchstermin, Montag, 7. Dezember",
    VisitCancelled: "der Besuch findet nicht statt",
    EngineerTravelling: "der Techniker ist unterwegs",
    TicketResolved: "behoben",
    TicketClosed: "abgeschlossen",
    TicketCancelled: "zurückgezogen",
}


async def test_each_step_of_a_ticket_mails_its_contact_once_in_his_language(world: World) -> None:
    scene = await Scene.of(world)
    for number, (kind, subject) in enumerate(SUBJECTS.items(), start=1):
        await scene.happens(kind)
        mail = (await scene.mails(number))[-1]
        assert mail["subject"] == f"Meldung {scene.number}: {subject}"
        assert f"/tickets/{scene.ticket_id}" in mail["text"]
        assert f"/tickets/{scene.ticket_id}" in mail["html"]
        assert "+49 40 555 0100" in mail["text"]
        assert mail["headers"]["Auto-Submitted"] == "auto-generated"
        assert mail["headers"]["Content-Language"] == "de"
    assert len(await scene.mails(len(SUBJECTS))) == len(SUBJECTS)
    assert {message["status"] for message in await scene.messages()} == {"sent"}


async def test_what_the_team_writes_is_mailed_from_its_own_event_and_what_the_customer_writes_is_not(
    world: World,
) -> None:
    scene = await Scene.of(world)
    await scene.happens(TicketUpdated, entry=ENTRY.model_copy(update={"author": "customer"}))
    await scene.happens(TicketUpdated)
    await scene.happens(TicketStatusChanged, entry=ENTRY)
    [mail] = await scene.mails(1)
    assert mail["subject"] == f"Meldung {scene.number}: Wir haben Ihnen geschrieben"
    assert "Which tray jams?" in mail["text"] and "Which tray jams?" in mail["html"]
    await scene.happens(TicketResolved, entry=ENTRY.model_copy(update={"text": "It was the fan"}))
    assert "It was the fan" in (await scene.mails(2))[-1]["text"]
    assert [message["kind"] for message in await scene.messages()] == ["ticket_updated", "ticket_resolved"]


async def test_what_becomes_of_a_mail_is_published_without_address_and_words(stack: Stack, world: World) -> None:
    scene = await Scene.of(world)
    async with stack.wire("notifier").listening("notifier.messages") as heard:
        await scene.happens()
        message = await scene.message_that_is("sent")
        await heard.until(lambda own: own.of(message["_id"]))
        states = [value_of(record)["message"] for record in heard.of(message["_id"])]
    assert [state["status"] for state in states] == ["sent"]
    assert scene.email not in str(states)
    assert states[-1]["ticket_id"] == scene.ticket_id
    assert states[-1]["template_version"]


async def test_a_redelivered_event_mails_once(world: World) -> None:
    scene = await Scene.of(world)
    event_id = await scene.happens(TicketOpened)
    await scene.mails(1)
    await scene.happens(TicketOpened, event_id=event_id)
    await scene.happens(TicketClosed)
    mails = await scene.mails(2)
    assert [mail["subject"].partition(": ")[2] for mail in mails] == [SUBJECTS[TicketOpened], SUBJECTS[TicketClosed]]


async def test_an_event_older_than_a_day_never_mails(world: World) -> None:
    scene = await Scene.of(world)
    await scene.happens(TicketOpened, ago=timedelta(hours=25))
    await scene.happens(TicketClosed, ago=timedelta(hours=23))
    mails = await scene.mails(1)
    assert [mail["subject"].partition(": ")[2] for mail in mails] == [SUBJECTS[TicketClosed]]
    logged = {message["kind"]: (message["status"], message["reason"]) for message in await scene.messages()}
    assert logged == {"ticket_opened": ("skipped", "too_old"), "ticket_closed": ("sent", None)}


async def test_a_manager_whose_grant_arrives_a_moment_after_the_event_gets_his_mail(world: World) -> None:
    scene = await Scene.of(world, whole=False)
    await scene.happens()
    await eventually(scene.messages, what="the queued message")
    await scene.manages(scene.device_id)
    await scene.mails(1)


async def test_a_manager_of_other_devices_gets_no_mail_and_one_of_this_device_does(stack: Stack, world: World) -> None:
    stranger, manager = await Scene.of(world, whole=False), await Scene.of(world, whole=False)
    for scene, device in ((stranger, "another-device"), (manager, manager.device_id)):
        await scene.manages(device)
        await scene.happens()
    await manager.mails(1)
    assert (await stranger.message_that_is("skipped"))["reason"] == "not_permitted"
    assert await stack.mails_to(stranger.email) == []


async def test_who_is_suspended_while_his_mail_waits_does_not_get_it(world: World) -> None:
    scene = await Scene.of(world, domain="busy.example")
    await scene.happens()
    await scene.waits_because_of("deferred_451")
    await scene.is_suspended()
    await scene.gets_address(f"{scene.user_id}@customer.example")
    assert (await scene.message_that_is("skipped"))["reason"] == "not_active"


async def test_a_mail_refused_for_now_is_sent_later(world: World) -> None:
    scene = await Scene.of(world, domain="busy.example")
    await scene.happens()
    await scene.waits_because_of("deferred_451")
    await scene.gets_address(f"{scene.user_id}@customer.example")
    await scene.mails(1)
    assert (await scene.message_that_is("sent"))["attempt"] == 2


async def test_a_mail_refused_for_good_has_failed_with_the_servers_code(world: World) -> None:
    scene = await Scene.of(world, domain="refused.example")
    await scene.happens()
    assert (await scene.message_that_is("failed"))["reason"] == "refused_550"


async def test_operators_see_how_many_mails_wait_and_have_failed_and_nobodys_address(world: World) -> None:
    before = await _mails(world)
    refused = await Scene.of(world, domain="refused.example")
    busy = await Scene.of(world, domain="busy.example")
    await refused.happens()
    await busy.happens()
    await refused.message_that_is("failed")
    await busy.waits_because_of("deferred_451")
    now = await _mails(world)
    assert now["failed_mails"]["number"] > before["failed_mails"]["number"]
    assert now["mails"]["number"] >= 1 and now["mails"]["oldest_seconds"] > 0
    await busy.gets_address(f"{busy.user_id}@customer.example")
    await busy.mails(1)


async def _mails(world: World) -> dict[str, Any]:
    async with await world.api("notifier", await world.person("DE", staff_roles=["operator"])) as notifier:
        answer = await notifier.get("/v1/operations")
        assert answer.status_code == 200 and "@" not in answer.text
        return {one["what"]: one for one in answer.json()["backlogs"]}


async def test_a_mail_waits_for_a_mail_server_that_is_away(stack: Stack, world: World) -> None:
    scene = await Scene.of(world)
    stack.servers.kill("mail")
    try:
        await scene.happens()
        await scene.waits_because_of("unreachable")
    finally:
        stack.servers.restart("mail")
    assert len(await scene.mails(1)) == 1


async def test_a_window_that_was_moved_while_its_mail_waited_is_not_announced_any_more(world: World) -> None:
    scene = await Scene.of(world, domain="busy.example")
    await scene.happens(VisitPlanned)
    await scene.waits_because_of("deferred_451")
    await scene.gets_address(f"{scene.user_id}@customer.example")
    await scene.happens(VisitMoved)

    async def both_done() -> bool:
        return [(message["status"], message["reason"]) for message in await scene.messages()] == [
            ("skipped", "superseded"),
            ("sent", None),
        ]

    await eventually(both_done)
    assert [mail["subject"].partition(": ")[2] for mail in await scene.mails(1)] == [SUBJECTS[VisitMoved]]


@pytest.mark.parametrize(("fault_point", "mails"), [("mail.claimed", 1), ("mail.sent", 2)])
async def test_a_crash_while_handing_over_repeats_at_most_once_with_the_same_message_id(
    stack: Stack, world: World, fault_point: str, mails: int
) -> None:
    scene = await Scene.of(world)
    short = {"LOCKSTEP_SMTP__TIMEOUT_SECONDS": "1"}
    stack.servers.restart("notifier", {**short, "LOCKSTEP_FAULT_POINT": f"{fault_point}:1"})
    try:
        await scene.happens()

        async def dead() -> bool:
            return not stack.servers.is_running("notifier")

        await eventually(dead)
    finally:
        stack.servers.restart("notifier", {**short, "LOCKSTEP_FAULT_POINT": ""})
    message = await scene.message_that_is("sent")
    caught = await scene.mails(mails)
    assert len(caught) == mails
    assert {mail["headers"]["Message-ID"] for mail in caught} == {f"<{message['_id']}@lockstep.example>"}
    stack.servers.restart("notifier", {"LOCKSTEP_SMTP__TIMEOUT_SECONDS": "30"})
