"""Settings that all services share; each service adds its own in a subclass. Read in `create_app`, never at import."""

from pathlib import Path

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseModel):
    url: str = "mongodb://127.0.0.1:27017/"
    database: str


class BrokerSettings(BaseModel):
    bootstrap: str = "127.0.0.1:9092"
    username: str
    password: str
    protocol: str = "SASL_PLAINTEXT"


class TokenSettings(BaseModel):
    key_set_url: str
    issuer: str = "lockstep"
    audience: str = "lockstep"


class ClockSettings(BaseModel):
    offset_file: Path | None = None


class ConsumerSettings(BaseModel):
    batch_records: int = 500
    attempts: int = 5
    burial_limit: int = 20
    behind_limit_seconds: float = 5.0


class ServiceSettings(BaseSettings):
    """Environment variables begin with LOCKSTEP_; nested ones join with two underscores."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_", env_nested_delimiter="__", extra="ignore")

    service: str
    instance: str = ""
    """Tells replicas apart, in groups and logs; without one each process finds a name by itself (`shared.instance`)."""
    log_level: str = "INFO"
    store: StoreSettings
    broker: BrokerSettings
    tokens: TokenSettings
    clock: ClockSettings = ClockSettings()
    consumers: ConsumerSettings = ConsumerSettings()
