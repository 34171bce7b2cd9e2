"""The installation that `deploy/local` runs on this machine, as seeding and the demonstration need it."""

from deploy.local import keys
from deploy.local.environment import broker_bootstrap, service_url
from deploy.local.layout import SERVICES, Profile
from deploy.seed.seeding import Installation


def broker_access(profile: Profile, principal: str) -> dict[str, str]:
    """How a party reaches the broker, in the variables that every party reads."""
    return {
        "KAFKA_BOOTSTRAP": broker_bootstrap(profile),
        "KAFKA_USERNAME": principal,
        "KAFKA_PASSWORD": keys.broker_password(profile, principal),
        "CLOCK_OFFSET_FILE": str(profile.clock_offset_file),
    }


def local_installation(profile: Profile) -> Installation:
    return Installation(
        urls={name: service_url(profile, name) for name in SERVICES},
        bootstrap_secret=keys.client_secret_file(profile).read_text(),
        broker=broker_access(profile, "back-office"),
        directory=profile.directory,
        clock_offset_file=profile.clock_offset_file,
    )
