"""Who a recipient is at this moment: his state and rights, his address, and his country's edition."""

import asyncio
from dataclasses import dataclass

from services.notifier.recipients.store import edition_of, person_of
from services.notifier.service import Service
from shared.access.caller import Caller
from shared.contracts.identity import EditionState, PersonState, UserState


@dataclass(frozen=True)
class Recipient:
    """What is known of one user. `caller` holds what he may see now; it is missing for a user who is not active."""

    user: UserState | None
    person: PersonState | None
    caller: Caller | None
    edition: EditionState | None


async def recipient(service: Service, user_id: str) -> Recipient:
    """Look a user up in the local views, without any memory: a right withdrawn a moment ago counts."""
    views = service.parts.views
    document, person, caller = await asyncio.gather(
        views.users(user_id), views.people(user_id), service.callers.of_user(user_id)
    )
    user = UserState.model_validate({**document, "user_id": user_id}) if document else None
    return Recipient(
        user=user,
        person=person_of(person),
        caller=caller,
        edition=edition_of(await views.editions(user.country)) if user else None,
    )
