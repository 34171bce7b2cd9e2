"""Users in the store, and the reservations that keep e-mail addresses unique.

`state`, `person` and `given` are the user; `state_version` is the sequence of his newest event on `identity.users`:
what a token names and what the views of the other services count. The rest are keys for search and filters. The
password's hash stands in `password`; `last_active_at` moves without a version.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.identity.service import Service
from services.identity.users.domain import User
from shared.access.scope import Scope, all_of
from shared.contracts.base import Event
from shared.contracts.identity import PersonChanged, PersonState, Right, Role, UserEvent, UserState, UserStatus
from shared.contracts.texts import cleaned
from shared.outbox import Aggregate, Change
from shared.problems import Conflict
from shared.text import folded, search_key

Document = dict[str, Any]


def _person_told(document: Document) -> PersonChanged:
    return PersonChanged(person=PersonState.model_validate(document["person"]))


USERS = Aggregate(name="users", collection="users", rebuilt={PersonChanged.topic: _person_told})
EMAILS = "emails"
RESERVATION_HELD = timedelta(seconds=60)


class EmailTaken(Conflict):
    code = "email_taken"
    title = "Another user has this e-mail address"


def collection(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[USERS.collection]


async def prepare(service: Service) -> None:
    users = collection(service.db)
    for keys in (["last_key", "_id"], ["account_ids", "last_key", "_id"], ["name_keys"], ["email_key"]):
        await users.create_index([(key, ASCENDING) for key in keys])
    await users.create_index([("given.account_id", ASCENDING)])


def user_of(document: Document) -> User:
    return User(
        state=UserState.model_validate(document["state"]),
        person=PersonState.model_validate(document["person"]),
        given=tuple(Right.model_validate(right) for right in document["given"]),
    )


def fields(user: User) -> Document:
    last_name = user.person.last_name
    spellings = {search_key(last_name), folded(last_name)}
    words = {word for spelling in spellings for word in spelling.split()}
    return {
        "state": user.state.model_dump(mode="json"),
        "person": user.person.model_dump(mode="json"),
        "given": [right.model_dump(mode="json") for right in user.given],
        "status": user.state.status.value,
        "account_ids": sorted({right.account_id for right in user.state.rights}),
        "email_key": email_key(user.person.email),
        "last_key": search_key(last_name),
        "name_keys": sorted((spellings | words) - {""}),
    }


def as_change(
    document: Document,
    after: User,
    events: Sequence[Event],
    more: Mapping[str, Any] | None = None,
    unset: Sequence[str] = (),
) -> Change | None:
    """What to write when `document` becomes `after`. An event on `identity.users` stands last among the events."""
    if user_of(document) == after and not events and not more:
        return None
    sets = {**fields(after), **(more or {})}
    if events and isinstance(events[-1], UserEvent):
        sets["state_version"] = document["version"] + len(events)
    return Change(set=sets, events=events, unset=unset)


def email_key(email: str) -> str:
    return unicodedata.normalize("NFKC", cleaned(email)).casefold().strip()


def search_filter(text: str) -> Document:
    """Users whose last name, or a word of it, begins like `text`; a text with an at sign is a whole address."""
    if "@" in text:
        return {"email_key": email_key(text)}
    key = search_key(text)
    return {"name_keys": {"$regex": f"^{re.escape(key)}"}} if key else {"_id": None}


async def find(db: AsyncDatabase[Document], user_id: str) -> Document | None:
    return await collection(db).find_one({"_id": user_id})


async def find_active_by_email(db: AsyncDatabase[Document], email: str) -> Document | None:
    return await collection(db).find_one({"email_key": email_key(email), "status": UserStatus.ACTIVE.value})


async def load_for_access(db: AsyncDatabase[Document], user_id: str) -> Mapping[str, Any] | None:
    """The user as `shared.access` wants him, from identity's own documents."""
    document = await find(db, user_id)
    return {**document["state"], "version": document["state_version"]} if document is not None else None


async def touched_by_tree(
    db: AsyncDatabase[Document], account_id: str, ancestor_ids: Collection[str]
) -> AsyncIterator[Document]:
    """Users whose rights reach an account, or may reach it since the tree has changed."""
    above = [*ancestor_ids, account_id]
    async for document in collection(db).find(
        {"$or": [{"given.account_id": {"$in": above}}, {"account_ids": account_id}]}
    ):
        yield document


async def administrators_given(db: AsyncDatabase[Document], account_id: str) -> list[Document]:
    """The active users who were appointed administrators of this very account."""
    given = {"$elemMatch": {"account_id": account_id, "role": Role.ADMINISTRATOR.value}}
    return await collection(db).find({"given": given, "status": UserStatus.ACTIVE.value}).to_list()


async def reserve_email(db: AsyncDatabase[Document], email: str, user_id: str) -> None:
    """Make an address this user's. Raises EmailTaken.

    A reservation that nobody stands behind may be taken over: its user was removed or changed his address, or the
    command that made it never finished (then after `RESERVATION_HELD`).
    """
    key = email_key(email)
    now = datetime.now(UTC)
    own = {"user_id": user_id, "reserved_at": now}
    try:
        await db[EMAILS].insert_one({"_id": key, **own})
    except DuplicateKeyError:
        held = await db[EMAILS].find_one({"_id": key})
        if held is not None and held["user_id"] == user_id:
            return
        if held is None or not await _is_abandoned(db, held, now):
            raise EmailTaken(field="email", rule="unique") from None
        taken = await db[EMAILS].find_one_and_update(held, {"$set": own})
        if taken is None:
            raise EmailTaken(field="email", rule="unique") from None


async def holds_email(db: AsyncDatabase[Document], email: str, *, scope: Scope) -> bool:
    """Whether the user for whom an address is reserved is in sight."""
    held = await db[EMAILS].find_one({"_id": email_key(email)})
    holder = held["user_id"] if held is not None else None
    return await collection(db).find_one(all_of(scope, {"_id": holder}), {"_id": 1}) is not None


async def _is_abandoned(db: AsyncDatabase[Document], held: Document, now: datetime) -> bool:
    holder = await collection(db).find_one({"_id": held["user_id"]}, {"email_key": 1, "status": 1})
    if holder is not None and holder["status"] == UserStatus.REMOVED.value:
        return True
    if holder is not None and holder["email_key"] == held["_id"]:
        return False
    return bool(held["reserved_at"] < now - RESERVATION_HELD)
