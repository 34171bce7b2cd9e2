"""What is told again of a person, whose data the history does not keep."""

from datetime import UTC, datetime

from services.identity.users import domain, store
from shared.contracts.identity import PersonChanged, PersonState, UserState, UserStatus

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_person_is_told_again_as_the_document_has_him() -> None:
    state = UserState(user_id="u", status=UserStatus.ACTIVE, country="DE", language="de", time_zone="Europe/Berlin")
    person = PersonState(user_id="u", first_name="Jürgen", last_name="Müller", email="j@example.com")
    user, _ = domain.create_user(state, person, (), tree={}, now=NOW)
    edited, events = domain.edit(user, person={"last_name": "Maier"}, settings={}, now=NOW)
    rebuilt = store.USERS.rebuilt[PersonChanged.topic](store.fields(edited))
    assert rebuilt == events[0]
    assert store.USERS.rebuilt.keys() == {PersonChanged.topic}
