"""The local copies of people and country editions. Users and grants are followed by every service in the same way."""

from collections.abc import Mapping
from typing import Any

from shared.contracts.identity import EditionState, PersonState

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
