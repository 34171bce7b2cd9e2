"""Giving and taking devices and groups."""

from collections.abc import Collection, Sequence

from services.catalog.grants import domain, queries, store
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.callers import VIEW_USERS
from shared.access.permissions import reach, require
from shared.access.scope import EVERYTHING, all_of, visible_people
from shared.contracts import actions
from shared.contracts.catalog import GrantsState
from shared.outbox import Cause, Change
from shared.outbox.command import Command
from shared.problems import FieldError, Invalid, NotFound


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "There is no such user, or none in your accounts"


class DeviceUnknown(Invalid):
    code = "device_unknown"
    title = "There is no such device in your accounts"


class GroupUnknown(Invalid):
    code = "group_unknown"
    title = "There is no such group in your accounts"


async def require_sight(deps: Service, *, caller: Caller, user_id: str) -> None:
    """Raises UserNotFound for a user who is unknown, or in none of the caller's accounts."""
    scope = visible_people(caller, actions.READ_GRANTS, accounts="rights.account_id")
    if await deps.db[VIEW_USERS].find_one(all_of(scope, {"_id": user_id}), {"_id": 1}) is None:
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

    An administrator decides about the devices and groups of his own accounts: what the user manages elsewhere stays.
    Raises UserNotFound, Forbidden, DeviceUnknown, GroupUnknown, VersionConflict.
    """
    await require_sight(deps, caller=caller, user_id=user_id)
    require(caller, actions.CHANGE_GRANTS)
    where = reach(caller, actions.CHANGE_GRANTS)
    known = await queries.devices_among(deps, devices, where=where)
    _require_known(DeviceUnknown, "devices", devices, known)
    known = await queries.groups_among(deps, groups, where=where)
    _require_known(GroupUnknown, "groups", groups, known)

    async def decided(state: GrantsState) -> Change | None:
        own_devices: set[str] | None = None
        own_groups: set[str] | None = None
        if not where.everywhere:
            own_devices = await queries.devices_among(deps, state.devices, where=where)
            own_groups = await queries.groups_among(deps, state.groups, where=where)
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
        scope=EVERYTHING,  # the grants of a user are in sight when he is
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
