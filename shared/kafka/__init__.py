"""Kafka in and out: one piece a file. Consumers are declared with `view`, `reaction` and `inbound`."""

from shared.kafka.envelope import Envelope
from shared.kafka.subscription import Refused, Subscription, inbound, reaction, view
from shared.kafka.views import ViewRow

__all__ = ["Envelope", "Refused", "Subscription", "ViewRow", "inbound", "reaction", "view"]
