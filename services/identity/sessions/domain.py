"""Rules of sign-in: passwords, delays after failures, refresh tokens. Everything here lives on real time."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

PASSWORD_MIN = 12
PASSWORD_MAX = 256

FREE_FAILURES = 5
LONGEST_DELAY = timedelta(minutes=15)
FAILURES_FORGOTTEN_AFTER = timedelta(hours=1)


class PasswordFault(NamedTuple):
    rule: str
    message: str


def password_fault(password: str, *, about_user: Sequence[str]) -> PasswordFault | None:
    """The rule a new password breaks (OWASP ASVS 5, 6.2: length and context words; no rules of composition).

    `about_user` holds words that an attacker tries first: names and the parts of the e-mail address.
    """
    if len(password) < PASSWORD_MIN:
        return PasswordFault("password_too_short", f"at least {PASSWORD_MIN} characters long")
    if len(password) > PASSWORD_MAX:
        return PasswordFault("password_too_long", f"at most {PASSWORD_MAX} characters long")
    rest = password.casefold()
    for word in sorted({"lockstep", "password", "passwort", *map(str.casefold, about_user)}, key=len, reverse=True):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    if len(rest) < PASSWORD_MIN // 2:
        return PasswordFault("password_guessable", "more than your name, your address or the product's name")
    if len(set(password)) < 5 or _is_sequence(password.casefold()):
        return PasswordFault("password_guessable", "other than a repetition or a sequence")
    return None


def _is_sequence(text: str) -> bool:
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(step in (0, 1, -1) for step in steps) > 0.7 * len(steps)


def words_about(first_name: str, last_name: str, email: str) -> list[str]:
    return [word for text in (first_name, last_name, email) for word in re.split(r"\W+", text) if word]


def delay_after(failures: int) -> timedelta:
    """How long the next attempt has to wait: nothing up to `FREE_FAILURES`, then 2 s, 4 s, 8 s … up to 15 minutes."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2.0 ** min(failures - FREE_FAILURES, 20)), LONGEST_DELAY)


class RefreshToken(NamedTuple):
    """`<session>.<family>.<secret>`: the family stays for the whole session, the secret changes with each refresh.

    A token of the right family with another secret was once genuine: it was stolen, or its thief has refreshed already.
    """

    session_id: str
    family: str
    secret: str

    def text(self) -> str:
        return ".".join(self)


def read_refresh_token(text: str) -> RefreshToken | None:
    parts = text.split(".")
    return RefreshToken(*parts) if len(parts) == 3 and all(parts) else None


class Presented(Enum):
    GENUINE = "genuine"
    REUSED = "reused"
    UNKNOWN = "unknown"


def judge_refresh(token: RefreshToken, *, family_hash: str, secret_hash: str) -> Presented:
    if not hmac.compare_digest(hash_of(token.family), family_hash):
        return Presented.UNKNOWN
    return Presented.GENUINE if hmac.compare_digest(hash_of(token.secret), secret_hash) else Presented.REUSED


def hash_of(secret: str) -> str:
    """SHA-256 as hex: enough for secrets of 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def attempts_id(email_key: str, address: str) -> str:
    """Failures count per person and client address, so that nobody can lock somebody else out (IDN-8)."""
    return hash_of(f"{email_key}\n{address}")
