"""Kafka in and out: one piece a file. Consumers are declared with `view`, `reaction` and `inbound`."""

from shared.consumers.subscription import Refused, Subscription, inbound, reaction, view
from shared.consumers.views import ViewRow
from shared.wire.envelope import Envelope

__all__ = ["Envelope", "Refused", "Subscription", "ViewRow", "inbound", "reaction", "view"]
