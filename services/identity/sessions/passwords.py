"""Hashing of passwords with argon2id in a bounded pool of threads: a flood of sign-ins cannot eat the machine."""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.identity.sessions.domain import password_fault, words_about
from services.identity.settings import PasswordSettings
from shared.contracts.identity import PersonState
from shared.problems import Invalid, Unavailable


class PasswordTooWeak(Invalid):
    code = "password_too_weak"
    title = "The password breaks a rule"


def composed(password: str) -> str:
    """The password however its keyboard writes letters with accents (NIST SP 800-63B, 3.1.1.2); never trimmed."""
    return unicodedata.normalize("NFC", password)


class Passwords:
    """Hashes and verifies; a kept hash with other parameters than today's is `is_outdated`."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.passes, memory_cost=settings.memory_kib, parallelism=settings.lanes
        )
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="argon2")
        self._most = settings.threads + settings.waiting
        self._present = 0
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """Raises Unavailable while too many wait."""
        return str(await self._run(self._hasher.hash, composed(password)))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password is right. Without a hash it takes as long, and is wrong. Raises Unavailable."""
        matches = bool(await self._run(self._matches, hashed or self._nobodys, composed(password)))
        return matches and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Any, *arguments: str) -> Any:
        if self._present >= self._most:
            raise Unavailable("Too many sign-ins at once; try again in a moment.", retry_after_seconds=2)
        self._present += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._present -= 1


async def hash_new_password(
    passwords: Passwords, password: str, person: PersonState, *, field: str = "password"
) -> Any:
    """What the user's document keeps of a new password. Raises PasswordTooWeak."""
    about_user = words_about(person.first_name, person.last_name, person.email)
    if (fault := password_fault(password, about_user=about_user)) is not None:
        raise PasswordTooWeak(f"The password must be {fault.message}.", field=field, rule=fault.rule)
    return {"hash": await passwords.hash(password), "changed_at": datetime.now(UTC)}
