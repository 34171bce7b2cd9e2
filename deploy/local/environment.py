"""The environment of each service: which variables it gets, and nothing it does not need.

One place for the mapping; `deploy/env.example` lists the same variables for other installations.
"""

from pathlib import Path

from deploy.local import keys
from deploy.local.layout import HOST, Profile

ISSUER = "lockstep"


def service_url(profile: Profile, service: str) -> str:
    return f"http://{HOST}:{profile.port(service)}"


def broker_bootstrap(profile: Profile) -> str:
    return f"{HOST}:{profile.port('kafka')}"


def store_url(profile: Profile) -> str:
    password = keys.store_password(profile)
    return f"mongodb://{keys.STORE_USER}:{password}@{HOST}:{profile.port('ferretdb')}/"


def service_environment(profile: Profile, service: str, *, instance: str, assets: Path) -> dict[str, str]:
    """All LOCKSTEP_ variables of one service; `instance` tells replicas apart (static membership in groups)."""
    common = {
        "LOCKSTEP_INSTANCE": instance,
        "LOCKSTEP_STORE__URL": store_url(profile),
        "LOCKSTEP_STORE__DATABASE": f"lockstep_{service}",
        "LOCKSTEP_BROKER__BOOTSTRAP": broker_bootstrap(profile),
        "LOCKSTEP_BROKER__USERNAME": service,
        "LOCKSTEP_BROKER__PASSWORD": keys.broker_password(profile, service),
        "LOCKSTEP_BROKER__PROTOCOL": "SASL_PLAINTEXT",
        "LOCKSTEP_TOKENS__KEY_SET_URL": f"{service_url(profile, 'identity')}/v1/keys",
        "LOCKSTEP_TOKENS__ISSUER": ISSUER,
        "LOCKSTEP_CLOCK__OFFSET_FILE": str(profile.clock_offset_file),
        "LOCKSTEP_PORTAL__PUBLIC_URL": service_url(profile, "portal"),
    }
    own = {
        "identity": {
            "LOCKSTEP_SIGNING_KEY_FILE": str(keys.signing_key_file(profile)),
            "LOCKSTEP_BOOTSTRAP__CLIENT_SECRET_FILE": str(keys.client_secret_file(profile)),
        },
        "notifier": {
            "LOCKSTEP_SMTP__HOST": HOST,
            "LOCKSTEP_SMTP__PORT": str(profile.port("smtp")),
            "LOCKSTEP_SMTP__SENDER": "Lockstep Service <service@lockstep.example>",
        },
        "portal": {
            **{
                f"LOCKSTEP_SERVICES__{name.upper()}": service_url(profile, name)
                for name in ("identity", "catalog", "tickets", "notifier")
            },
            "LOCKSTEP_ASSETS_DIR": str(assets),
            "LOCKSTEP_SESSION_KEY_FILE": str(keys.session_key_file(profile)),
        },
    }
    return {**common, **own.get(service, {})}
