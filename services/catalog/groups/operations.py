"""Making groups and choosing their members.

The group's document keeps the wanted members and a timer. The devices follow at once while the request waits, if they
are few; whatever a crash or a large group leaves over, the timer completes.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.catalog.accounts import queries as accounts
from services.catalog.devices import operations as devices
from services.catalog.devices import store as device_store
from services.catalog.grants.operations import DeviceUnknown
from services.catalog.grants.queries import devices_among
from services.catalog.groups import domain, store
from services.catalog.lists.store import group_list
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.permissions import Reach, reach, refusal, require
from shared.access.scope import Scope, all_of, visible
from shared.contracts import actions
from shared.contracts.catalog import GroupState
from shared.outbox import Cause, Change, Stale
from shared.outbox.command import Command
from shared.problems import FieldError, Invalid, NotFound

AT_ONCE = 8
FEW = 100
COMPLETED_AFTER = timedelta(seconds=15)


class GroupNotFound(NotFound):
    code = "group_not_found"
    title = "There is no such group, or none that you may see"


class AccountUnknown(Invalid):
    code = "account_unknown"
    title = "You have no such account"


async def create_group(
    deps: Service,
    *,
    caller: Caller,
    account_id: str,
    name: str,
    device_ids: Sequence[str],
    command: Command,
    now: datetime,
) -> store.Document:
    """Make a group of devices of one account. Raises AccountUnknown, Forbidden, DeviceUnknown."""
    await _require_account(deps, caller, account_id)
    await _require_devices(deps, device_ids, account_id)
    state = GroupState(group_id=command.document_id, account_id=account_id, name=name)
    group, events = domain.create(state, device_ids)
    document = await deps.outbox.insert(
        store.GROUPS,
        {"_id": state.group_id, **store.fields(group), "next_at": _completed_at(device_ids, now)},
        events,
        cause=devices.cause_of(caller),
        scope=visible_groups(caller),
        command=command,
        not_found=GroupNotFound(),
    )
    return await _followed(deps, document, cause=devices.cause_of(caller), now=now)


async def set_members(
    deps: Service,
    *,
    caller: Caller,
    group_id: str,
    device_ids: Sequence[str],
    if_match: int | None,
    command: Command | None,
    now: datetime,
) -> store.Document:
    """Choose the group's members. Raises GroupNotFound, Forbidden, DeviceUnknown, VersionConflict."""
    found = await store.groups(deps.db).find_one(all_of(visible_groups(caller), {"_id": group_id}))
    if found is None:
        raise GroupNotFound()
    require(caller, actions.CHANGE_GROUP, account_id=found["account_id"])
    await _require_devices(deps, device_ids, found["account_id"])

    def decided(document: store.Document) -> Change | None:
        decision = domain.set_members(store.group_of(document), device_ids)
        if decision is None:
            return None
        changed = {*document["device_ids"]} ^ {*device_ids}
        return Change(set={**store.fields(decision[0]), "next_at": _completed_at(changed, now)}, events=decision[1])

    document = await deps.outbox.change(
        store.GROUPS,
        group_id,
        decided,
        scope=visible_groups(caller),
        permit=lambda document: require(caller, actions.CHANGE_GROUP, account_id=document["account_id"]),
        cause=devices.cause_of(caller),
        command=command,
        if_match=if_match,
        not_found=GroupNotFound(),
    )
    return await _followed(deps, document, cause=devices.cause_of(caller), now=now)


async def complete_members(deps: Service, document: store.Document, now: datetime) -> None:
    """What the timer does: let the devices follow whose write was not reached."""
    await _follow(deps, document, cause=Cause.by_itself("catalog.groups"), now=now)


async def _followed(deps: Service, document: store.Document, *, cause: Cause, now: datetime) -> store.Document:
    if document.get("next_at") is None or document["next_at"] <= now:
        return document
    return await _follow(deps, document, cause=cause, now=now)


async def _follow(deps: Service, document: store.Document, *, cause: Cause, now: datetime) -> store.Document:
    """Bring the devices' own list of groups in line with the wanted members, then drop the timer."""
    group = store.group_of(document)
    present = {
        device["_id"]
        async for device in device_store.devices(deps.db).find({"lists": group_list(group.state.group_id)}, {"_id": 1})
    }
    wanted = set(group.device_ids)
    places = asyncio.Semaphore(AT_ONCE)

    async def follow(device_id: str) -> None:
        async with places:
            await devices.set_membership(
                deps,
                device_id=device_id,
                group_id=group.state.group_id,
                account_id=group.state.account_id,
                member=device_id in wanted,
                cause=cause,
                now=now,
            )

    await asyncio.gather(*map(follow, sorted(present ^ wanted)))
    try:
        return await deps.outbox.update(store.GROUPS, document, {}, (), cause=cause, unset=["next_at"])
    except Stale:
        return document  # somebody chose other members meanwhile, and his timer stands


def visible_groups(caller: Caller) -> Scope:
    """The groups of whole accounts, and those that the caller manages."""
    return visible(caller, actions.READ_GROUP, device="_id", group="_id")


async def _require_account(deps: Service, caller: Caller, account_id: str) -> None:
    """Raises AccountUnknown, also for an account without a right of the caller; Forbidden where he has another one."""
    where = reach(caller, actions.CREATE_GROUP)
    if where.everywhere:
        known = account_id in await accounts.labels(deps, [account_id])
    else:
        known = any(right.account_id == account_id for right in caller.rights)
    if not known:
        raise AccountUnknown(field="account_id", rule="own_account")
    if not where.covers([account_id]):
        raise refusal(actions.CREATE_GROUP)


async def _require_devices(deps: Service, device_ids: Sequence[str], account_id: str) -> None:
    known = await devices_among(deps, device_ids, where=Reach(account_ids=frozenset({account_id})))
    errors = [
        FieldError(field=f"device_ids.{place}", rule="in_account", message=DeviceUnknown.title)
        for place, device_id in enumerate(device_ids)
        if device_id not in known
    ]
    if errors:
        raise DeviceUnknown(errors=errors)


def _completed_at(changed: Collection[str], now: datetime) -> datetime:
    """A large change is left to the timer from the start; a small one only if the request does not come to its end."""
    return now + COMPLETED_AFTER if len(changed) <= FEW else now
