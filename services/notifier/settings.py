"""Settings of the notifier: where mail leaves, and what may leave."""

from email.utils import parseaddr
from ipaddress import ip_address
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from shared.settings import ServiceSettings


class SmtpSettings(BaseModel):
    """The mail server of any provider.

    `tls` speaks TLS from the first byte (port 465); `starttls` upgrades: true insists on it, false never does, and left
    out means whenever the server offers it. Certificates are always checked, against `ca_file` where it is given.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=587, ge=1, le=65535)
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    starttls: bool | None = None
    ca_file: str | None = None
    sender: str = Field(
        default="Lockstep Service <service@lockstep.example>",
        pattern=r"^([^<>\r\n]*<[^@\s<>]+@[^@\s<>]+>|[^@\s<>]+@[^@\s<>]+)$",
        description="an address, or a name with an address",
    )
    connections: int = Field(default=4, ge=1, description="open at once, at most")
    timeout_seconds: float = Field(
        default=30.0, gt=0, description="to connect, to agree on the envelope, to take the mail"
    )

    @property
    def sender_name(self) -> str:
        return parseaddr(self.sender)[0]

    @property
    def sender_address(self) -> str:
        return parseaddr(self.sender)[1]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.tls and self.starttls:
            raise ValueError("smtp: tls and starttls exclude each other")
        if (self.username is None) != (self.password is None):
            raise ValueError("smtp: username and password belong together")
        if self.username is not None and not (self.tls or self.starttls or _is_loopback(self.host)):
            raise ValueError("smtp: a password needs tls or starttls")
        return self


class PortalSettings(BaseModel):
    public_url: str = Field(default="http://127.0.0.1:8100", description="where customers reach the portal")


class Settings(ServiceSettings):
    service: str = "notifier"
    smtp: SmtpSettings = SmtpSettings()
    portal: PortalSettings = PortalSettings()
    max_event_age_hours: float = Field(default=24.0, gt=0, description="product time; older events never mail")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
