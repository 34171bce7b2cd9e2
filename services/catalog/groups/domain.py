"""Static groups: picked devices of one account. A group is a scope for rights and a filter for lists."""

from collections.abc import Collection

from shared.contracts.base import Contract
from shared.contracts.catalog import GroupChanged, GroupState


class Group(Contract):
    """A group's own document. The members are what is wanted; the devices follow, each in a write of its own."""

    state: GroupState
    device_ids: tuple[str, ...] = ()


def create(state: GroupState, device_ids: Collection[str]) -> tuple[Group, list[GroupChanged]]:
    return Group(state=state, device_ids=tuple(sorted(set(device_ids)))), [GroupChanged(group=state)]


def set_members(group: Group, device_ids: Collection[str]) -> tuple[Group, list[GroupChanged]] | None:
    """The group with other members; None where they are the same."""
    members = tuple(sorted(set(device_ids)))
    if members == group.device_ids:
        return None
    return group.model_copy(update={"device_ids": members}), [GroupChanged(group=group.state)]
