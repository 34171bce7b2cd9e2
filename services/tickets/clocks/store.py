"""Calendars: every version is kept, a pointer names the newest."""

import time
from typing import Any

from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.tickets.clocks.calendars import BusinessCalendar, CalendarRules

Database = AsyncDatabase[dict[str, Any]]

CALENDARS = "calendars"

REMEMBERED_SECONDS = 1.0
"""How long another process may go on promising by the version before."""

ATTEMPTS = 8


class Calendars:
    """The calendars of one process: versions never change, so they are read once; which is newest, once a second."""

    def __init__(self, db: Database) -> None:
        self._calendars = db[CALENDARS]
        self._versions: dict[tuple[str, int], BusinessCalendar] = {}
        self._newest: dict[str, tuple[float, BusinessCalendar]] = {}

    async def prepare(self) -> None:
        await self._calendars.create_index([("code", 1), ("version", DESCENDING)], unique=True)

    async def newest(self, code: str) -> BusinessCalendar | None:
        known = self._newest.get(code)
        if known is not None and time.monotonic() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        document = await self._calendars.find_one({"code": code}, sort=[("version", DESCENDING)])
        if document is None:
            return None
        calendar = _calendar(document)
        self._newest[code] = (time.monotonic(), calendar)
        return calendar

    async def version(self, code: str, version: int) -> BusinessCalendar | None:
        known = self._versions.get((code, version))
        if known is None:
            document = await self._calendars.find_one({"code": code, "version": version})
            if document is None:
                return None
            known = self._versions[code, version] = _calendar(document)
        return known

    async def publish(self, code: str, rules: CalendarRules) -> tuple[BusinessCalendar, bool]:
        """The calendar as its newest version, and whether that is a new one: the same rules again make none."""
        for _ in range(ATTEMPTS):
            self._newest.pop(code, None)
            before = await self.newest(code)
            if before is not None and _rules(before) == rules.model_dump():
                return before, False
            calendar = BusinessCalendar(**rules.model_dump(), code=code, version=before.version + 1 if before else 1)
            document = {"_id": f"{code}@{calendar.version}", **calendar.model_dump(mode="json")}
            try:
                await self._calendars.insert_one(document)
            except DuplicateKeyError:
                continue
            self._newest[code] = (time.monotonic(), calendar)
            return calendar, True
        raise RuntimeError(f"calendar {code} was published by too many at once")

    async def all_newest(self) -> list[BusinessCalendar]:
        newest: dict[str, BusinessCalendar] = {}
        async for document in self._calendars.find().sort([("code", 1), ("version", DESCENDING)]):
            if document["code"] not in newest:
                newest[document["code"]] = _calendar(document)
        return list(newest.values())


def _rules(calendar: BusinessCalendar) -> dict[str, Any]:
    return calendar.model_dump(exclude={"code", "version"})


def _calendar(document: dict[str, Any]) -> BusinessCalendar:
    return BusinessCalendar.model_validate({key: value for key, value in document.items() if key != "_id"})
