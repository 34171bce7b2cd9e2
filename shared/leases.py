"""A lease: one process of a service at a time does a thing, by real time. It makes work cheap, never correct."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

COLLECTION = "leases"


class Lease:
    def __init__(self, db: AsyncDatabase[dict[str, Any]], name: str, holder: str, seconds: float = 5.0) -> None:
        self._leases = db[COLLECTION]
        self._name = name
        self._holder = holder
        self._length = timedelta(seconds=seconds)

    async def held(self) -> bool:
        """Take or renew the lease; False while another process holds it."""
        now = datetime.now(UTC)
        try:
            await self._leases.update_one(
                {"_id": self._name, "$or": [{"holder": self._holder}, {"until": {"$lt": now}}]},
                {"$set": {"holder": self._holder, "until": now + self._length}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def give_back(self) -> None:
        """Let another process have it at once."""
        await self._leases.delete_one({"_id": self._name, "holder": self._holder})
