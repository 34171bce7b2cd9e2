"""Who manages what: one document per user. The roles decide what he may do with it."""

from collections.abc import Collection

from shared.contracts.catalog import GrantsChanged, GrantsState


def replaced(
    grants: GrantsState,
    *,
    devices: Collection[str],
    groups: Collection[str],
    own_devices: Collection[str] | None = None,
    own_groups: Collection[str] | None = None,
) -> tuple[GrantsState, list[GrantsChanged]] | None:
    """The grants after a replacement; None where nothing changes.

    `own_devices` and `own_groups` are what the person who replaces may decide about: the rest stays as it is. None:
    he may decide about everything.
    """
    changed = GrantsState(
        user_id=grants.user_id,
        devices=_replaced(grants.devices, devices, own_devices),
        groups=_replaced(grants.groups, groups, own_groups),
    )
    if (set(changed.devices), set(changed.groups)) == (set(grants.devices), set(grants.groups)):
        return None
    return changed, [GrantsChanged(grants=changed)]


def _replaced(present: Collection[str], wanted: Collection[str], own: Collection[str] | None) -> tuple[str, ...]:
    kept = set() if own is None else set(present) - set(own)
    return tuple(sorted(kept | set(wanted)))
