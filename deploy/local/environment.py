"""The environment of each service: which variables it gets, and nothing it does not need.

One place for the mapping, for this machine and for containers; `deploy/env.example` lists the same variables for
other installations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import keys
from deploy.local.layout import HOST, SERVICES, Profile

ISSUER = "lockstep"


@dataclass(frozen=True)
class Places:
    """Where a service finds the others and its files."""

    store_url: str
    bootstrap: str
    smtp_host: str
    smtp_port: int
    services: Mapping[str, str]
    public_url: str
    profile: Profile
    assets: Path


def service_url(profile: Profile, service: str) -> str:
    return f"http://{HOST}:{profile.port(service)}"


def broker_bootstrap(profile: Profile) -> str:
    return f"{HOST}:{profile.port('kafka')}"


def store_url(profile: Profile) -> str:
    password = keys.store_password(profile)
    return f"mongodb://{keys.STORE_USER}:{password}@{HOST}:{profile.port('ferretdb')}/"


def local_places(profile: Profile, assets: Path) -> Places:
    """Everything on this machine's loopback."""
    return Places(
        store_url=store_url(profile),
        bootstrap=broker_bootstrap(profile),
        smtp_host=HOST,
        smtp_port=profile.port("smtp"),
        services={name: service_url(profile, name) for name in SERVICES},
        public_url=service_url(profile, "portal"),
        profile=profile,
        assets=assets,
    )


def service_environment(places: Places, service: str, *, broker_password: str) -> dict[str, str]:
    """All LOCKSTEP_ variables of one service, the same for each of its replicas."""
    common = {
        "LOCKSTEP_STORE__URL": places.store_url,
        "LOCKSTEP_STORE__DATABASE": f"lockstep_{service}",
        "LOCKSTEP_BROKER__BOOTSTRAP": places.bootstrap,
        "LOCKSTEP_BROKER__USERNAME": service,
        "LOCKSTEP_BROKER__PASSWORD": broker_password,
        "LOCKSTEP_BROKER__PROTOCOL": "SASL_PLAINTEXT",
        "LOCKSTEP_TOKENS__KEY_SET_URL": f"{places.services['identity']}/v1/keys",
        "LOCKSTEP_TOKENS__ISSUER": ISSUER,
        "LOCKSTEP_CLOCK__OFFSET_FILE": str(places.profile.clock_offset_file),
        "LOCKSTEP_PORTAL__PUBLIC_URL": places.public_url,
    }
    own = {
        "identity": {
            "LOCKSTEP_SIGNING_KEY_FILE": str(keys.signing_key_file(places.profile)),
            "LOCKSTEP_BOOTSTRAP__CLIENT_SECRET_FILE": str(keys.client_secret_file(places.profile)),
            "LOCKSTEP_FRONT_DOOR_KEY_FILE": str(keys.front_door_key_file(places.profile)),
        },
        "notifier": {
            "LOCKSTEP_SMTP__HOST": places.smtp_host,
            "LOCKSTEP_SMTP__PORT": str(places.smtp_port),
            "LOCKSTEP_SMTP__SENDER": "Lockstep Service <service@lockstep.example>",
        },
        "portal": {
            **{
                f"LOCKSTEP_SERVICES__{name.upper()}": places.services[name]
                for name in ("identity", "catalog", "tickets", "notifier")
            },
            "LOCKSTEP_ASSETS_DIR": str(places.assets),
            "LOCKSTEP_SESSION_KEY_FILE": str(keys.session_key_file(places.profile)),
            "LOCKSTEP_FRONT_DOOR_KEY_FILE": str(keys.front_door_key_file(places.profile)),
        },
    }
    return {**common, **own.get(service, {})}
