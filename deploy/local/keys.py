"""Passwords and keys of one profile: generated once, readable by their owner alone, never in the repository."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local.layout import Profile
from deploy.topics import PRINCIPALS

STORE_USER = "lockstep"


def ensure_keys(profile: Profile) -> None:
    """Generate what is not there yet; what is there stays as it is."""
    profile.keys.mkdir(parents=True, exist_ok=True)
    profile.keys.chmod(0o700)
    for principal in (*PRINCIPALS, "controller"):
        _write_once(broker_password_file(profile, principal), secrets.token_urlsafe(24))
    for secret_of in (store_password_file, client_secret_file, session_key_file, front_door_key_file):
        path = secret_of(profile)
        _write_once(path, secrets.token_urlsafe(32))
    signing_key = Ed25519PrivateKey.generate()
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_once(signing_key_file(profile), pem.decode())


def broker_password_file(profile: Profile, principal: str) -> Path:
    return profile.keys / f"broker-{principal}"


def broker_password(profile: Profile, principal: str) -> str:
    """The broker password of a service, a party or `admin`."""
    return broker_password_file(profile, principal).read_text()


def store_password_file(profile: Profile) -> Path:
    return profile.keys / "store"


def store_password(profile: Profile) -> str:
    return store_password_file(profile).read_text()


def signing_key_file(profile: Profile) -> Path:
    """identity's Ed25519 private key, PEM."""
    return profile.keys / "signing-key.pem"


def client_secret_file(profile: Profile) -> Path:
    """The secret of the first machine client, with which seeding begins."""
    return profile.keys / "bootstrap-client-secret"


def session_key_file(profile: Profile) -> Path:
    """The portal's key for its session cookies."""
    return profile.keys / "session-key"


def front_door_key_file(profile: Profile) -> Path:
    """What the portal states clients' addresses with, and identity checks them."""
    return profile.keys / "front-door-key"


def _write_once(path: Path, content: str) -> None:
    if path.is_file() and path.stat().st_size > 0:
        return
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    fresh.replace(path)
