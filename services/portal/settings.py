"""Settings of the portal. It has no broker: it speaks to the services over HTTP alone."""

from pathlib import Path

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.settings import ClockSettings, StoreSettings


class ServiceAddresses(BaseModel):
    """Base URLs of the services behind the portal; the names are the ones in `/api/<name>/v1/…`."""

    identity: str = "http://127.0.0.1:8101"
    catalog: str = "http://127.0.0.1:8102"
    tickets: str = "http://127.0.0.1:8103"
    notifier: str = "http://127.0.0.1:8104"


class PortalSettings(BaseModel):
    public_url: str = "http://127.0.0.1:8100"


class Patience(BaseModel):
    """How long one service may take, in seconds of real time."""

    connect: float = 0.5
    read: float = 4.0
    write: float = 10.0


class Rates(BaseModel):
    """Requests per minute, with bursts of the same size. Counted in each process."""

    session: int = 600
    address: int = 1200
    sign_in: int = 60


class StreamLimits(BaseModel):
    """Event streams that may be open at once in each process; a browser needs one for all its tabs."""

    session: int = 8
    all_together: int = 500


class Settings(BaseSettings):
    """Environment variables begin with LOCKSTEP_; nested ones join with two underscores."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_", env_nested_delimiter="__", extra="ignore")

    service: str = "portal"
    instance: str = ""
    log_level: str = "INFO"
    store: StoreSettings = StoreSettings(database="lockstep_portal")
    clock: ClockSettings = ClockSettings()
    services: ServiceAddresses = ServiceAddresses()
    portal: PortalSettings = PortalSettings()
    patience: Patience = Patience()
    rates: Rates = Rates()
    streams: StreamLimits = StreamLimits()
    assets_dir: Path = Path("node_modules")
    session_key_file: Path | None = None
    front_door_key_file: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies in front of the portal, whose X-Forwarded-For names the client."""
    metrics_address: str = ""
    """`host:port` where Prometheus reads; without it the portal's metrics are not served: its own port is public."""
    runbook_file: Path = Path(__file__).parents[2] / "docs" / "operations.md"
    """What `/operations/runbook` shows; it is shipped with the image."""
    session_hours: int = 12

    @property
    def https(self) -> bool:
        return self.portal.public_url.startswith("https://")
