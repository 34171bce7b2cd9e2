"""Giving and taking devices and groups."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.catalog.grants import domain, queries, store
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.callers import VIEW_USERS
from shared.access.scope import EVERYTHING
from shared.contracts.catalog import GrantsState
from shared.contracts.identity import Role, StaffRole
from shared.outbox import Cause, Change
from shared.outbox.command import Command
from shared.problems import FieldError, Forbidden, Invalid, NotFound

WRITE_SCOPE = "catalog:write"


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "There is no such user, or none in your accounts"


class DeviceUnknown(Invalid):
    code = "device_unknown"
    title = "There is no such device in your accounts"


class GroupUnknown(Invalid):
    code = "group_unknown"
    title = "There is no such group in your accounts"


@dataclass(frozen=True, slots=True)
class Power:
    """What somebody may decide about another one's grants: all of them, or those in some accounts."""

    everywhere: bool = False
    account_ids: frozenset[str] = frozenset()


def administers(caller: Caller) -> Power:
    """Machine clients that may write and service administrators everywhere; administrators in their accounts."""
    if WRITE_SCOPE in caller.scopes or StaffRole.SERVICE_ADMIN in caller.staff_roles:
        return Power(everywhere=True)
    return Power(account_ids=frozenset(r.account_id for r in caller.rights if r.role is Role.ADMINISTRATOR))


async def power_over(deps: Service, *, caller: Caller, user_id: str) -> Power:
    """Raises UserNotFound for a user outside the caller's accounts, Forbidden for who may look but not decide."""
    power = administers(caller)
    if power.everywhere:
        return power
    shared_account = {"_id": user_id, "rights.account_id": {"$in": sorted(power.account_ids)}}
    if power.account_ids and await deps.db[VIEW_USERS].find_one(shared_account, {"_id": 1}):
        return power
    if caller.id == user_id:
        raise Forbidden("This needs: administrator of the account.", roles=[Role.ADMINISTRATOR.value])
    raise UserNotFound()


async def replace_grants(
    deps: Service,
    *,
    caller: Caller,
    user_id: str,
    devices: Sequence[str],
    groups: Sequence[str],
    if_match: int | None,
    command: Command | None,
) -> store.Document:
    """Set what a user manages, as far as the caller may decide about it.

    An administrator decides about the devices and groups of his own accounts: what the user manages elsewhere stays,
    and unknown ones are refused. Raises UserNotFound, Forbidden, DeviceUnknown, GroupUnknown, VersionConflict.
    """
    power = await power_over(deps, caller=caller, user_id=user_id)
    if not power.everywhere:
        known = await queries.devices_among(deps, devices, account_ids=power.account_ids)
        _require_known(DeviceUnknown, "devices", devices, known)
        known = await queries.groups_among(deps, groups, account_ids=power.account_ids)
        _require_known(GroupUnknown, "groups", groups, known)

    async def decided(state: GrantsState) -> Change | None:
        own_devices: set[str] | None = None
        own_groups: set[str] | None = None
        if not power.everywhere:
            own_devices = await queries.devices_among(deps, state.devices, account_ids=power.account_ids)
            own_groups = await queries.groups_among(deps, state.groups, account_ids=power.account_ids)
        decision = domain.replaced(
            state, devices=devices, groups=groups, own_devices=own_devices, own_groups=own_groups
        )
        return None if decision is None else Change(set=store.fields(decision[0]), events=decision[1])

    async def create() -> Change:
        nothing = GrantsState(user_id=user_id)
        change = await decided(nothing) or Change()  # nothing given to nobody is told as well: an empty state
        return Change(set={**store.fields(nothing), **change.set}, events=change.events)

    cause = Cause.of(caller, channel="api" if caller.kind == "client" else "portal")
    document = await deps.outbox.create_or_change(
        store.GRANTS,
        user_id,
        create=create,
        decide=lambda found: decided(store.state_of(found)),
        scope=EVERYTHING,  # decided by `power_over`
        cause=cause,
        command=command,
        if_match=if_match,
    )
    deps.callers.forget(user_id)
    return document


def _require_known(problem: type[Invalid], field: str, wanted: Sequence[str], known: Collection[str]) -> None:
    errors = [
        FieldError(field=f"{field}.{place}", rule="in_own_accounts", message=problem.title)
        for place, one in enumerate(wanted)
        if one not in known
    ]
    if errors:
        raise problem(errors=errors)
