"""The local copies of people and country editions. Users and grants are followed by every service in the same way."""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.notifier.preferences.store import PREFERENCES
from shared.access.callers import VIEW_USERS
from shared.contracts.identity import EditionState, PersonState
from shared.outbox.statements import Statements

VIEW_PEOPLE = "view_people"
VIEW_EDITIONS = "view_editions"


def person_fields(person: PersonState) -> dict[str, Any]:
    return {"person": person.model_dump(mode="json")}


def edition_fields(edition: EditionState) -> dict[str, Any]:
    return {"edition": edition.model_dump(mode="json")}


def person_of(document: Mapping[str, Any] | None) -> PersonState | None:
    """The person in a row; None for nobody, and for somebody whose data were erased."""
    state = document and document.get("person")
    return PersonState.model_validate(state) if state else None


def edition_of(document: Mapping[str, Any] | None) -> EditionState | None:
    return EditionState.model_validate(document["edition"]) if document else None


class Views:
    """Single rows of what is known of people, read in one question for all mails that leave at the same time."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self.users = Statements(db[VIEW_USERS]).read
        self.people = Statements(db[VIEW_PEOPLE]).read
        self.editions = Statements(db[VIEW_EDITIONS]).read
        self.preferences = Statements(db[PREFERENCES]).read
