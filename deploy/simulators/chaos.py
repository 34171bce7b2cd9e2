"""Bad weather on a party's line, on demand and repeatable: the same seed disturbs the same messages in the same way.

`late`        the message is sent after everything else, with the time at which it really happened
`duplicate`   the message is sent twice
`reorder`     the message changes places with the one after it
`contradict`  another message follows that says the opposite, with a sequence that is not newer
`malformed`   something unreadable comes before it
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random

from deploy.simulators.wire import Message

KINDS = ("late", "duplicate", "reorder", "contradict", "malformed")


@dataclass
class Chaos:
    """What is disturbed, how often, and what is held back at the moment."""

    kinds: tuple[str, ...] = ()
    share: float = 0.4
    random: Random = field(default_factory=lambda: Random(0))
    swapped: list[Message] = field(default_factory=list)
    late: list[Message] = field(default_factory=list)


def chaos(kinds: str | Iterable[str], *, seed: int = 0, share: float = 0.4) -> Chaos:
    """Raises ValueError for a kind that does not exist."""
    chosen = tuple(kind for kind in (kinds.split(",") if isinstance(kinds, str) else kinds) if kind)
    unknown = sorted(set(chosen) - set(KINDS))
    if unknown:
        raise ValueError(f"no such chaos: {', '.join(unknown)}; there is {', '.join(KINDS)}")
    return Chaos(kinds=chosen, share=share, random=Random(seed))


def disturb(weather: Chaos, message: Message) -> list[Message]:
    """What goes over the line when `message` is to be sent; it may come later, see `release`."""
    hit = [kind for kind in weather.kinds if weather.random.random() < weather.share]
    held, weather.swapped = weather.swapped, []
    if "late" in hit:
        weather.late.append(message)
        return held
    if "reorder" in hit and not held:
        weather.swapped = [message]
        return []
    sent = [message]
    if "malformed" in hit:
        sent.insert(0, unreadable(message, weather.random))
    if "duplicate" in hit:
        sent.append(message)
    if "contradict" in hit and (opposite := contradiction(message)):
        sent.append(opposite)
    return sent + held


def release(weather: Chaos) -> list[Message]:
    """Everything that is still held back."""
    held = weather.swapped + weather.late
    weather.swapped, weather.late = [], []
    return held


OPPOSITES = {
    "dispatch.visit.planned.v1": "dispatch.visit.cancelled.v1",
    "dispatch.visit.moved.v1": "dispatch.visit.cancelled.v1",
    "dispatch.visit.cancelled.v1": "dispatch.visit.moved.v1",
    "engineer.visit.arrived.v1": "engineer.visit.travelling.v1",
    "engineer.visit.reported.v1": "engineer.visit.travelling.v1",
    "contact-centre.ticket.closed.v1": "contact-centre.ticket.acknowledged.v1",
}


def contradiction(message: Message) -> Message | None:
    """The opposite of a message under the same key, or None where it has none."""
    opposite = OPPOSITES.get(message.type)
    if opposite is None or isinstance(message.value, bytes):
        return None
    value = dict(message.value)
    if opposite == "dispatch.visit.moved.v1":
        value |= {"window_from": value["occurred_at"], "window_to": value["occurred_at"]}
    return replace(message, type=opposite, value=value)


def unreadable(message: Message, random: Random) -> Message:
    """Broken JSON, a missing field, or a type that nobody knows, under the same key: what follows must not suffer."""
    fault = random.choice(("json", "field", "type"))
    if fault == "json" or isinstance(message.value, bytes):
        return replace(message, value=message.body[: len(message.body) // 2])
    if fault == "field":
        name = sorted(message.value)[0]
        return replace(message, value={key: value for key, value in message.value.items() if key != name})
    return replace(message, type=message.type.replace(".v1", ".v99"))
