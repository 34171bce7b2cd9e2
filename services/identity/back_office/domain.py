"""Rules of master records: which record counts, and which side wins field by field.

A field that a record changes against the record before it is taken over; one that it repeats stays as we have it. So a
stale master record never undoes what a person has changed here meanwhile.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from services.identity.users.domain import normalised
from shared.contracts.identity import Right
from shared.contracts.inbound import BackOfficeMessage


class Judgement(Enum):
    APPLY = "apply"
    KNOWN = "known"
    CONTRADICTS = "contradicts"


def judge(message: BackOfficeMessage, applied: BackOfficeMessage | None) -> Judgement:
    """Older revisions and repetitions are known; the same revision with other content is a mistake over there."""
    if applied is None or message.revision > applied.revision:
        return Judgement.APPLY
    if message.revision < applied.revision or _content(message) == _content(applied):
        return Judgement.KNOWN
    return Judgement.CONTRADICTS


def changed_fields(
    message: BackOfficeMessage, applied: BackOfficeMessage | None, names: Iterable[str]
) -> Mapping[str, Any]:
    """The fields among `names` that the message changes against the record applied before it."""
    return {
        name: getattr(message, name)
        for name in names
        if applied is None or getattr(message, name) != getattr(applied, name)
    }


def merged_rights(given: Iterable[Right], *, told: Iterable[Right], told_before: Iterable[Right]) -> tuple[Right, ...]:
    """The rights after a record: what it adds is added, what it drops against the record before it is taken away."""
    new, old = set(normalised(told)), set(normalised(told_before))
    return normalised([*(right for right in normalised(given) if right not in old - new), *(new - old)])


def _content(message: BackOfficeMessage) -> dict[str, Any]:
    return message.model_dump(exclude={"occurred_at"})
