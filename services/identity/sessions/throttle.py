"""Growing delays after failed sign-ins, counted per person and client address.

Whoever fails from one address cannot lock the person out at another (IDN-8). There is no count per person alone, which
would lock him out, and none per address alone, which would lock his colleagues out behind the same router; the front
door limits the rate per address. An attempt is counted before the password is looked at, so that many at once do not
slip through; the right password clears the count. Unknown addresses count in the same way.
"""

from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.identity.service import Service
from services.identity.sessions.domain import FAILURES_FORGOTTEN_AFTER, delay_after
from shared.problems import Problem

COLLECTION = "sign_in_attempts"
ATTEMPTS = 20


class TooManyAttempts(Problem):
    status = 429
    code = "too_many_attempts"
    title = "Too many failed attempts; wait before the next one"


async def prepare(service: Service) -> None:
    await service.db[COLLECTION].create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)


async def count_attempt(db: AsyncDatabase[dict[str, Any]], attempts_id: str) -> None:
    """Count one attempt. Raises TooManyAttempts while a delay runs."""
    for _ in range(ATTEMPTS):
        now = datetime.now(UTC)
        known = await db[COLLECTION].find_one({"_id": attempts_id})
        failures = known["failures"] if known is not None and known["expires_at"] > now else 0
        if failures and known is not None and known["blocked_until"] > now:
            raise _wait(known["blocked_until"], now)
        counted = {
            "failures": failures + 1,
            "blocked_until": now + delay_after(failures + 1),
            "expires_at": now + FAILURES_FORGOTTEN_AFTER,
        }
        if known is None:
            try:
                await db[COLLECTION].insert_one({"_id": attempts_id, **counted})
            except DuplicateKeyError:
                continue
            return
        if (await db[COLLECTION].update_one(known, {"$set": counted})).matched_count:
            return
    raise _wait(datetime.now(UTC) + delay_after(ATTEMPTS), datetime.now(UTC))


async def clear(db: AsyncDatabase[dict[str, Any]], attempts_id: str) -> None:
    await db[COLLECTION].delete_one({"_id": attempts_id})


def _wait(until: datetime, now: datetime) -> TooManyAttempts:
    seconds = max(1, int((until - now).total_seconds()) + 1)
    return TooManyAttempts(headers={"Retry-After": str(seconds)}, retry_after_seconds=seconds)
