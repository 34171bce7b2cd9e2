"""Static groups: picked devices of one account. A group is a scope for rights and a filter for lists."""

from collections.abc import Collection

from shared.contracts.base import Contract
from shared.contracts.catalog import GroupChanged, GroupState


class Group(Contract):
    """A group's own document. The members are what is wanted; the devices follow, each in a write of its own.

    `job_id` is the job of the newest change of members; `complete`: it has ended.
    """

    state: GroupState
    device_ids: tuple[str, ...] = ()
    job_id: str | None = None
    complete: bool = True


def create(state: GroupState, device_ids: Collection[str], *, job_id: str) -> tuple[Group, list[GroupChanged]]:
    """A new group; without devices there is nothing to follow and no job."""
    empty = Group(state=state)
    return set_members(empty, device_ids, job_id=job_id) or (empty, [GroupChanged(group=state)])


def set_members(group: Group, device_ids: Collection[str], *, job_id: str) -> tuple[Group, list[GroupChanged]] | None:
    """The group with other members, which the devices follow in a job; None where they are the same."""
    members = tuple(sorted(set(device_ids)))
    if members == group.device_ids:
        return None
    changed = group.model_copy(update={"device_ids": members, "job_id": job_id, "complete": False})
    return changed, [GroupChanged(group=group.state)]


def complete(group: Group, members: Collection[str] | None) -> tuple[Group, list[GroupChanged]]:
    """The group when its devices have followed; or with the members that there are, where they do so no longer."""
    completed = group.model_copy(update={"complete": True})
    if members is None or (there := tuple(sorted(members))) == group.device_ids:
        return completed, []
    return completed.model_copy(update={"device_ids": there}), [GroupChanged(group=group.state)]
