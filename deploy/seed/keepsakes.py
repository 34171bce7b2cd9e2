"""What seeding has to remember, outside the repository: the development password and the machine clients' secrets."""

import json
import os
import secrets
from pathlib import Path

PASSWORD_FILE = "demo-password"


def password(directory: Path) -> str:
    """The one password of all demonstration users of a profile, generated once."""
    file = directory / PASSWORD_FILE
    if not file.exists():
        _write(file, secrets.token_urlsafe(12))
    return file.read_text()


def client_secrets(directory: Path) -> dict[str, dict[str, str]]:
    """The parties' machine clients by party: `client_id` and `client_secret`."""
    file = directory / "party-clients.json"
    found: dict[str, dict[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    return found


def keep_client_secrets(directory: Path, found: dict[str, dict[str, str]]) -> None:
    _write(directory / "party-clients.json", json.dumps(found, indent=2))


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
        target.write(content)
