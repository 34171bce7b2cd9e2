"""The collection `preferences`: one document per user, made when he chooses for the first time."""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.notifier.messages.domain import MessageKind
from services.notifier.preferences.domain import Cadence, Preferences

PREFERENCES = "preferences"


async def load(db: AsyncDatabase[dict[str, Any]], user_id: str) -> Preferences:
    return preferences_of(await db[PREFERENCES].find_one({"_id": user_id}))


def preferences_of(document: Mapping[str, Any] | None) -> Preferences:
    """What a user chose; nothing where he has not."""
    kinds = {kind.value for kind in MessageKind}
    cadences = document["cadences"] if document else {}
    return {MessageKind(kind): Cadence(cadence) for kind, cadence in cadences.items() if kind in kinds}


async def save(db: AsyncDatabase[dict[str, Any]], user_id: str, chosen: Preferences) -> None:
    """Replace what this user chose."""
    cadences = {kind.value: cadence.value for kind, cadence in chosen.items()}
    await db[PREFERENCES].update_one({"_id": user_id}, {"$set": {"cadences": cadences}}, upsert=True)
