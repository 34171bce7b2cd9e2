"""Settings of identity."""

from pathlib import Path

from pydantic import BaseModel, Field

from shared.settings import ServiceSettings


class BootstrapSettings(BaseModel):
    """The machine client that sets a new installation up; without a file there is none."""

    client_secret_file: Path | None = None


class SessionSettings(BaseModel):
    access_seconds: int = Field(default=300, gt=0)
    refresh_days: int = Field(default=30, gt=0, description="counted from sign-in; refreshing does not extend it")


class PasswordSettings(BaseModel):
    """argon2id as RFC 9106 recommends it for constrained memory; the floor is that of OWASP.

    So one hash takes 64 MiB and about 0.2 s of a processor: `threads` hash at once, `waiting` more may queue.
    """

    memory_kib: int = Field(default=64 * 1024, ge=19 * 1024)
    passes: int = Field(default=3, ge=2)
    lanes: int = Field(default=4, ge=1)

    threads: int = Field(default=2, gt=0)
    waiting: int = Field(default=30, ge=0)


class ClientSettings(BaseModel):
    secret_grace_minutes: int = Field(default=24 * 60, ge=0, description="how long a rotated secret still works")


class Settings(ServiceSettings):
    service: str = "identity"
    signing_key_file: Path = Field(description="Ed25519 private key in PEM that signs access tokens")
    published_key_files: tuple[Path, ...] = Field(
        default=(),
        description="further keys that verifiers should know: the next one before a change, the last one after",
    )
    front_door_key_file: Path | None = Field(default=None, description="with which the portal states addresses")
    bootstrap: BootstrapSettings = BootstrapSettings()
    sessions: SessionSettings = SessionSettings()
    passwords: PasswordSettings = PasswordSettings()
    clients: ClientSettings = ClientSettings()
