"""How every client of ours reaches the broker."""

import ssl
from typing import Any

from shared.settings import BrokerSettings


def client_arguments(settings: BrokerSettings) -> dict[str, Any]:
    """Arguments that aiokafka's producer, consumer and admin client share."""
    arguments: dict[str, Any] = {"bootstrap_servers": settings.bootstrap, "security_protocol": settings.protocol}
    if "SASL" in settings.protocol:
        arguments |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password,
        }
    if "SSL" in settings.protocol:
        arguments["ssl_context"] = ssl.create_default_context()
    return arguments
