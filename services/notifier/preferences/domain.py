"""Which mails a person wants. Whoever has said nothing gets every mail at once."""

from collections.abc import Mapping
from enum import StrEnum

from services.notifier.messages.domain import MessageKind


class Cadence(StrEnum):
    AT_ONCE = "at_once"
    OFF = "off"


Preferences = Mapping[MessageKind, Cadence]


def complete(chosen: Preferences) -> dict[MessageKind, Cadence]:
    """The cadence of every kind of mail, with the default where nothing was chosen."""
    return {kind: chosen.get(kind, Cadence.AT_ONCE) for kind in MessageKind}


def wants(chosen: Preferences, kind: MessageKind) -> bool:
    return complete(chosen)[kind] is not Cadence.OFF
