"""The last service administrator stays: one document counts the active ones, and decides before a user's document does.

Whoever stops being one is taken out first; whoever becomes one is counted afterwards. So a crash between the two writes
makes the count too small, never too large, and the next start counts anew.
"""

from services.identity.service import Service
from services.identity.users import store
from services.identity.users.domain import User
from shared.contracts.identity import StaffRole, UserStatus
from shared.problems import Conflict

COLLECTION = "staff"
ROLE = StaffRole.SERVICE_ADMIN.value


class LastServiceAdministrator(Conflict):
    code = "last_service_administrator"
    title = "There has to be a service administrator: appoint another one first"


def is_counted(user: User) -> bool:
    return user.state.status is UserStatus.ACTIVE and StaffRole.SERVICE_ADMIN in user.state.staff_roles


async def prepare(service: Service) -> None:
    """Count all active service administrators."""
    query = {"status": UserStatus.ACTIVE.value, "state.staff_roles": ROLE}
    found = [user["_id"] async for user in store.collection(service.db).find(query, {"_id": 1})]
    await service.db[COLLECTION].update_one({"_id": ROLE}, {"$addToSet": {"user_ids": {"$each": found}}}, upsert=True)


async def count(deps: Service, user_id: str) -> None:
    await deps.db[COLLECTION].update_one({"_id": ROLE}, {"$addToSet": {"user_ids": user_id}}, upsert=True)


async def release(deps: Service, user_id: str) -> None:
    """Stop counting one. Raises LastServiceAdministrator."""
    another = {"_id": ROLE, "user_ids": user_id, "user_ids.1": {"$exists": True}}
    if (await deps.db[COLLECTION].update_one(another, {"$pull": {"user_ids": user_id}})).matched_count:
        return
    if await deps.db[COLLECTION].find_one({"_id": ROLE, "user_ids": user_id}) is not None:
        raise LastServiceAdministrator()
