"""A command is one caller's: the same key of somebody else is another command, and who does not see gets no answer."""

import secrets

import httpx

from tests.permissions.cast import Member
from tests.permissions.stage import Stage
from tests.support.waiting import eventually


async def _ask(stage: Stage, who: Member, service: str, path: str, key: str, body: object) -> httpx.Response:
    return await stage.ask(who, service, "POST", path, json=body, headers={"Idempotency-Key": key})


async def test_two_callers_with_one_key_open_two_tickets(stage: Stage) -> None:
    key, body = secrets.token_hex(8), {"device_id": stage.device("own"), "description": "Jams"}
    body |= {"another_ticket_is_open_ok": True}  # type: ignore[dict-item]
    one = await _ask(stage, stage.named("administrator"), "tickets", "/v1/tickets", key, body)
    other = await _ask(stage, stage.named("device manager"), "tickets", "/v1/tickets", key, body)
    again = await _ask(stage, stage.named("administrator"), "tickets", "/v1/tickets", key, body)
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["ticket_id"] != other.json()["ticket_id"]
    assert again.json()["ticket_id"] == one.json()["ticket_id"]


async def test_a_colleague_s_same_words_with_the_same_key_are_written_as_well(stage: Stage) -> None:
    ticket, key = await stage.new_ticket("own"), secrets.token_hex(8)
    path = f"/v1/tickets/{ticket.id}/updates"
    versions = [
        (await _ask(stage, stage.named(name), "tickets", path, key, {"text": "Thanks"})).json()["version"]
        for name in ("administrator", "device manager", "administrator")
    ]
    assert versions[1] > versions[0], "the colleague's words are his own"
    assert versions[2] == versions[1], "the first one's repetition writes nothing"


async def test_one_key_for_two_acts_is_two_commands(stage: Stage) -> None:
    ticket, key, agent = await stage.new_ticket("own"), secrets.token_hex(8), stage.named("contact_centre_agent")
    for act, status in (("acknowledge", "acknowledged"), ("resolve", "resolved")):
        answer = await _ask(stage, agent, "tickets", f"/v1/tickets/{ticket.id}/{act}", key, {})
        assert (answer.status_code, answer.json()["status"]) == (200, status)


async def test_a_stranger_who_repeats_a_command_word_by_word_learns_nothing(stage: Stage) -> None:
    """Also not whether it was another body that the key came with before."""
    user, key, administrator = await stage.new_user("foreign"), secrets.token_hex(8), stage.named("administrator")
    path = f"/v1/users/{user.id}/suspend"
    assert (await _ask(stage, stage.stranger, "identity", path, key, {"reason": "left"})).status_code == 200
    for reason in ("left", "another"):
        answer = await _ask(stage, administrator, "identity", path, key, {"reason": reason})
        assert answer.status_code == 404, answer.text
        assert stage.theirs.mark not in answer.text
    device, command = stage.spare(stage.things["device"]["foreign"]).id, {"Idempotency-Key": key}
    page = await stage.ask(stage.stranger, "catalog", "GET", f"/v1/devices/{device}")
    command["If-Match"] = page.headers["ETag"]
    for who, status in ((stage.stranger, 200), (administrator, 404), (stage.stranger, 200)):
        answer = await stage.ask(
            who, "catalog", "PATCH", f"/v1/devices/{device}", json={"own_number": "7"}, headers=command
        )
        assert answer.status_code == status, f"{who.name}: {answer.text}"


async def test_a_repeated_answer_passes_the_scope_like_any_read(stage: Stage) -> None:
    """Who has lost his device is not told how the command went that he gave before."""
    ticket, key = await stage.new_ticket("own"), secrets.token_hex(8)
    manager = await stage.casting.person("leaver", rights=stage.named("device manager").rights)
    grants, path = f"/v1/grants/{manager.user_id}", f"/v1/tickets/{ticket.id}/updates"

    async def answers(devices: list[str], status: int) -> bool:
        await stage.do("catalog", "PUT", grants, json={"devices": devices, "groups": []})

        async def answered() -> bool:
            answer = await _ask(stage, manager, "tickets", path, key, {"text": "Thanks"})
            assert answer.status_code == status, answer.text
            return True

        return await eventually(answered)

    await stage.until_known(manager.user_id)
    await answers([ticket.device_id], 201)
    await answers([], 404)
