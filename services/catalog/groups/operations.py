"""Making groups and choosing their members.

The group's document keeps the wanted members, and the write that changes them starts a job (`following.py`). What fits
into one slice of it is done while the request waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.catalog.accounts import queries as accounts
from services.catalog.devices import operations as devices
from services.catalog.grants.operations import DeviceUnknown
from services.catalog.grants.queries import devices_among
from services.catalog.groups import domain, store
from services.catalog.groups.following import FOLLOW_MEMBERS
from services.catalog.service import Service
from shared import jobs
from shared.access.caller import Caller
from shared.access.permissions import Reach, reach, refusal, require
from shared.access.scope import Scope, all_of, visible
from shared.contracts import actions
from shared.contracts.catalog import GroupState
from shared.ids import new_id
from shared.outbox import Cause, Change, Row
from shared.outbox.command import Command
from shared.problems import FieldError, Invalid, NotFound

TAKEN_UP_AFTER = timedelta(seconds=15)
"""When the timer takes a job up whose request did not come to its end."""


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
    cause = devices.cause_of(caller)
    row = _following(state.group_id, account_id, cause=cause, now=now)
    group, events = domain.create(state, device_ids, job_id=row.id)
    document = await deps.outbox.insert(
        store.GROUPS,
        {"_id": state.group_id, **store.fields(group)},
        events,
        cause=cause,
        scope=visible_groups(caller),
        command=command,
        rows=() if group.complete else (row,),
        not_found=GroupNotFound(),
    )
    return await _followed(deps, document, row, cause=cause)


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

    cause = devices.cause_of(caller)
    row = _following(group_id, found["account_id"], cause=cause, now=now)

    def decided(document: store.Document) -> Change | None:
        decision = domain.set_members(store.group_of(document), device_ids, job_id=row.id)
        return None if decision is None else Change(set=store.fields(decision[0]), events=decision[1], rows=[row])

    document = await deps.outbox.change(
        store.GROUPS,
        group_id,
        decided,
        scope=visible_groups(caller),
        permit=lambda document: require(caller, actions.CHANGE_GROUP, account_id=document["account_id"]),
        cause=cause,
        command=command,
        if_match=if_match,
        not_found=GroupNotFound(),
    )
    return await _followed(deps, document, row, cause=cause)


def _following(group_id: str, account_id: str, *, cause: Cause, now: datetime) -> Row:
    return jobs.row_of(
        FOLLOW_MEMBERS,
        job_id=new_id(),
        about={"group_id": group_id},
        account_id=account_id,
        cause=cause,
        now=now,
        after=TAKEN_UP_AFTER,
    )


async def _followed(deps: Service, document: store.Document, row: Row, *, cause: Cause) -> store.Document:
    """The group after what can be done while the request waits; nothing where this request has changed nothing."""
    if document["job_id"] != row.id:
        return document
    await jobs.start(deps, row, cause=cause)
    await jobs.carry_out(deps, FOLLOW_MEMBERS, row.id)
    return await store.groups(deps.db).find_one({"_id": document["_id"]}) or document


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
